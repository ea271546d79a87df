"""Laws of the digest by which a changed Secret is seen."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from kafka_otlp_operator.objects.secrets_digest import Source, digest

KEY = bytes(range(32))
# Few letters, so that parts are often alike, and bytes that look like what parts them.
TEXT = st.text("ab\0", max_size=3)
SOURCES = st.builds(Source, st.sampled_from(["Secret", "ConfigMap"]), TEXT, TEXT)
VALUES = st.dictionaries(
    SOURCES, st.none() | st.binary(max_size=4) | st.sampled_from([b"", b"a", b"ab", b"\0"]), max_size=4
)
OWNERS = st.tuples(TEXT, TEXT)


def hashed(owner: tuple[str, str], values: Mapping[Source, bytes | None], key: bytes = KEY) -> str:
    """The digest of a resource's values."""
    return digest(key, *owner, values)


@given(OWNERS, VALUES, OWNERS, VALUES)
def test_only_the_same_is_the_same(one, values, other, others):
    """No two resources, and no two sets of values, share a digest: bytes that move from one part to the next are seen."""
    same = (one, values) == (other, others)
    assert (hashed(one, values) == hashed(other, others)) == same


@given(OWNERS, VALUES)
def test_the_order_does_not_matter(owner, values):
    """A set of values has one digest, and another key makes it another one."""
    backwards = dict(reversed(values.items()))
    assert hashed(owner, values) == hashed(owner, backwards)
    assert hashed(owner, values) != hashed(owner, values, KEY[::-1])


@given(OWNERS, SOURCES)
def test_what_is_not_there_is_not_what_is_empty(owner, source):
    """A Secret that appears is a change."""
    assert hashed(owner, {source: None}) != hashed(owner, {source: b""})
