from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from strategies import interval_lists, interval_sets, intervals

from mtctl.core.interval import EMPTY, WHOLE, Interval, IntervalSet


def points(covered: object) -> set[int]:
    return {point for interval in covered for point in range(interval.start, interval.end)}


def is_canonical(covered: IntervalSet) -> bool:
    return all(low.end < high.start for low, high in pairwise(covered))


@given(interval_lists())
def test_a_set_covers_exactly_what_it_was_given_sorted_disjoint_and_merged(given_intervals):
    covered = IntervalSet.of(given_intervals)
    assert points(covered) == points(given_intervals)
    assert is_canonical(covered)
    assert IntervalSet.of(covered) == covered
    assert covered.measure == len(points(covered))


@given(interval_sets(), interval_sets())
def test_operators_agree_with_sets_of_points(left, right):
    for result, model in (
        (left | right, points(left) | points(right)),
        (left & right, points(left) & points(right)),
        (left - right, points(left) - points(right)),
    ):
        assert points(result) == model
        assert is_canonical(result)


@given(interval_sets(), interval_sets())
def test_laws_of_the_algebra(left, right):
    assert left | right == right | left
    assert left & right == right & left
    assert left | left == left & left == left
    assert left - left == EMPTY
    assert (left - right) | (left & right) == left
    assert not (left - right) & right


@given(interval_sets(), intervals())
def test_contains_means_fully_covered(covered, interval):
    assert (interval in covered) == (points([interval]) <= points(covered))


@given(intervals(), intervals())
def test_overlap_contains_and_intersection_agree_with_points(left, right):
    shared = points([left]) & points([right])
    assert left.overlaps(right) == bool(shared)
    assert left.contains(right) == (points([right]) <= points([left]))
    found = left.intersection(right)
    assert points([found] if found else []) == shared


def test_touching_intervals_merge_and_share_nothing():
    assert IntervalSet.of([Interval(5, 9), Interval(1, 5)]).intervals == (Interval(1, 9),)
    assert not Interval(1, 5).overlaps(Interval(5, 9))


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5)])
def test_an_interval_needs_a_length(start, end):
    with pytest.raises(ValueError, match="start < end"):
        Interval(start, end)


def test_span_and_truth_of_the_empty_set():
    assert EMPTY.span is None
    assert not EMPTY
    assert IntervalSet.of([Interval(1, 2), Interval(8, 9)]).span == Interval(1, 9)
    assert WHOLE.contains(Interval(0, 1))


def test_365_000_separate_intervals_are_quick():
    many = IntervalSet.of(Interval(4 * i, 4 * i + 2) for i in range(365_000))
    shifted = IntervalSet.of(Interval(4 * i + 1, 4 * i + 3) for i in range(365_000))
    begun = time.process_time()
    assert (many | shifted).measure == 3 * 365_000
    assert (many - shifted).measure == 365_000
    assert (many & shifted).measure == 365_000
    assert time.process_time() - begun < 10  # a quadratic walk would take hours
