"""Floor 0. Which intervals of a table are wanted, fresh, stale or missing, and what they read.

All of it is set algebra on whole grain intervals: nothing here walks interval by interval, so a table with a hundred
years of minutes costs what a table with one day costs. What is neither fresh nor stale but wanted is missing.
"""

from __future__ import annotations

from functools import lru_cache
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from mtctl.core.interval import EMPTY, MAX_INSTANT, MIN_INSTANT, WHOLE, Interval, IntervalSet
from mtctl.core.model import Mode, RangeKind
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mtctl.core.calendar import Calendar
    from mtctl.core.model import Instant, Read, TableDefinition
    from mtctl.core.table_view import Wanting

Label = TypeVar("Label")

_WHOLE_SET = IntervalSet.of([WHOLE])


@frozen
class Stale:
    """Contiguous intervals whose data is no longer right, and why ("definition changed")."""

    interval: Interval
    reason: str


@frozen
class Coverage:
    """What the ledger says of one table, merged: `stale` is sorted, disjoint, and disjoint from `fresh`."""

    table_id: int
    fresh: IntervalSet = EMPTY
    stale: tuple[Stale, ...] = ()

    @property
    def stale_set(self) -> IntervalSet:
        """The stale intervals without their reasons."""
        return IntervalSet.of(stale.interval for stale in self.stale)


def bounds(definition: TableDefinition, calendar: Calendar | None) -> IntervalSet:
    """Return what the definition wants sooner or later: the grain intervals within its start and end.

    Edges that are not on the grain are rounded inward. A full table wants its one pseudo-interval.
    Raises `ValueError` for an interval table without start or calendar, which no checked definition is.
    """
    if definition.mode is Mode.FULL:
        return _WHOLE_SET
    return _bounds(_grain(definition, calendar), _start(definition), definition.end)


def wanted(definition: Wanting, calendar: Calendar | None, now: Instant) -> IntervalSet:
    """Return the intervals that the table should hold at `now`, as at most one range.

    These are the closed intervals in `[start, min(end, now − delay))`, with `refresh.open` the begun one too.
    """
    if definition.mode is Mode.FULL:
        return _WHOLE_SET
    grain = _grain(definition, calendar)
    return _wanted(grain, _start(definition), definition.end, now - definition.delay, begun=definition.open)


def todo(wanted_set: IntervalSet, coverage: Coverage) -> IntervalSet:
    """Return what a refresh has to do: wanted and not fresh."""
    return wanted_set - coverage.fresh


def missing(wanted_set: IntervalSet, coverage: Coverage) -> IntervalSet:
    """Return what is wanted and was never published (or is no longer known)."""
    return wanted_set - coverage.fresh - coverage.stale_set


def read_range(
    read: Read, interval: Interval, upstream: TableDefinition, upstream_calendar: Calendar | None
) -> Interval | None:
    """Return the range of the upstream that an interval of the reader reads; None when it is none or ignored.

    The interval is widened by `before` and `after` and aligned outward to the upstream's grain, so that a month reads
    its days and a day its month. A full upstream, and a reader that is refreshed as a whole, read everything.
    """
    if read.kind is RangeKind.IGNORE:
        return None
    if upstream.mode is Mode.FULL or read.kind is not RangeKind.OVERLAP or interval == WHOLE:
        return WHOLE
    start, end = _clamp(interval.start + read.before), _clamp(interval.end + read.after)
    return _grain(upstream, upstream_calendar).align_outward(Interval(start, end)) if start < end else None


def required(
    read: Read,
    interval: Interval,
    reader: TableDefinition,
    upstream: TableDefinition,
    upstream_calendar: Calendar | None,
    upstream_wanted: IntervalSet,
) -> IntervalSet:
    """Return what of the upstream must be fresh before the interval of the reader is ready.

    An interval waits for all it reads within the upstream's start and end, for days that have not ended yet too. What
    is open (`refresh.open`) or reads everything waits only for what the upstream wants now, else it would never run.
    """
    reading = read_range(read, interval, upstream, upstream_calendar) if read.wait else None
    if reading is None:
        return EMPTY
    if upstream.mode is Mode.FULL:
        return _WHOLE_SET
    limit = upstream_wanted if reader.open or reading == WHOLE else bounds(upstream, upstream_calendar)
    return limit & IntervalSet.of([reading])


def readers(read: Read, changed: IntervalSet, reader: TableDefinition, reader_calendar: Calendar | None) -> IntervalSet:
    """Return the intervals of the reader that a change of the upstream makes stale.

    A read of the latest content makes no past interval stale. `{WHOLE}` stands for everything.
    """
    return EMPTY if read.kind is RangeKind.LATEST else touching(read, changed, reader, reader_calendar)


def touching(
    read: Read, changed: IntervalSet, reader: TableDefinition, reader_calendar: Calendar | None
) -> IntervalSet:
    """Return the intervals of the reader whose `read_range` overlaps `changed`: its inverse.

    `changed` consists of whole intervals of the upstream, and every interval of the reader reads something.
    """
    if read.kind is RangeKind.IGNORE or not changed:
        return EMPTY
    if reader.mode is Mode.FULL or read.kind is not RangeKind.OVERLAP or WHOLE in changed:
        return _WHOLE_SET
    grain = _grain(reader, reader_calendar)
    return IntervalSet.of(_reading(grain, read, part) for part in changed if _is_read(grain, read, part))


