"""Floor 3. One table from near: how it stands, and each of its intervals; five statements for both, however many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.errors import not_found
from mtctl.core.health import health
from mtctl.core.interval import WHOLE, Interval, IntervalSet
from mtctl.core.ledger import todo, wanted
from mtctl.core.table_calendar import calendar_of
from mtctl.core.table_view import Look
from mtctl.core.values import frozen
from mtctl.services.board import CalendarCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant
    from mtctl.ports.near import NearTable
    from mtctl.ports.store import View


@frozen
class TableNear:
    """One table: what is known of it, its health (or `running`), and how many of its wanted intervals are fresh."""

    near: NearTable
    look: Look
    state: str
    wanted: int
    fresh: int


def table_near(view: View, name: str, now: Instant) -> TableNear:
    """Return how a table stands; error `table_unknown` (NOT_FOUND)."""
    near = view.near().table(name)
    if near is None:
        raise not_found("table_unknown", f"no table is named '{name}'", fix="`mtctl table list` shows all")
    table_id, calendar = near.outline.table_id, calendar_of(near.outline)
    look = Look(
        outline=near.outline,
        calendar=calendar,
        coverage=near.coverage,
        wanted=wanted(near.outline, calendar, now),
        rebuild=view.rebuilding().get(table_id) if near.any_rebuild else None,
    )
    state = health(look, near.outcome, running=near.holder is not None).value
    due = todo(look.wanted, look.coverage)
    return TableNear(
        near=near,
        look=look,
        state="running" if near.holder is not None else state,
        wanted=_count(look.wanted, look),
        fresh=_count(look.wanted - due, look),
    )


def table_cells(view: View, table: TableNear) -> tuple[CalendarCell, ...]:
    """Return every interval of a table: fresh, stale, missing, running, or failed when its last try failed."""
    look = table.look
    coverage = look.coverage
    running, failed = view.board().at_work(look.outline.table_id)
    cells = []
    for interval in _each(look.wanted | coverage.fresh | coverage.stale_set, look):
        state, why = _state_of(interval, coverage)
        if interval in running:
            state = "running"
        elif state != "fresh" and interval in failed:
            state = "failed"
        cells.append(
            CalendarCell(
                label=show_interval(interval, look.calendar),
                start=interval.start,
                end=interval.end,
                state=state,
                why=why,
            )
        )
    return tuple(cells)


def _state_of(interval: Interval, coverage: Coverage) -> tuple[str, str]:
    if interval in coverage.fresh:
        return "fresh", ""
    reason = next((piece.reason for piece in coverage.stale if piece.interval.overlaps(interval)), None)
    return ("missing", "") if reason is None else ("stale", reason)


def _each(intervals: IntervalSet, look: Look) -> Iterator[Interval]:
    if look.calendar is None:
        yield WHOLE
        return
    for piece in intervals:
        yield from look.calendar.intervals(piece.start, piece.end)


def _count(intervals: IntervalSet, look: Look) -> int:
    if look.calendar is None:
        return len(intervals)
    return sum(look.calendar.count(piece.start, piece.end) for piece in intervals)
