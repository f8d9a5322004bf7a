"""Floor 0. Which calendar a table in force has. Whoever only looks at tables needs no more of partitions than this."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.core.calendar import Calendar
from mtctl.core.ddl_checks import type_family
from mtctl.core.model import Mode

if TYPE_CHECKING:
    from mtctl.core.interval import Grain
    from mtctl.core.model import Partition
    from mtctl.core.table_view import Wanting

_ZONED = "TIMESTAMP WITH TIME ZONE"


def partition_calendar(partition: Partition, zone: str) -> Calendar:
    """Return the calendar of a partition in a zone; error `partition_grain_ambiguous`."""
    return _calendar(partition.grain, zone, partition.columns[0].type)


def calendar_of(definition: Wanting) -> Calendar | None:
    """Return the calendar of a table's intervals, None for a table that is refreshed as a whole."""
    if definition.mode is not Mode.INTERVAL or definition.partition is None:
        return None
    return partition_calendar(definition.partition, definition.zone)


@lru_cache(maxsize=256)
def _calendar(grain: Grain, zone: str, column_type: str) -> Calendar:
    return Calendar(grain, zone, wall=type_family(column_type) != _ZONED)
