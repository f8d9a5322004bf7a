"""Floor 3. The planner's view of every table, read once from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.ledger import Coverage, wanted
from mtctl.core.table_calendar import calendar_of
from mtctl.core.table_view import Look, TableView

if TYPE_CHECKING:
    from mtctl.core.model import Instant, Table
    from mtctl.core.rebuild import Rebuild
    from mtctl.ports.store import View


def load_views(view: View, now: Instant) -> dict[str, TableView]:
    """Return the planner's view of all live tables by name."""
    coverage, rebuilds = view.coverage(), view.rebuilding()
    return {
        table.definition.name: table_view(
            table, coverage.get(table.table_id), now, rebuild=rebuilds.get(table.table_id)
        )
        for table in view.tables()
    }


def load_looks(view: View, now: Instant) -> dict[str, Look]:
    """Return, for who only looks, what is known of all live tables by name."""
    coverage, rebuilds = view.coverage(), view.rebuilding()
    looks = {}
    for outline in view.outlines():
        calendar = calendar_of(outline)
        looks[outline.name] = Look(
            outline=outline,
            calendar=calendar,
            coverage=coverage.get(outline.table_id) or Coverage(table_id=outline.table_id),
            wanted=wanted(outline, calendar, now),
            rebuild=rebuilds.get(outline.table_id),
        )
    return looks


def table_view(
    table: Table,
    coverage: Coverage | None,
    now: Instant,
    seconds_per_interval: float | None = None,
    rebuild: Rebuild | None = None,
) -> TableView:
    """Return the planner's view of one table."""
    calendar = calendar_of(table.definition)
    return TableView(
        table=table,
        calendar=calendar,
        coverage=coverage or Coverage(table_id=table.table_id),
        wanted=wanted(table.definition, calendar, now),
        seconds_per_interval=seconds_per_interval,
        rebuild=rebuild,
    )
