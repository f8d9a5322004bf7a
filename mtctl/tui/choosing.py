"""Floor 4. Which columns of a list are seen: a box to tick for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.tui.app import Dashboard
    from mtctl.tui.drawn.grid import Grid


def choose_columns(dashboard: Dashboard) -> None:
    """Let somebody choose the columns of the list that is near."""
    grid = dashboard.near_grid

    def chosen(hidden: frozenset[str] | None) -> None:
        if hidden is not None:
            grid.hide(hidden)
            dashboard.memory.changed()

    dashboard.push_screen(ColumnsScreen(grid), chosen)


class ColumnsScreen(ModalScreen[frozenset[str] | None]):
    """The columns of a list; gives the keys of those to hide, None where somebody leaves."""

    DEFAULT_CSS = """
    ColumnsScreen { align: center middle; }
    ColumnsScreen > Vertical {
        width: 44; max-width: 95%; min-width: 20; height: auto; max-height: 90%; padding: 0 1;
        border: round $primary; background: $surface;
    }
    ColumnsScreen Static { height: auto; }
    ColumnsScreen OptionList {
        text-wrap: nowrap; height: auto; max-height: 70vh; border: none; background: $surface;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Tick", priority=True, id="columns.tick"),
        Binding("enter", "choose", "Show these", priority=True, id="columns.choose"),
        Binding("escape", "leave", "Leave", id="columns.leave"),
    ]

    def __init__(self, grid: Grid) -> None:
        """Choose among the columns of this list."""
        super().__init__()
        self._heads = grid.heads
        self._hidden = set(grid.pen.hidden)

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical():
            yield Static("columns: space ticks, enter shows the ticked ones, esc leaves", markup=False)
            yield OptionList(*(self._prompt(at) for at in range(len(self._heads))), markup=False)

    def on_mount(self) -> None:
        """Begin at the first column."""
        self.query_one(OptionList).highlighted = 0

    def action_tick(self) -> None:
        """Tick the column, or take its tick away."""
        at = self.query_one(OptionList).highlighted
        if at is not None:
            self._hidden ^= {self._heads[at].key}
            self.query_one(OptionList).replace_option_prompt_at_index(at, self._prompt(at))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tick what was clicked."""
        event.stop()
        self.action_tick()

    def action_choose(self) -> None:
        """Give the columns that are not ticked; the first stays where none is."""
        ticked = {head.key for head in self._heads} - self._hidden
        self.dismiss(frozenset(self._hidden) if ticked else frozenset(head.key for head in self._heads[1:]))

    def _prompt(self, at: int) -> str:
        head = self._heads[at]
        return f"[{' ' if head.key in self._hidden else 'x'}] {head.title or head.key}"

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
