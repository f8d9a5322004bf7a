"""Floor 4. The lists of the dashboard, one module each: what stands in their columns, what filters judge of a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.tui.lists.events import EventList
from mtctl.tui.lists.instances import InstanceList
from mtctl.tui.lists.lineage import lineage
from mtctl.tui.lists.queues import queues
from mtctl.tui.lists.ranges import RangeList
from mtctl.tui.lists.schedule import ScheduleList
from mtctl.tui.lists.tables import tables
from mtctl.tui.lists.workflows import workflows

if TYPE_CHECKING:
    from mtctl.tui.lists.whole import WholeList
    from mtctl.tui.lists.windowed import WindowedList


def all_lists() -> tuple[WholeList | WindowedList, ...]:
    """Return the lists in the order of their numbers."""
    return (tables(), workflows(), InstanceList(), RangeList(), lineage(), queues(), ScheduleList(), EventList())