def digest(parts: Iterable[tuple[int, int, str]]) -> str:
    """Return 16 hex digits that change exactly when the content that was read changes.

    `parts` are (start, end, content fingerprint) of the upstream's intervals, in any order. Reads of the latest
    content and ignored ones have no digest: store the empty text for them.
    """
    lines = (f"{start} {end} {fingerprint}\n" for start, end, fingerprint in sorted(parts))
    from hashlib import sha256  # noqa: PLC0415 - not for commands that only look

    return sha256("".join(lines).encode()).hexdigest()[:16]


def merge_coverage(existing: Coverage, fresh: IntervalSet, stale: Sequence[Stale]) -> Coverage:
    """Return the coverage after a publish or an invalidation: what is new replaces what was there.

    Where the new parts overlap, stale wins over fresh and the later reason over the earlier. Neighbours that are stale
    for the same reason become one.
    """
    layers: list[tuple[Interval, str | None]] = [
        *((interval, None) for interval in existing.fresh),
        *((old.interval, old.reason) for old in existing.stale),
        *((interval, None) for interval in fresh),
        *((new.interval, new.reason) for new in stale),
    ]
    painted = paint(layers)
    return Coverage(
        table_id=existing.table_id,
        fresh=IntervalSet.of(interval for interval, reason in painted if reason is None),
        stale=tuple(Stale(interval=interval, reason=reason) for interval, reason in painted if reason is not None),
    )


def paint(layers: Sequence[tuple[Interval, Label]]) -> tuple[tuple[Interval, Label], ...]:
    """Return the picture that layers give when each covers the ones before it: sorted, disjoint, equals joined.

    Takes n log n steps.
    """
    picture: list[tuple[Interval, Label]] = []
    for interval, label in _top_layers(layers):
        if picture and picture[-1][0].end == interval.start and picture[-1][1] == label:
            picture[-1] = (Interval(picture[-1][0].start, interval.end), label)
        else:
            picture.append((interval, label))
    return tuple(picture)


def _top_layers(layers: Sequence[tuple[Interval, Label]]) -> Iterator[tuple[Interval, Label]]:
    """Yield the topmost layer between each two neighbouring edges."""
    order = sorted(range(len(layers)), key=lambda number: layers[number][0].start)
    edges = sorted({edge for interval, _ in layers for edge in (interval.start, interval.end)})
    active: list[int] = []  # a heap of negated layer numbers: the topmost first
    at = 0
    for start, end in pairwise(edges):
        while at < len(order) and layers[order[at]][0].start <= start:
            heappush(active, -order[at])
            at += 1
        while active and layers[-active[0]][0].end <= start:
            heappop(active)
        if active:
            yield Interval(start, end), layers[-active[0]][1]


def _is_read(grain: Calendar, read: Read, part: Interval) -> bool:
    """Return whether an interval of the reader reads of this part: one that starts before and ends behind it."""
    last = _clamp(part.end - read.before) - 1
    return grain.next(grain.floor(last)) > part.start - read.after


def _reading(grain: Calendar, read: Read, part: Interval) -> Interval:
    """Return the reader's intervals that read of this part.

    Interval `[s, e)` reads `[s + before, e + after)`, so it reads of the part where s < part.end − before and
    e > part.start − after. With a narrowed range these two may cross: then one interval lies around both.
    """
    first, last = _clamp(part.start - read.after), _clamp(part.end - read.before) - 1
    start = grain.floor(min(first, last))
    return Interval(start, grain.next(grain.floor(last)))


@lru_cache(maxsize=1024)
def _bounds(grain: Calendar, start: Instant, end: Instant | None) -> IntervalSet:
    """Return `bounds` of these parts: most tables of a project share them."""
    return _range(grain.ceil(start), MAX_INSTANT if end is None else grain.floor(end))


@lru_cache(maxsize=1024)
def _wanted(grain: Calendar, start: Instant, end: Instant | None, closes: Instant, *, begun: bool) -> IntervalSet:
    """Return `wanted` of these parts; `closes` is the last instant that an interval may end at."""
    closed = grain.floor(closes)
    return _bounds(grain, start, end) & _range(MIN_INSTANT, grain.next(closed) if begun else closed)


def _grain(definition: Wanting, calendar: Calendar | None) -> Calendar:
    if calendar is None:
        raise ValueError(f"interval table {definition.name} has no calendar")
    return calendar


def _start(definition: Wanting) -> Instant:
    if definition.start is None:
        raise ValueError(f"interval table {definition.name} has no start")
    return definition.start


def _range(start: Instant, end: Instant) -> IntervalSet:
    return IntervalSet.of([Interval(start, end)]) if start < end else EMPTY


def _clamp(instant: Instant) -> Instant:
    return max(MIN_INSTANT, min(MAX_INSTANT, instant))
