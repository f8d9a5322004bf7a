"""Floor 3. The cells of a matrix: for each column of an axis, which task of a table covers it and how that is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtctl.core.interval import WHOLE, Interval
from mtctl.core.states import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mtctl.core.axis import Axis
    from mtctl.core.calendar import Calendar
    from mtctl.ports.ranges import RangeTask

_RANK = {
    TaskState.FAILED: 7,
    TaskState.RUNNING: 6,
    TaskState.CANCELLED: 5,
    TaskState.PENDING: 4,
    TaskState.CREATED: 4,
    TaskState.SUSPENDED: 3,
    TaskState.SKIPPED: 2,
    TaskState.SUCCESS: 1,
}


class MatrixCell(NamedTuple):
    """One cell: the task, the interval of the table (`WHOLE` where it has none), whether that begins in this column."""

    task: RangeTask
    interval: Interval
    begins: bool


def cells(
    tasks: Iterable[RangeTask], calendar: Calendar | None, axis: Axis, first: int, last: int
) -> list[MatrixCell | None]:
    """Return the cells of one table in the columns `[first, last)`; None where no task of it is.

    Where several intervals share a column, or several tasks an interval, the one that needs most of the eye is seen.
    """
    found: list[MatrixCell | None] = [None] * max(0, last - first)
    if not found:
        return found
    window = Interval(axis.edges[first], axis.edges[last])
    for task in tasks:
        for interval in _intervals(task, calendar, window):
            covered = axis.columns(interval)
            for column in range(max(covered.start, first), min(covered.stop, last)):
                there = found[column - first]
                if there is None or _RANK[there.task.state] <= _RANK[task.state]:
                    found[column - first] = MatrixCell(task, interval, column == covered.start)
    return found


def whole_cell(tasks: Iterable[RangeTask]) -> MatrixCell | None:
    """Return the one cell of a table where no table of the instance has intervals."""
    worst = max(tasks, key=lambda task: _RANK[task.state], default=None)
    return MatrixCell(worst, WHOLE, begins=True) if worst is not None else None


def _intervals(task: RangeTask, calendar: Calendar | None, window: Interval) -> Iterator[Interval]:
    """Yield the intervals of a task that touch a time."""
    if calendar is None or task.intervals is None:
        yield task.batch or WHOLE
        return
    for piece in task.intervals:
        part = piece.intersection(window)
        if part is None:
            continue
        at = max(piece.start, calendar.floor(part.start))
        while at < part.end:
            end = min(piece.end, calendar.next(at))
            yield Interval(at, end)
            at = end
