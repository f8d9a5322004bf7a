"""Floor 0. What is known of one table at one moment: definition, calendar, what is covered and what is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.calendar import Calendar
    from mtctl.core.interval import IntervalSet
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Table, TableDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """What is known of one table at the moment of planning.

    `calendar` is None for a full table. `seconds_per_interval` is what an interval took lately, None without history.
    """

    table: Table
    calendar: Calendar | None
    coverage: Coverage
    wanted: IntervalSet
    seconds_per_interval: float | None = None

    @property
    def definition(self) -> TableDefinition:
        """The table's definition."""
        return self.table.definition
