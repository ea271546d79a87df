"""What became of a request, in words of our own."""

from kafka_otlp_exporter.outcomes import Invalid, Reason, Rejection, TooLarge, Unauthenticated, Unavailable


def test_reasons_are_words_that_a_condition_may_hold():
    """Kubernetes wants a reason in CamelCase, without spaces."""
    assert [reason for reason in Reason if not reason.value.isalpha() or not reason.value[0].isupper()] == []


def test_a_client_is_to_wait_a_second_unless_it_is_told_otherwise():
    """Five seconds are for what an administrator must repair."""
    assert Unavailable(Reason.QUEUE_FULL, "full.").retry_after == 1.0


def test_items_are_rejected_as_too_large_unless_they_are_surplus():
    """The two are counted apart."""
    assert Rejection(3, "too large.").surplus == 0


def test_what_cannot_be_repaired_by_sending_again_is_invalid():
    """Receivers answer all of these without RetryInfo."""
    assert issubclass(TooLarge, Invalid)
    assert issubclass(Unauthenticated, Invalid)
    assert not issubclass(Unavailable, Invalid)
