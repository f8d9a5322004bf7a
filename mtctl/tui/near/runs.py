"""Floor 4. The instances of one workflow or table, a window at a time: a tab that several screens have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.states import Trigger
from mtctl.core.values import replace
from mtctl.tui.drawn.lines import Asked
from mtctl.tui.lists.instances import InstanceList

if TYPE_CHECKING:
    from mtctl.app import App as Project
    from mtctl.core.listing import Filter
    from mtctl.tui.drawn.grid import Grid
    from mtctl.tui.drawn.lines import Page

TRIGGERS = ("", *(trigger.value for trigger in Trigger))
"""By what the instances can be narrowed: nothing, or what asked for them."""


class Runs:
    """The instances that pass a filter, narrowed by what asked for them."""

    def __init__(self, wanted: Filter) -> None:
        """Show what passes."""
        self.trigger = ""
        self.heads = InstanceList().heads
        self._wanted = wanted
        self._list = InstanceList()

    def new_grid(self) -> Grid:
        """Return the grid for them, the newest first."""
        from mtctl.tui.drawn.grid import Grid  # noqa: PLC0415 - a widget, where one is made

        grid = Grid(self.heads, name="runs")
        grid.set_reactive(Grid.order, self._list.order)
        grid.set_reactive(Grid.descending, self._list.descending)
        return grid

    def next_trigger(self) -> None:
        """Narrow by the next trigger, after the last by none."""
        self.trigger = TRIGGERS[(TRIGGERS.index(self.trigger) + 1) % len(TRIGGERS)]

    def words(self) -> str:
        """Return the triggers, the one that is chosen in brackets."""
        return "  ".join(f"[{name or 'all'}]" if name == self.trigger else name or "all" for name in TRIGGERS)

    def read(self, project: Project, grid: Grid, window: tuple[int, int], mark: int) -> Page:
        """Read a window (offset, number of lines) in the order of the grid."""
        wanted = replace(self._wanted, triggers=(self.trigger,)) if self.trigger else self._wanted
        offset, limit = window
        asked = Asked(wanted=wanted, order=grid.order, descending=grid.descending, offset=offset, limit=limit)
        return self._list.page(project, asked, mark)
