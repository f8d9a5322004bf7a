"""Ids that sort by time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.ulid import ulid

INSTANTS = st.integers(0, (1 << 48) * 1000 - 1)


def test_the_specification_examples():
    assert ulid(0, bytes(10)) == "0" * 26
    assert ulid(1_469_918_176_385_000, bytes(10)) == "01ARYZ6S41" + "0" * 16
    assert ulid(((1 << 48) - 1) * 1000, b"\xff" * 10) == "7" + "Z" * 25


@given(INSTANTS, INSTANTS, st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
def test_a_later_millisecond_sorts_later(one, other, entropy, more):
    first, second = ulid(one, entropy), ulid(other, more)
    assert len(first) == 26
    if one // 1000 < other // 1000:
        assert first < second
    if one // 1000 == other // 1000:
        assert (first < second) == (entropy < more)


@pytest.mark.parametrize(("now", "entropy"), [(0, b""), (0, bytes(11)), (-1, bytes(10)), ((1 << 48) * 1000, bytes(10))])
def test_what_does_not_fit_is_refused(now, entropy):
    with pytest.raises(ValueError, match="ULID"):
        ulid(now, entropy)
