"""Floor 2. Reads for dashboards: windows of long lists, counts, strips of outcomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.interval import EMPTY, Interval, IntervalSet
from mtctl.store.statements import statement

if TYPE_CHECKING:
    from mtctl.core.listing import Filter
    from mtctl.core.states import InstanceState
    from mtctl.ports.board import InstanceWindow
    from mtctl.ports.work import InstanceRow
    from mtctl.store.event_board import SqliteEventBoard
    from mtctl.store.queue_board import SqliteQueueBoard
    from mtctl.store.ranges import SqliteRanges
    from mtctl.store.session import Row, Session
    from mtctl.store.standing import SqliteStandings


class SqliteBoard:
    """Implements `ports.board.Board`; valid inside the transaction that made it."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self.session = session

    def instance_window(self, window: InstanceWindow) -> list[InstanceRow]:
        """Return the rows of a window, in its order."""
        found = self._listed(window)
        if not found:
            return []
        from mtctl.store.near import SqliteNear  # noqa: PLC0415 - where there is a row

        return SqliteNear(self.session).instances([row[0] for row in found])

    def listed(self, window: InstanceWindow, *, ranged: bool = False) -> list[str]:
        """Return the ulids of a window, in its order; `ranged` ones refresh more than one interval of some table."""
        return [row[1] for row in self._listed(window, ranged=ranged)]

    def _listed(self, window: InstanceWindow, *, ranged: bool = False) -> list[Row]:
        part = {"limit": window.limit, "offset": window.offset}
        if (window.order, window.descending) == ("id", True):
            return self.session.rows("board.newest", _asked(window.wanted, ranged=ranged) | part)
        asked = _asked(window.wanted, ranged=ranged) | _ALL
        asked |= {"now": self.session.now, "part": window.limit, "skip": window.offset}
        sql = _ordered(window.order, descending=window.descending)
        return self.session.connection.execute(sql, asked).fetchall()

    def standings(self) -> SqliteStandings:
        """Return the reads about how all tables stand."""
        from mtctl.store.standing import SqliteStandings  # noqa: PLC0415 - only who looks at them all

        return SqliteStandings(self.session)

    def waiting(self) -> SqliteQueueBoard:
        """Return the reads about one queue."""
        from mtctl.store.queue_board import SqliteQueueBoard  # noqa: PLC0415 - only who looks at one

        return SqliteQueueBoard(self.session)

    def happened(self) -> SqliteEventBoard:
        """Return the reads about events."""
        from mtctl.store.event_board import SqliteEventBoard  # noqa: PLC0415 - only who looks at them

        return SqliteEventBoard(self.session)

    def last_states(self) -> dict[int, InstanceState]:
        """Return the state of the newest instance of each workflow that has one."""
        from mtctl.core.states import InstanceState  # noqa: PLC0415 - only dashboards

        return {workflow: InstanceState(state) for workflow, state in self.session.rows("board.last_states")}

    def ranges(self) -> SqliteRanges:
        """Return the reads about refreshes of many intervals."""
        from mtctl.store.ranges import SqliteRanges  # noqa: PLC0415 - only who looks at them

        return SqliteRanges(self)

    def instance_total(self, wanted: Filter, *, ranged: bool = False) -> int:
        """Return how many instances pass a filter; `ranged` ones as with `listed`."""
        sql = f"SELECT count(*) FROM ({statement('board.newest')})"  # noqa: S608 - a statement of ours in another
        row: Row = self.session.connection.execute(sql, _asked(wanted, ranged=ranged) | _ALL).fetchall()[0]
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
    if order == "id":  # the index is walked from its other end, and only as far as the window
        walked = inner.replace("DESC LIMIT :limit OFFSET :offset", "ASC LIMIT :part OFFSET :skip")
        return f"SELECT instance_id, ulid, :now FROM ({walked})"  # noqa: S608 - a statement of ours in another
    way = "DESC" if descending else "ASC"
    by = f"{_BY.get(order) or _of_tasks(order)} {way} NULLS LAST"
    return f"SELECT instance_id, ulid, :now FROM ({inner}) n ORDER BY {by}, instance_id DESC LIMIT :part OFFSET :skip"  # noqa: S608


def _of_tasks(order: str) -> str:
    """Return what the tasks of an instance say of it: only who asks for such an order pays for the look at them."""
    return f"({statement(f'orders.{order}')})".replace(":instance_id", "n.instance_id")


def _asked(wanted: Filter, *, ranged: bool = False) -> dict[str, Any]:
    parts = {
        "states": wanted.states,
        "triggers": wanted.triggers,
        "words": wanted.words,
        "workflows": wanted.workflows,
        "queues": wanted.queues,
        "tables": wanted.tables,
        "tags": wanted.tags,
    }
    asked: dict[str, Any] = {name: json.dumps(part) if part else None for name, part in parts.items()}
    return asked | {"ranged": ranged or None}
