"""What became of a request, in words of our own."""

from kafka_otlp_exporter.outcomes import Reason


def test_reasons_are_words_that_a_condition_may_hold():
    """Kubernetes wants a reason in CamelCase, without spaces."""
    assert [reason for reason in Reason if not reason.value.isalpha() or not reason.value[0].isupper()] == []
