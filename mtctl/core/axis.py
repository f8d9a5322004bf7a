"""Floor 0. A row of columns of time, one an interval, and which of them a stretch of time covers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from mtctl.core.calendar import Calendar, show_label
from mtctl.core.interval import Grain, Interval
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtctl.core.model import Instant

MOST = 100_000
"""The most columns: a span with more intervals gets columns of the next coarser grain."""

_COARSER = {
    Grain.MINUTE: Grain.HOUR,
    Grain.HOUR: Grain.DAY,
    Grain.DAY: Grain.MONTH,
    Grain.WEEK: Grain.MONTH,
    Grain.MONTH: Grain.YEAR,
    Grain.QUARTER: Grain.YEAR,
}
_RULER = {Grain.MINUTE: 5, Grain.HOUR: 6, Grain.DAY: 5, Grain.WEEK: 5, Grain.MONTH: 3, Grain.QUARTER: 1, Grain.YEAR: 5}
_MAJOR = {
    Grain.MINUTE: 13,
    Grain.HOUR: 10,
    Grain.DAY: 7,
    Grain.WEEK: 4,
    Grain.MONTH: 4,
    Grain.QUARTER: 4,
    Grain.YEAR: 0,
}
_NUMBER: dict[Grain, Callable[[datetime], int]] = {
    Grain.MINUTE: lambda label: label.minute,
    Grain.HOUR: lambda label: label.hour,
    Grain.DAY: lambda label: label.day,
    Grain.WEEK: lambda label: (label.timetuple().tm_yday - 1) // 7 + 1,
    Grain.MONTH: lambda label: label.month,
    Grain.QUARTER: lambda label: (label.month + 2) // 3,
    Grain.YEAR: lambda label: label.year,
}


@frozen
class Axis:
    """Columns between neighbouring `edges`; column n is `[edges[n], edges[n + 1])`."""

    calendar: Calendar
    edges: tuple[Instant, ...]

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self.edges) - 1

    def interval(self, column: int) -> Interval:
        """Return the time of a column."""
        return Interval(self.edges[column], self.edges[column + 1])

    def columns(self, interval: Interval) -> range:
        """Return the columns that share time with an interval."""
        return range(
            max(0, bisect_right(self.edges, interval.start) - 1), min(len(self), bisect_left(self.edges, interval.end))
        )

    def label(self, column: int) -> str:
        """Return the name of a column's interval."""
        return show_label(self.edges[column], self.calendar)

    def group(self, column: int) -> str:
        """Return what several columns share in their names: the month of a day; empty for years."""
        return self.calendar.label(self.edges[column]).isoformat()[: _MAJOR[self.calendar.grain]]

    def number(self, column: int) -> int:
        """Return a column's number within its group: the day of the month, the hour of the day."""
        return _NUMBER[self.calendar.grain](self.calendar.label(self.edges[column]))

    def is_marked(self, column: int) -> bool:
        """Return whether a ruler with room for some numbers only names this column."""
        return self.number(column) % _RULER[self.calendar.grain] == 0


def axis_of(calendar: Calendar, span: Interval) -> Axis:
    """Return the columns of a span, with whole intervals at both ends."""
    found = calendar
    while found.count(span.start, span.end) > MOST and found.grain in _COARSER:
        found = Calendar(_COARSER[found.grain], calendar.zone, wall=True)
    whole = found.align_outward(span)
    return Axis(calendar=found, edges=tuple(found.edges(whole.start, whole.end)))
