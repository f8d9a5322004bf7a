"""Floor 0. What is known of one table at one moment: definition, calendar, what is covered and what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.calendar import Calendar
    from mtctl.core.interval import IntervalSet
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant, Mode, Origin, Partition, Table, TableDefinition
    from mtctl.core.rebuild import Rebuild


@frozen
class TableView:
    """What is known of one table at the moment of planning.

    `calendar` is None for a full table. `seconds_per_interval` is what an interval took lately, None without history.
    While a new version is built, `rebuild` tells what readers see; all else is of the new version.
    """

    table: Table
    calendar: Calendar | None
    coverage: Coverage
    wanted: IntervalSet
    seconds_per_interval: float | None = None
    rebuild: Rebuild | None = None

    @property
    def definition(self) -> TableDefinition:
        """The table's definition."""
        return self.table.definition


@frozen
class Outline:
    """What looking at a table takes of its row and its definition: no query, no columns, no lineage.

    Fields mean what those of `Table` and `TableDefinition` mean. A thousand outlines are read in a third of the time
    that a thousand definitions take.
    """

    table_id: int
    name: str
    origin: Origin
    file: str | None
    mode: Mode
    zone: str
    partition: Partition | None
    start: Instant | None
    end: Instant | None
    delay: int
    open: bool
    schedule: str | None
    freshness: str | None
    comment: str | None
    tags: tuple[tuple[str, str], ...]


@frozen
class Look:
    """What is known of one table at the moment of looking at it; the fields mean what those of `TableView` mean."""

    outline: Outline
    calendar: Calendar | None
    coverage: Coverage
    wanted: IntervalSet
    rebuild: Rebuild | None = None


Wanting: TypeAlias = "TableDefinition | Outline"
"""What says which intervals a table wants."""

Covered: TypeAlias = "TableView | Look"
"""What says how much of that a table has."""
