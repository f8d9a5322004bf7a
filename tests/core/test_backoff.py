"""The wait between tries."""

from __future__ import annotations

import pytest

from mtctl.core.backoff import CAP, backoff

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 900), (7, 900), (10_000, 900)]
)
def test_the_wait_doubles_up_to_the_cap(tries, seconds):
    assert backoff(tries, 1.0) == seconds * SECOND <= CAP


def test_full_jitter_scales_the_whole_wait():
    assert backoff(2, 0.0) == 0
    assert backoff(2, 0.25) == 15 * SECOND


@pytest.mark.parametrize(("tries", "jitter"), [(0, 0.5), (-1, 0.5), (1, -0.1), (1, 1.1), (1, float("nan"))])
def test_what_is_out_of_range_is_refused(tries, jitter):
    with pytest.raises(ValueError, match=r"tries|jitter"):
        backoff(tries, jitter)
