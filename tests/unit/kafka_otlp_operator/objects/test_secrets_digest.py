"""The keyed digest of the Secrets that a resource mounts. Its laws are in ``tests/laws/test_credentials.py``."""

import hashlib
import hmac

from kafka_otlp_operator.objects.secrets_digest import KEY_BYTES, Source, digest

KEY = b"k" * KEY_BYTES
PASSWORD = Source("Secret", "kafka", "password")


def test_it_is_an_hmac_of_every_part_with_its_length():
    """The value is fixed: if it changed with an upgrade of the operator, every pod would restart."""
    parts = [b"telemetry", b"edge", b"Secret", b"kafka", b"password", b"hunter2"]
    text = b"".join(b"\1" + len(part).to_bytes(8, "big") + part for part in parts)
    expected = hmac.new(KEY, text, hashlib.sha256).hexdigest()
    assert digest(KEY, "telemetry", "edge", {PASSWORD: b"hunter2"}) == expected


def test_equal_passwords_of_two_resources_are_not_seen_to_be_equal():
    """Equal Secrets have different digests in different resources, so pods of one reveal nothing about the other."""
    values = {PASSWORD: b"hunter2"}
    assert len({digest(KEY, place, name, values) for place in ("a", "b") for name in ("c", "d")}) == 4
