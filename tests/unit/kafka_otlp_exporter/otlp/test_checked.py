"""What a check leaves of a request."""

from kafka_otlp_exporter.otlp.checked import Checked


def test_a_request_without_faults_says_nothing_more():
    """Nothing was left out, and nothing was repaired."""
    checked = Checked(b"\n\x00", 3)
    assert (checked.rejected, checked.flaw, checked.repaired, checked.repaired_at) == (0, "", 0, "")
