"""Floor 4. Which screen shows which kind of thing from near."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.tui.instance_screen import InstanceScreen
from mtctl.tui.table_screen import TableScreen
from mtctl.tui.workflow_screen import WorkflowScreen

if TYPE_CHECKING:
    from mtctl.tui.details import Detail
    from mtctl.tui.lines import Line

_SCREENS: dict[str, type[Detail]] = {"instance": InstanceScreen, "table": TableScreen, "workflow": WorkflowScreen}


def opened(line: Line) -> Detail | None:
    """Return the screen of a line's thing, None where there is nothing more to see than the line."""
    found = _SCREENS.get(line.kind)
    return found(line) if found is not None else None
