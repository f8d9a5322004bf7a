"""Floor 2. Reads for dashboards about events: a window of the newest ones that pass a filter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.ports.event_board import NEWEST

if TYPE_CHECKING:
    from mtctl.core.listing import Filter
    from mtctl.ports.event_board import EventWindow
    from mtctl.ports.work import EventRow
    from mtctl.store.session import Session


class SqliteEventBoard:
    """Implements `ports.event_board.EventReads`; valid inside the transaction that made it."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self._session = session

    def window(self, window: EventWindow) -> list[EventRow]:
        """Return the rows of a window, in its order."""
        from mtctl.store.work_rows import event  # noqa: PLC0415 - only where there is a row

        name = "event_board.newest" if window.descending else "event_board.oldest"
        asked = _asked(window.wanted) | {"limit": window.limit, "offset": window.offset}
        return [event(row) for row in self._session.rows(name, asked)]

    def total(self, wanted: Filter) -> int:
        """Return how many of the newest events pass a filter."""
        return int(self._session.value("event_board.total", _asked(wanted)))


def _asked(wanted: Filter) -> dict[str, Any]:
    parts = {
        "states": wanted.states,
        "words": wanted.words,
        "tables": wanted.tables,
        "workflows": wanted.workflows,
        "others": (*wanted.triggers, *wanted.queues, *(key for key, _ in wanted.tags)),
    }
    return {name: json.dumps(part) if part else None for name, part in parts.items()} | {"newest": NEWEST}
