"""The change feed of intervals, beside a naive model that knows the content of every instant."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mtctl.core.feed import ChangeKind, Part, changes
from mtctl.core.interval import Interval


def part(start: int, end: int, content: str, **place: int) -> Part:
    return Part(interval=Interval(start, end), fingerprint=f"mt1-00aa-1-{content}", rows=1, **place)


@st.composite
def sides(draw: st.DrawFn) -> list[Part]:
    """Disjoint parts over a short stretch of time, with few different contents."""
    edges = sorted(draw(st.sets(st.integers(0, 12), max_size=8)))
    found = []
    for start, end in pairwise(edges):
        content = draw(st.sampled_from(["", "a", "b"]))
        if content:
            found.append(part(start, end, content, file_id=draw(st.integers(1, 3))))
    return found


def naive(before: list[Part], after: list[Part]) -> set[frozenset[tuple[bool, Interval]]]:
    """Join what overlaps until nothing moves, then leave out pairs that are the same."""
    groups = [{(True, one.interval)} for one in before] + [{(False, one.interval)} for one in after]
    moved = True
    while moved:
        moved = False
        for left in groups:
            for right in groups:
                if left is not right and any(a.overlaps(b) for _, a in left for _, b in right):
                    left.update(right)
                    groups.remove(right)
                    moved = True
                    break
            if moved:
                break
    content = {(True, one.interval): one.fingerprint for one in before}
    content |= {(False, one.interval): one.fingerprint for one in after}
    kept = set()
    for group in groups:
        olds, news = ({(span, content[old, span]) for old, span in group if old is side} for side in (True, False))
        if olds != news or len(olds) != 1:
            kept.add(frozenset(group))
    return kept


@given(sides(), sides())
def test_the_feed_is_what_a_naive_model_says(before: list[Part], after: list[Part]) -> None:
    found = changes(before, after)
    told = {
        frozenset([(True, one.interval) for one in change.before] + [(False, one.interval) for one in change.after])
        for change in found
    }
    assert told == naive(before, after)
    assert all(first.span.end <= second.span.start for first, second in pairwise(found))
    for change in found:
        assert change.span.start == min(one.interval.start for one in (*change.before, *change.after))
        assert change.span.end == max(one.interval.end for one in (*change.before, *change.after))


@given(sides(), sides())
def test_replaying_the_feed_over_the_earlier_moment_gives_the_later_one(before: list[Part], after: list[Part]) -> None:
    state = {one.interval: one.fingerprint for one in before}
    for change in changes(before, after):
        for gone in change.before:
            del state[gone.interval]
        for come in change.after:
            assert not any(come.interval.overlaps(left) for left in state)
            state[come.interval] = come.fingerprint
    assert state == {one.interval: one.fingerprint for one in after}


@given(sides(), sides())
def test_the_feed_back_is_the_feed_mirrored(before: list[Part], after: list[Part]) -> None:
    there = [(one.span, one.before, one.after) for one in changes(before, after)]
    back = [(one.span, one.after, one.before) for one in changes(after, before)]
    assert there == back


def test_carried_and_compacted_intervals_show_nothing() -> None:
    before = [part(0, 1, "a", file_id=1, row_start=0), part(1, 2, "b", file_id=1, row_start=1)]
    after = [part(0, 1, "a", file_id=9, row_start=5), part(1, 2, "c", file_id=9, row_start=0)]
    [change] = changes(before, after)
    assert (change.span, change.kind) == (Interval(1, 2), ChangeKind.CHANGED)


def test_a_stretch_that_came_or_went_says_so() -> None:
    assert [one.kind for one in changes([], [part(0, 1, "a")])] == [ChangeKind.ADDED]
    assert [one.kind for one in changes([part(0, 1, "a")], [])] == [ChangeKind.REMOVED]


def test_days_that_became_a_month_are_one_stretch() -> None:
    days = [part(number, number + 1, "a") for number in range(4)]
    [change] = changes(days, [part(0, 4, "a")])
    assert (change.span, len(change.before), len(change.after)) == (Interval(0, 4), 4, 1)


def test_fingerprints_of_another_hash_leave_it_to_the_rows_unless_these_are_the_same_ones() -> None:
    old = Part(interval=Interval(0, 1), fingerprint="mt1-00aa-1-x", rows=5, file_id=1, row_start=2)
    moved = Part(interval=Interval(0, 1), fingerprint="mt1-00bb-1-x", rows=5, file_id=2, row_start=2)
    there = Part(interval=Interval(0, 1), fingerprint="mt1-00bb-1-x", rows=5, file_id=1, row_start=2)
    assert len(changes([old], [moved])) == 1
    assert changes([old], [there]) == ()
