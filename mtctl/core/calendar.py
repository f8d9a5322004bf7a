"""Floor 0. The intervals of one grain in one zone: an endless row of edges without hole, overlap or zero length.

Two rules for two kinds of partition columns. Days and longer, and everything in naive wall time (`wall`), follow
local labels: an interval begins at the first instant whose wall time has reached its label, so a 23-hour day is one
interval, a repeated hour is one interval of two hours, and what the clock skips does not exist. Hours and minutes of
real instants (`wall` False, TIMESTAMPTZ) begin at local hour or minute starts and at offset changes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE, Grain, Interval
from mtctl.core.values import frozen
from mtctl.core.zones import (
    first_at,
    from_instant,
    has_one_offset,
    naive_of,
    naive_us,
    offset_us,
    passes,
    to_wall,
    transition,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_MONDAY = 4 * _DAY  # 1970-01-05
_STEP = {Grain.MINUTE: _MINUTE, Grain.HOUR: _HOUR, Grain.DAY: _DAY, Grain.WEEK: 7 * _DAY}
_MONTHS = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
# Labels in one cached piece: short enough that no zone changes its offset twice within a piece of hours or minutes.
_PIECE = {Grain.MINUTE: 1440, Grain.HOUR: 48, Grain.DAY: 366, Grain.WEEK: 53}
_PIECE_OF_MONTHS = 24
_SUB_DAY = frozenset({Grain.MINUTE, Grain.HOUR})


@frozen(kw_only=False)
class Calendar:
    """The grain, the IANA zone, and whether sub-day labels follow wall time (strings, DATE, naive TIMESTAMP).

    Raises `partition_grain_ambiguous` for wall minutes in a zone whose clock is ever set back: its repeated minutes
    would each name two stretches of time. Instants outside years 2 to 9998 raise `time_range`.
    """

    grain: Grain
    zone: str
    wall: bool = False

    def __post_init__(self) -> None:
        if self.wall and self.grain is Grain.MINUTE and not has_one_offset(self.zone):
            raise MtctlError(
                "partition_grain_ambiguous",
                f"in '{self.zone}' a wall-clock minute can come twice, so it names no interval",
                kind=Kind.INVALID,
                fix="use TIMESTAMPTZ or time-zone UTC",
            )

    def floor(self, instant: int) -> int:
        """Return the last edge at or before the instant."""
        key = self._piece_of(instant)
        edges = _edges(self, key)
        if edges and edges[0] <= instant:
            # A clock set back across a label leaves the next piece's edge behind the instant.
            later = _edges(self, key + 1)
            found = later if later and later[0] <= instant else edges
            return found[bisect_right(found, instant) - 1]
        earlier = _edges(self, key - 1)
        return earlier[bisect_right(earlier, instant) - 1]

    def ceil(self, instant: int) -> int:
        """Return the first edge at or after the instant."""
        edge = self.floor(instant)
        return edge if edge == instant else self.next(instant)

    def next(self, instant: int) -> int:
        """Return the first edge after the instant."""
        key = self._piece_of(instant) - 1
        while True:
            edges = _edges(self, key)
            if edges and edges[-1] > instant:
                return edges[bisect_right(edges, instant)]
            key += 1

    def edges(self, start: int, end: int) -> Iterator[int]:
        """Yield the edges in `[start, end]`."""
        key = self._piece_of(start) - 1
        done = False
        while not done:
            piece = _edges(self, key)
            if piece and piece[-1] >= start:
                low = bisect_right(piece, start - 1)
                high = bisect_right(piece, end)
                yield from piece[low:high]
            done = bool(piece) and piece[-1] > end
            key += 1

    def intervals(self, start: int, end: int) -> Iterator[Interval]:
        """Yield the intervals that lie wholly in `[start, end)`, in order."""
        for low, high in pairwise(self.edges(start, end)):
            yield Interval(low, high)

    def count(self, start: int, end: int) -> int:
        """Return how many `intervals(start, end)` yields, without making them."""
        return _count(self, start, end) if start < end else 0

    def align_outward(self, interval: Interval) -> Interval:
        """Return the least range of whole intervals around this one."""
        return Interval(self.floor(interval.start), self.ceil(interval.end))

    def is_edge(self, instant: int) -> bool:
        """Return whether an interval begins at the instant."""
        return self.floor(instant) == instant

    def label(self, instant: int) -> datetime:
        """Return the naive wall time that names the interval around the instant.

        It is the grain-truncated value that rows of the interval carry, also where the clock skips that very time:
        the day that begins at 01:00 is still named by its 00:00.
        """
        if self.grain in _SUB_DAY and not self.wall:
            return to_wall(self.floor(instant), self.zone)
        return _label_start(self.grain, self._label_at(instant))

    def edge_text(self, edge: int) -> str:
        """Return the label of the interval that begins at the edge, as `wall_text` prints it."""
        return _text(self.label(edge))

    def _label_at(self, instant: int) -> int:
        index = _label_index(self.grain, to_wall(instant, self.zone))
        while first_at(_label_start(self.grain, index + 1), self.zone) <= instant:
            index += 1
        return index

    def _piece_of(self, instant: int) -> int:
        try:
            wall = naive_of(instant) if self.grain in _SUB_DAY and not self.wall else to_wall(instant, self.zone)
        except OverflowError:
            raise _out_of_range() from None
        return _label_index(self.grain, wall) // _piece_size(self.grain)


def calendar(grain: Grain, zone: str, *, wall: bool) -> Calendar:
    """Return a calendar; the same as `Calendar(grain, zone, wall)` with the parts named."""
    return Calendar(grain, zone, wall)


def wall_text(instant: int, zone: str) -> str:
    """Return the local wall time, `2013-02-03 05:00:00[.ffffff]`, without its offset."""
    return _text(to_wall(instant, zone))


def show(instant: int, zone: str) -> str:
    """Return the local time with its offset, `2013-03-10T03:00:00-04:00`."""
    return from_instant(instant, zone).isoformat()


def iso_utc(instant: int) -> str:
    """Return the instant in UTC, `2013-03-10T07:00:00Z`."""
    return naive_of(instant).isoformat() + "Z"


def show_interval(interval: Interval, calendar: Calendar | None) -> str:
    """Return the short name of an interval, or `first..last` (both named) of several in a row.

    A day is `2013-02-03`, an hour `2013-02-03T05`, a month `2013-02`, a quarter `2013-Q1`, a week its Monday;
    the pseudo-interval is `whole table`. An hour that comes twice carries its offset.
    """
    if interval == WHOLE or calendar is None:
        return "whole table"
    if not (calendar.is_edge(interval.start) and calendar.is_edge(interval.end)):
        return f"{show(interval.start, calendar.zone)}/{show(interval.end, calendar.zone)}"
    first = show_label(interval.start, calendar)
    last = calendar.floor(interval.end - 1)
    return first if last == interval.start else f"{first}..{show_label(last, calendar)}"


def show_label(instant: int, calendar: Calendar) -> str:
    """Return the short name of the interval around the instant."""
    label = calendar.label(instant)
    match calendar.grain:
        case Grain.YEAR:
            return f"{label.year:04d}"
        case Grain.QUARTER:
            return f"{label.year:04d}-Q{(label.month + 2) // 3}"
        case Grain.MONTH:
            return label.isoformat()[:7]
        case Grain.DAY | Grain.WEEK:
            return label.isoformat()[:10]
        case Grain.HOUR | Grain.MINUTE:
            return _sub_day_label(calendar.floor(instant), label, calendar)


def _sub_day_label(edge: int, label: datetime, calendar: Calendar) -> str:
    whole = label.minute == 0 and label.second == 0
    short = label.isoformat()[:13] if calendar.grain is Grain.HOUR and whole else label.isoformat(timespec="minutes")
    if calendar.wall or len(passes(label, calendar.zone)) == 1:
        return short
    return short + from_instant(edge, calendar.zone).isoformat()[19:]


def _text(wall: datetime) -> str:
    return wall.isoformat(sep=" ")


def _piece_size(grain: Grain) -> int:
    return _PIECE.get(grain) or _PIECE_OF_MONTHS // _MONTHS[grain]


def _label_index(grain: Grain, wall: datetime) -> int:
    months = _MONTHS.get(grain)
    if months is not None:
        return (wall.year * 12 + wall.month - 1) // months
    return (naive_us(wall) - (_MONDAY if grain is Grain.WEEK else 0)) // _STEP[grain]


def _label_start(grain: Grain, index: int) -> datetime:
    try:
        months = _MONTHS.get(grain)
        if months is None:
            return naive_of(index * _STEP[grain] + (_MONDAY if grain is Grain.WEEK else 0))
        year, month = divmod(index * months, 12)
        return datetime(year, month + 1, 1)  # noqa: DTZ001 - a label is wall time
    except (OverflowError, ValueError):
        raise _out_of_range() from None


def _out_of_range() -> MtctlError:
    return MtctlError(
        "time_range", "a time lies outside the years 1 to 9998", kind=Kind.INVALID, fix="use years 1 to 9998"
    )


@lru_cache(maxsize=2048)
def _edges(calendar: Calendar, key: int) -> tuple[int, ...]:
    """Return the edges of one piece of labels, ascending and distinct."""
    size = _piece_size(calendar.grain)
    try:
        if calendar.grain in _SUB_DAY and not calendar.wall:
            return _real_edges(calendar, key * size, (key + 1) * size)
        if calendar.zone == "UTC" and calendar.grain in _STEP:
            return _even_edges(calendar.grain, key * size, size)
        return _label_edges(calendar, key * size, size)
    except OverflowError:
        raise _out_of_range() from None


@lru_cache(maxsize=4096)
def _count(calendar: Calendar, start: int, end: int) -> int:
    """Return the number of whole intervals between two instants; many tables ask for the same."""
    low, high = calendar.ceil(start), calendar.floor(end)
    if low >= high:
        return 0
    if calendar.zone == "UTC" and calendar.grain in _STEP:
        return (high - low) // _STEP[calendar.grain]
    first, last = calendar._piece_of(low) - 1, calendar._piece_of(high) + 1  # noqa: SLF001 - the calendar's own part
    pieces = (_edges(calendar, key) for key in range(first, last + 1))
    return sum(bisect_left(piece, high) - bisect_left(piece, low) for piece in pieces)


def _even_edges(grain: Grain, first: int, size: int) -> tuple[int, ...]:
    shift, step = (_MONDAY if grain is Grain.WEEK else 0), _STEP[grain]
    return tuple(range(first * step + shift, (first + size) * step + shift, step))


def _label_edges(calendar: Calendar, first: int, size: int) -> tuple[int, ...]:
    grain, zone = calendar.grain, calendar.zone
    starts = [first_at(_label_start(grain, index), zone) for index in range(first, first + size + 1)]
    # A label that the clock skips begins where the next one does: the last label at an instant is the real one.
    return tuple(low for low, high in pairwise(starts) if low < high)


def _real_edges(calendar: Calendar, first: int, last: int) -> tuple[int, ...]:
    step, zone = _STEP[calendar.grain], calendar.zone
    start, end = first * step, last * step
    before, after = offset_us(start, zone), offset_us(end - 1, zone)
    if before == after:
        low = -(-(start + before) // step) * step - before
        return tuple(range(low, end, step))
    change = transition(start, end - 1, zone)
    low = -(-(start + before) // step) * step - before
    high = -(-(change + after) // step) * step - after
    return tuple(sorted({*range(low, change, step), change, *range(high, end, step)}))
