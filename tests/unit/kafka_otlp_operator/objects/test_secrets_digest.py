"""The keyed digest of what a resource mounts. Its laws are in ``tests/laws/test_credentials.py``."""

import hashlib
import hmac

from kafka_otlp_operator.objects.secrets_digest import KEY_BYTES, Source, digest

KEY = b"k" * KEY_BYTES
PASSWORD = Source("Secret", "kafka", "password")


def test_it_is_an_hmac_of_every_part_with_its_length():
    """Written out: a pod template that has one digest must have the same one after an upgrade, or every pod restarts."""
    parts = [b"telemetry", b"edge", b"Secret", b"kafka", b"password", b"hunter2"]
    text = b"".join(b"\1" + len(part).to_bytes(8, "big") + part for part in parts)
    expected = hmac.new(KEY, text, hashlib.sha256).hexdigest()
    assert digest(KEY, "telemetry", "edge", {PASSWORD: b"hunter2"}) == expected


def test_equal_passwords_of_two_resources_are_not_seen_to_be_equal():
    """Whoever may read pods learns nothing of another namespace's Secrets."""
    values = {PASSWORD: b"hunter2"}
    assert len({digest(KEY, place, name, values) for place in ("a", "b") for name in ("c", "d")}) == 4
