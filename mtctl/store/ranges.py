"""Floor 2. Reads about refreshes of many intervals, for dashboards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.interval import Interval, IntervalSet
from mtctl.core.states import InstanceState, TaskState, Trigger
from mtctl.ports.ranges import IntervalCounts, RangeRow, RangeTable, RangeTask, RivalTask
from mtctl.store.definition import outlines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.listing import Filter
    from mtctl.ports.board import InstanceWindow
    from mtctl.store.board import SqliteBoard
    from mtctl.store.session import Row


class SqliteRanges:
    """Implements `ports.ranges.RangeReads`; valid inside the transaction that made it."""

    def __init__(self, board: SqliteBoard) -> None:
        """Read through the session of a board, with its filters and orders."""
        self._board = board
        self._session = board.session

    def window(self, window: InstanceWindow) -> list[RangeRow]:
        """Return a window of the instances that refresh more than one interval of some table, in its order."""
        ulids = self._board.listed(window, ranged=True)
        by_ulid = {row.ulid: row for row in self._rows(ulids)}
        return [by_ulid[ulid] for ulid in ulids]

    def total(self, wanted: Filter) -> int:
        """Return how many of those pass a filter."""
        return self._board.instance_total(wanted, ranged=True)

    def row(self, ulid: str) -> RangeRow | None:
        """Return an instance by its whole ulid, of however many intervals; None when it is gone."""
        found = self._rows([ulid])
        return found[0] if found else None

    def tables(self, instance_id: int, offset: int, limit: int) -> list[RangeTable]:
        """Return a window of an instance's tables, in the order of their first tasks."""
        rows = self._session.rows("ranges.tables", {"instance_id": instance_id, "offset": offset, "limit": limit})
        shapes = outlines([row[:5] for row in rows])
        return [
            RangeTable(outline=outline, counts=_counts(row[5:11]), batches=row[11])
            for outline, row in zip(shapes, rows, strict=True)
        ]

    def tasks(self, instance_id: int, table_ids: Sequence[int], within: Interval | None) -> list[RangeTask]:
        """Return the tasks of some tables that touch a time, by id; without a time all, of whole tables always."""
        asked = {"instance_id": instance_id, "table_ids": json.dumps(list(table_ids))} | _within(within)
        rows = self._session.rows("ranges.tasks", asked)
        found = [_task(table_id, *part) for table_id, parts in rows for part in json.loads(parts)]
        return sorted(found, key=lambda task: task.task_id)

    def failed(self, instance_id: int, limit: int) -> list[RangeTask]:
        """Return the first tasks of tables that have failed, by id."""
        rows = self._session.rows("ranges.failed", {"instance_id": instance_id, "limit": limit})
        return [_task(*row) for row in rows]

    def speeds(self, names: Sequence[str], newest: int) -> dict[str, tuple[float, ...]]:
        """Return, by table, seconds an interval of each of its newest successful attempts."""
        found: dict[str, tuple[float, ...]] = {}
        for name, speed in self._session.rows("ranges.speeds", {"names": json.dumps(list(names)), "newest": newest}):
            found[name] = (*found.get(name, ()), speed)
        return found

    def open_tasks(self, names: Sequence[str], within: Interval | None, limit: int) -> list[RivalTask]:
        """Return tasks of tables that have not ended and touch a time, those that run first."""
        asked = {"names": json.dumps(list(names)), "limit": limit} | _within(within)
        return [
            RivalTask(ulid=ulid, title=title, table=table, state=TaskState(state), batch=_interval(start, end))
            for ulid, title, table, state, start, end in self._session.rows("ranges.open_tasks", asked)
        ]

    def _rows(self, ulids: Sequence[str]) -> list[RangeRow]:
        rows = self._session.rows("ranges.rows", {"ulids": json.dumps(list(ulids))})
        return [_range_row(row) for row in rows]


def _range_row(row: Row) -> RangeRow:
    rows, seconds, tried = json.loads(row[22])
    return RangeRow(
        instance_id=row[0],
        ulid=row[1],
        title=row[2],
        trigger=Trigger(row[3]),
        state=InstanceState(row[4]),
        workflow=row[5],
        cancel_requested=bool(row[6]),
        created_at=row[7],
        started_at=row[8],
        ended_at=row[9],
        counts=_counts(row[10:16]),
        tables=row[16],
        batches=row[17],
        running_batches=row[18],
        waiting_batches=row[19],
        span=_interval(row[20], row[21]),
        finest=outlines([row[23:28]])[0] if row[27] is not None else None,
        rows=rows or 0,
        seconds=seconds or 0.0,
        tried=tried or 0,
    )


def _counts(row: Row) -> IntervalCounts:
    done, skipped, failed, cancelled, running, waiting = (number or 0 for number in row)
    return IntervalCounts(
        done=done, skipped=skipped, failed=failed, cancelled=cancelled, running=running, waiting=waiting
    )


def _task(  # noqa: PLR0913, PLR0917 - the order of the statements
    table_id: int,
    task_id: int,
    name: str,
    state: str,
    start: int | None,
    end: int | None,
    intervals: str | None,
    tries: int,
    max_tries: int,
    why: str,
    error: str | None,
) -> RangeTask:
    pieces = json.loads(intervals) if intervals is not None else None
    return RangeTask(
        task_id=task_id,
        table_id=table_id,
        name=name,
        state=TaskState(state),
        batch=_interval(start, end),
        intervals=IntervalSet.of(Interval(*piece) for piece in pieces) if pieces is not None else None,
        tries=tries,
        max_tries=max_tries,
        why=why,
        error=error or "",
    )


def _interval(start: int | None, end: int | None) -> Interval | None:
    return Interval(start, end) if start is not None and end is not None else None


def _within(within: Interval | None) -> dict[str, Any]:
    return {"start": within.start, "end": within.end} if within is not None else {"start": None, "end": None}
