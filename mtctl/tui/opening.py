"""Floor 4. Which screen shows which kind of thing from near."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.tui.near.instance_screen import InstanceScreen
from mtctl.tui.near.queue_screen import QueueScreen
from mtctl.tui.near.range_screen import RangeMatrixScreen
from mtctl.tui.near.table_screen import TableScreen
from mtctl.tui.near.workflow_screen import WorkflowScreen

if TYPE_CHECKING:
    from mtctl.tui.drawn.lines import Line
    from mtctl.tui.near.details import Detail

_SCREENS: dict[str, type[Detail]] = {
    "instance": InstanceScreen,
    "queue": QueueScreen,
    "range": RangeMatrixScreen,
    "table": TableScreen,
    "workflow": WorkflowScreen,
}


def opened(line: Line) -> Detail | None:
    """Return the screen of a line's thing, None where there is nothing more to see than the line.

    The fact `screen` names another one than that of the kind: ranges are instances to verbs.
    """
    found = _SCREENS.get(line.facts.get("screen", line.kind))
    return found(line) if found is not None else None
