"""Floor 3. What dashboards show of refreshes of many intervals: the list, the matrix, what a new one would meet."""

from __future__ import annotations

from contextlib import suppress
from statistics import median
from typing import TYPE_CHECKING

from mtctl.core.axis import axis_of
from mtctl.core.errors import MtctlError, not_found
from mtctl.core.interval import Interval
from mtctl.core.table_calendar import calendar_of
from mtctl.core.times import parse_range
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.axis import Axis
    from mtctl.core.calendar import Calendar
    from mtctl.core.listing import Filter
    from mtctl.core.table_view import Outline
    from mtctl.ports.board import InstanceWindow
    from mtctl.ports.ranges import RangeRow, RangeTable, RangeTask, RivalTask
    from mtctl.ports.store import Store
    from mtctl.services.reports.refreshing import RefreshArgs, RefreshReport

FAILED = 50
"""How many failed batches of a range are told of."""

OPEN = 20
"""How many tasks that a new range would meet are told of."""

_NEWEST = 20


@frozen
class MatrixPart:
    """The part of a matrix to read: tables from the row `top` on, intervals from the column `left` on."""

    top: int
    rows: int
    left: int
    columns: int


@frozen
class Matrix:
    """Tables by intervals of one instance: all columns, and of the asked part the tables and their tasks.

    `axis` is None where no table has intervals. `failed` are the first failed batches wherever they are.
    """

    row: RangeRow
    axis: Axis | None
    part: MatrixPart
    tables: tuple[RangeTable, ...]
    tasks: tuple[RangeTask, ...]
    failed: tuple[RangeTask, ...]


@frozen
class Meeting:
    """What a planned refresh would meet.

    `seconds` is the time that it takes by the median of past attempts, None without any; `unknown` are the tables
    without. `others` are tasks of the same tables and time that have not ended.
    """

    seconds: float | None
    unknown: tuple[str, ...]
    others: tuple[RivalTask, ...]


class Ranges:
    """Reads about ranges."""

    def __init__(self, store: Store) -> None:
        """Keep the store."""
        self._store = store
        self._axis: tuple[tuple[object, Interval], Axis] | None = None

    def rows(self, window: InstanceWindow) -> list[RangeRow]:
        """Return a window of the ranges."""
        with self._store.read() as view:
            return view.board().ranges().window(window)

    def total(self, wanted: Filter) -> int:
        """Return how many ranges pass a filter."""
        with self._store.read() as view:
            return view.board().ranges().total(wanted)

    def matrix(self, ulid: str, part: MatrixPart) -> Matrix:
        """Return a part of the matrix of an instance; error `instance_unknown` when it is gone."""
        with self._store.read() as view:
            reads = view.board().ranges()
            row = reads.row(ulid)
            if row is None:
                raise not_found("instance_unknown", f"instance {ulid} is gone", fix="old ones are forgotten by age")
            axis = self._axis_of(row)
            tables = reads.tables(row.instance_id, part.top, part.rows)
            within = _within(axis, part)
            tasks = reads.tasks(row.instance_id, [table.outline.table_id for table in tables], within)
            failed = reads.failed(row.instance_id, FAILED) if row.counts.failed else []
        return Matrix(row=row, axis=axis, part=part, tables=tuple(tables), tasks=tuple(tasks), failed=tuple(failed))

    def calendar(self, name: str) -> Calendar | None:
        """Return the calendar of a table, None where it has no intervals or is gone."""
        with self._store.read() as view:
            found = next((one for one in view.outlines() if one.name == name.lower()), None)
        return calendar_of(found) if found is not None else None

    def meeting(self, args: RefreshArgs, report: RefreshReport) -> Meeting:
        """Return what a refresh would meet, given its dry run."""
        amounts: dict[str, int] = {}
        for step in report.plan:
            amounts[step.table] = amounts.get(step.table, 0) + step.intervals
        with self._store.read() as view:
            reads = view.board().ranges()
            shapes = {one.name: one for one in view.outlines() if one.name in amounts}
            speeds = reads.speeds(list(amounts), _NEWEST)
            others = reads.open_tasks(list(amounts), _asked_time(args, shapes.values()), OPEN)
        known = [median(speeds[name]) * number for name, number in amounts.items() if name in speeds]
        return Meeting(
            seconds=sum(known) if known else None,
            unknown=tuple(name for name in amounts if name not in speeds),
            others=tuple(others),
        )

    def _axis_of(self, row: RangeRow) -> Axis | None:
        """Return the columns of a range; a great many take a while to make, so the last ones are kept."""
        if row.span is None or row.finest is None:
            return None
        calendar = calendar_of(row.finest)
        if calendar is None:
            return None
        key = (calendar, row.span)
        if self._axis is None or self._axis[0] != key:
            self._axis = key, axis_of(calendar, row.span)
        return self._axis[1]


def seconds_left(row: RangeRow) -> float | None:
    """Return how long a range takes yet, by what its batches took so far; None before the first and after the last.

    Each table has one writer at a time: batches that run at once are those of several tables.
    """
    rest = row.counts.running + row.counts.waiting
    if not rest or not row.tried:
        return None
    return row.seconds / row.tried * rest / max(1, row.running_batches)


def _within(axis: Axis | None, part: MatrixPart) -> Interval | None:
    """Return the time of a part's columns, None for all of it."""
    if axis is None:
        return None
    first = min(part.left, len(axis) - 1)
    last = min(first + max(1, part.columns), len(axis))
    return Interval(axis.edges[first], axis.edges[last])


def _asked_time(args: RefreshArgs, shapes: Iterable[Outline]) -> Interval | None:
    """Return the time that `--from` and `--to` name, in the first calendar whose edges they are; None for all."""
    if not (args.start and args.end):
        return None
    for outline in shapes:
        calendar = calendar_of(outline)
        with suppress(MtctlError):  # the range may be that of another table of the plan
            if calendar is not None:
                return parse_range(args.start, args.end, calendar)
    return None
