"""Floor 0. How the intervals of one table are cut into batches, and why each interval of them is done."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mtctl.core.calendar import Calendar
    from mtctl.core.interval import IntervalSet

MAX_INTERVALS = 10_000
"""No batch has more grain intervals: one transaction publishes a row for each."""

TARGET_SECONDS = 30.0
"""With history a batch is at most this much predicted work: what a kill or a cancel can cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A contiguous range, the number of its grain intervals, and how many of them are done for which reason."""

    interval: Interval
    count: int
    reasons: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The batches of one table in a plan: sorted, disjoint, with keys counting up from `first_key`."""

    first_key: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def overlapping(self, interval: Interval) -> range:
        """Return the keys of the batches that share an instant with the interval."""
        low = bisect_right(self.ends, interval.start)
        high = bisect_left(self.starts, interval.end)
        return range(self.first_key + low, self.first_key + high)


def batch_limit(requested: int | None, defined: int | None, seconds_per_interval: float | None) -> int:
    """Return how many intervals a batch may have: as requested, else as defined, else 30 s of work, else any number.

    Without history (`seconds_per_interval` None) one batch is the best guess. Always from 1 to 10,000.
    """
    given = requested if requested is not None else defined
    if given is not None:
        return max(1, min(given, MAX_INTERVALS))
    if not seconds_per_interval:
        return MAX_INTERVALS
    return int(max(1.0, min(TARGET_SECONDS / seconds_per_interval, MAX_INTERVALS)))


def cut(
    runs: IntervalSet, calendar: Calendar | None, limit: int, reasons: Sequence[tuple[Interval, str]]
) -> Iterator[Batch]:
    """Yield the batches of at most `limit` intervals, in order; a hole splits.

    `reasons` labels all of `runs`: sorted, disjoint ranges on grain edges. Without a calendar a run is one interval.
    """
    starts = [interval.start for interval, _ in reasons]
    ends = [interval.end for interval, _ in reasons]
    for run in runs:
        edges = [run.start, run.end] if calendar is None else list(calendar.edges(run.start, run.end))
        for low in range(0, len(edges) - 1, limit):
            part = edges[low : low + limit + 1]
            nearest = reasons[bisect_right(ends, part[0]) : bisect_left(starts, part[-1])]
            yield Batch(interval=Interval(part[0], part[-1]), count=len(part) - 1, reasons=_tally(part, nearest))


def _tally(edges: list[int], reasons: Sequence[tuple[Interval, str]]) -> tuple[tuple[str, int], ...]:
    """Return how many of the intervals between these edges each reason has, in order of appearance."""
    counts: dict[str, int] = {}
    for interval, reason in reasons:
        found = bisect_left(edges, min(interval.end, edges[-1])) - bisect_left(edges, max(interval.start, edges[0]))
        counts[reason] = counts.get(reason, 0) + found
    return tuple(counts.items())
