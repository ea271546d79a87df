"""A value that is read again when its files have changed."""

from pathlib import Path

import pytest

from kafka_otlp_exporter.config.watched import Watched


def watched(file: Path) -> Watched[int]:
    """The number in a file."""
    return Watched("number", lambda: int(file.read_text()), file.read_bytes)


def test_the_value_is_read_at_once_and_again_only_after_a_change(tmp_path: Path):
    """A look at unchanged files reads no value."""
    file = tmp_path / "number"
    file.write_text("1")
    number = watched(file)
    assert (number.value, number.look(), number.value) == (1, False, 1)
    file.write_text("2")
    assert (number.look(), number.value, number.look()) == (True, 2, False)


def test_what_cannot_be_read_raises_once_and_the_old_value_stays(tmp_path: Path):
    """The next good content is a change again."""
    file = tmp_path / "number"
    file.write_text("1")
    number = watched(file)
    file.write_text("one")
    with pytest.raises(ValueError, match="one"):
        number.look()
    assert (number.look(), number.value) == (False, 1)
    file.write_text("1")
    assert (number.look(), number.value) == (True, 1)


def test_a_change_between_fingerprint_and_reading_is_found_by_the_next_look(tmp_path: Path):
    """The fingerprint is taken first, so no change is ever missed."""
    file = tmp_path / "number"
    file.write_text("1")

    def read() -> int:
        found = int(file.read_text())
        file.write_text("2")  # somebody else writes right after the value was read
        return found

    number = Watched("number", read, file.read_bytes)
    assert number.value == 1
    assert number.look()
    assert number.value == 2


def test_what_cannot_be_read_at_first_makes_nothing(tmp_path: Path):
    """The caller decides what that means."""
    file = tmp_path / "number"
    file.write_text("one")
    with pytest.raises(ValueError, match="one"):
        watched(file)
