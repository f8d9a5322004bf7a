"""Floor 2. Reads for dashboards about events: a window of the newest ones that pass a filter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.ports.event_board import NEWEST
from mtctl.store.statements import statement

if TYPE_CHECKING:
    from mtctl.core.listing import Filter
    from mtctl.ports.event_board import EventWindow
    from mtctl.ports.work import EventRow
    from mtctl.store.session import Row, Session


class SqliteEventBoard:
    """Implements `ports.event_board.EventReads`; valid inside the transaction that made it."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._session = session

    def window(self, window: EventWindow) -> list[EventRow]:
        """Return the rows of a window, in its order."""
        from mtctl.store.work_rows import event  # noqa: PLC0415 - only where there is a row

        asked = _asked(window.wanted) | {"part": window.limit, "skip": window.offset}
        sql = _ordered(window.order, descending=window.descending)
        return [event(row) for row in self._session.connection.execute(sql, asked).fetchall()]

    def total(self, wanted: Filter) -> int:
        """Return how many of the newest events pass a filter."""
        sql = f"SELECT count(*) FROM ({statement('event_board.newest')})"  # noqa: S608 - a statement of ours in another
        found: Row = self._session.connection.execute(sql, _asked(wanted) | _ALL).fetchall()[0]
        return int(found[0])


_ALL = {"limit": -1, "offset": 0}
_BY = {"kind": "e.kind", "actor": "nullif(e.actor, '')", "detail": "nullif(e.detail, '{}')"}


def _ordered(order: str, *, descending: bool) -> str:
    """Return the statement for an order; by time the rows are walked from one end, only as far as the window."""
    way = "DESC" if descending else "ASC"
    by = f"{_BY[order]} {way} NULLS LAST, e.event_id DESC" if order in _BY else f"e.event_id {way}"
    ends = "e.event_id DESC LIMIT :limit OFFSET :offset"
    return statement("event_board.newest").replace(ends, f"{by} LIMIT :part OFFSET :skip")


def _asked(wanted: Filter) -> dict[str, Any]:
    parts = {
        "states": wanted.states,
        "words": wanted.words,
        "tables": wanted.tables,
        "workflows": wanted.workflows,
        "others": (*wanted.triggers, *wanted.queues, *(key for key, _ in wanted.tags)),
    }
    return {name: json.dumps(part) if part else None for name, part in parts.items()} | {"newest": NEWEST}
