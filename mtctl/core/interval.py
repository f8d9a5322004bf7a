"""Floor 0. Half-open stretches of time and their sets.

An `Interval` is `[start, end)` in whole microseconds UTC. An `IntervalSet` is kept sorted, disjoint and merged, so
two sets are equal exactly when they cover the same time. A whole-table refresh has the one pseudo-interval `WHOLE`.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MIN_INSTANT = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z, the first instant that a datetime can hold."""

MAX_INSTANT = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z, the last one."""


class Grain(StrEnum):
    """The length of one interval, in calendar units of the table's zone."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"
    QUARTER = "quarter"  # from January, April, July, October
    YEAR = "year"


@frozen(kw_only=False, order=True)
class Interval:
    """`[start, end)` in microseconds UTC; raises ValueError unless start < end. Sorts by (start, end)."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"an interval needs start < end, not [{self.start}, {self.end})")

    def overlaps(self, other: Interval) -> bool:
        """Return whether the two share at least one instant; touching is not sharing."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Interval) -> bool:
        """Return whether all of `other` lies in this one."""
        return self.start <= other.start and other.end <= self.end

    def intersection(self, other: Interval) -> Interval | None:
        """Return what the two share, None when nothing."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None


WHOLE = Interval(MIN_INSTANT, MAX_INSTANT)
"""The one pseudo-interval of a table that is refreshed as a whole."""


@frozen(kw_only=False)
class IntervalSet:
    """A set of instants as sorted, disjoint, merged intervals. Build it with `IntervalSet.of`.

    The operators walk both sides once, so their cost is linear in the number of intervals.
    """

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> IntervalSet:
        """Return the set that covers what the given intervals cover, in any order, overlapping or not."""
        return cls(_merged(sorted(intervals, key=_start)))

    def __or__(self, other: IntervalSet) -> IntervalSet:
        if not other.intervals:
            return self
        if not self.intervals:
            return other
        # Two sorted runs: the sort finds and merges them in linear time.
        return IntervalSet(_merged(sorted(self.intervals + other.intervals, key=_start)))

    def __and__(self, other: IntervalSet) -> IntervalSet:
        if self is other:
            return self
        ours, theirs = self.intervals, other.intervals
        found: list[Interval] = []
        i = j = 0
        while i < len(ours) and j < len(theirs):
            shared = ours[i].intersection(theirs[j])
            if shared is not None:
                found.append(shared)
            if ours[i].end <= theirs[j].end:
                i += 1
            else:
                j += 1
        return IntervalSet(tuple(found))

    def __sub__(self, other: IntervalSet) -> IntervalSet:
        if not self.intervals or not other.intervals:
            return self
        if self is other or (len(self.intervals) == 1 and self.intervals[0] in other):
            return EMPTY  # by far the most common case: a table that is all fresh
        return IntervalSet(tuple(_differences(self.intervals, other.intervals)))

    def __contains__(self, interval: Interval) -> bool:
        """Return whether the whole interval is covered."""
        at = bisect_right(self.intervals, interval.start, key=_start) - 1
        return at >= 0 and self.intervals[at].contains(interval)

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.intervals)

    def __len__(self) -> int:
        return len(self.intervals)

    def __bool__(self) -> bool:
        return bool(self.intervals)

    @property
    def span(self) -> Interval | None:
        """The least interval around all of them, None of an empty set."""
        return Interval(self.intervals[0].start, self.intervals[-1].end) if self.intervals else None

    @property
    def measure(self) -> int:
        """The covered time in microseconds."""
        return sum(interval.end - interval.start for interval in self.intervals)


EMPTY = IntervalSet()
"""The set without an instant."""


_start = attrgetter("start")


def _merged(ordered: list[Interval]) -> tuple[Interval, ...]:
    """Join overlapping and touching neighbours; an interval that stays as it was keeps its object."""
    if not ordered:
        return ()
    found: list[Interval] = []
    current = ordered[0]
    start, end = current.start, current.end
    for interval in ordered:
        if interval.start > end:
            found.append(current if current.end == end else Interval(start, end))
            current = interval
            start, end = interval.start, interval.end
        elif interval.end > end:
            end = interval.end
    found.append(current if current.end == end else Interval(start, end))
    return tuple(found)


def _differences(ours: tuple[Interval, ...], theirs: tuple[Interval, ...]) -> Iterator[Interval]:
    j = 0
    for interval in ours:
        start, end = interval.start, interval.end
        while j < len(theirs) and theirs[j].end <= start:
            j += 1
        at = j
        while at < len(theirs) and theirs[at].start < end:
            if start < theirs[at].start:
                yield Interval(start, theirs[at].start)
            start = theirs[at].end
            at += 1
        # The last one may reach into our next interval, so it is looked at again there.
        j = max(j, at - 1)
        if start == interval.start:
            yield interval
        elif start < end:
            yield Interval(start, end)
