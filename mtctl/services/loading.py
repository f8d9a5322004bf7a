"""Floor 3. The planner's view of every table, read once from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.ledger import Coverage, wanted
from mtctl.core.table_calendar import calendar_of
from mtctl.core.table_view import TableView

if TYPE_CHECKING:
    from mtctl.core.model import Instant, Table
    from mtctl.ports.store import View


def load_views(view: View, now: Instant) -> dict[str, TableView]:
    """Return the planner's view of all live tables by name."""
    coverage = view.coverage()
    return {table.definition.name: table_view(table, coverage.get(table.table_id), now) for table in view.tables()}


def table_view(
    table: Table, coverage: Coverage | None, now: Instant, seconds_per_interval: float | None = None
) -> TableView:
    """Return the planner's view of one table."""
    calendar = calendar_of(table.definition)
    return TableView(
        table=table,
        calendar=calendar,
        coverage=coverage or Coverage(table_id=table.table_id),
        wanted=wanted(table.definition, calendar, now),
        seconds_per_interval=seconds_per_interval,
    )
