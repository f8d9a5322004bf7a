"""Floor 2. Reads for dashboards: windows of long lists, counts, strips of outcomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.interval import EMPTY, Interval, IntervalSet
from mtctl.store.statements import statement
from mtctl.store.work_view import WorkView

if TYPE_CHECKING:
    from mtctl.core.listing import Filter
    from mtctl.core.states import InstanceState
    from mtctl.ports.board import InstanceWindow
    from mtctl.ports.work import InstanceRow
    from mtctl.store.session import Row, Session


class SqliteBoard:
    """Implements `ports.board.Board`; valid inside the transaction that made it."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self.session = session

    def instance_window(self, window: InstanceWindow) -> list[InstanceRow]:
        """Return the rows of a window, in its order."""
        part = {"limit": window.limit, "offset": window.offset}
        if (window.order, window.descending) == ("id", True):
            found = self.session.rows("board.newest", _asked(window.wanted) | part)
        else:
            asked = _asked(window.wanted) | _ALL
            asked |= {"now": self.session.now, "part": window.limit, "skip": window.offset}
            sql = _ordered(window.order, descending=window.descending)
            found = self.session.connection.execute(sql, asked).fetchall()
        ids = [row[0] for row in found]
        rows = self.session.rows("views.instances_by_id", {"ids": json.dumps(ids)})
        by_id = {row.instance_id: row for row in WorkView(self.session).instance_rows(rows)}
        return [by_id[one] for one in ids]

    def instance_total(self, wanted: Filter) -> int:
        """Return how many instances pass a filter."""
        sql = f"SELECT count(*) FROM ({statement('board.newest')})"  # noqa: S608 - a statement of ours in another
        row: Row = self.session.connection.execute(sql, _asked(wanted) | _ALL).fetchall()[0]
        return int(row[0])

    def instance_counts(self) -> dict[InstanceState, int]:
        """Return how many instances are in each state; those without any are absent."""
        from mtctl.core.states import InstanceState  # noqa: PLC0415 - only dashboards

        return {InstanceState(state): count for state, count in self.session.rows("board.counts")}

    def run_strips(self, table_ids: list[int], length: int) -> dict[int, tuple[str, ...]]:
        """Return the outcomes of the newest attempts of tables, oldest first; the running one is `running`."""
        strips: dict[int, list[str]] = {}
        for table_id, outcome in self.session.rows(
            "board.strips", {"table_ids": json.dumps(table_ids), "length": length}
        ):
            strips.setdefault(table_id, []).append(outcome or "running")
        return {table_id: tuple(found) for table_id, found in strips.items()}

    def at_work(self, table_id: int) -> tuple[IntervalSet, IntervalSet]:
        """Return what a running task of a table does, and what the last one to end did, if it failed."""
        asked = {"table_id": table_id}
        running = [_intervals(*row) for row in self.session.rows("board.running_of", asked)]
        failed = [_intervals(*row) for row in self.session.rows("board.failed_last", asked)]
        return running[0] if running else EMPTY, failed[0] if failed else EMPTY


def _intervals(text: str | None, start: int | None, end: int | None) -> IntervalSet:
    if text is not None:
        return IntervalSet.of(Interval(*pair) for pair in json.loads(text))
    return IntervalSet.of([Interval(start, end)]) if start is not None and end is not None else EMPTY


_ALL = {"limit": -1, "offset": 0}

_BY = {
    "id": "instance_id",
    "title": "lower(title)",
    "state": "state",
    "trigger": "trigger",
    "started": "started_at",
    "ended": "ended_at",
    "duration": "coalesce(ended_at, :now) - started_at",
}


def _ordered(order: str, *, descending: bool) -> str:
    """Return the statement for another order than the newest first; equal ones stand newest first."""
    inner = statement("board.newest")
    way = "DESC" if descending else "ASC"
    by = f"{_BY[order]} {way} NULLS LAST"
    return f"SELECT instance_id, :now FROM ({inner}) ORDER BY {by}, instance_id DESC LIMIT :part OFFSET :skip"  # noqa: S608


def _asked(wanted: Filter) -> dict[str, Any]:
    parts = {
        "states": wanted.states,
        "triggers": wanted.triggers,
        "words": wanted.words,
        "workflows": wanted.workflows,
        "queues": wanted.queues,
        "tables": wanted.tables,
        "tags": wanted.tags,
    }
    return {name: json.dumps(part) if part else None for name, part in parts.items()}
