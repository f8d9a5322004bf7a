"""Floor 4. What one thing looks like from near: the frame that all detail screens share.

A detail screen shows one line's thing, follows changes like the lists, and offers the same verbs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from mtctl.core.errors import MtctlError
from mtctl.tui.grid import Grid
from mtctl.tui.palette import colour_of, look_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.widget import Widget

    from mtctl.app import App as Project
    from mtctl.tui.app import Dashboard
    from mtctl.tui.lines import Line


class Detail(Screen[None]):
    """One thing. What it shows is read in the reading thread by `read` and put in place by `show`."""

    CSS = """
    Detail #head { height: auto; max-height: 4; background: $panel; padding: 0 1; }
    Detail .body { height: 1fr; }
    Detail #said { height: 1; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "leave", "Back"),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(self, subject: Line) -> None:
        """Show the thing of a line."""
        super().__init__()
        self.subject = subject

    @property
    def dashboard(self) -> Dashboard:
        """The application."""
        return self.app  # type: ignore[return-value]

    def compose(self) -> ComposeResult:
        """Lay it out: a head, the body, what would be done, the keys."""
        yield Static(id="head", markup=False)
        yield from self.body()
        yield Static(id="said", markup=False)
        yield Footer(compact=True)

    def body(self) -> ComposeResult:
        """Lay out what stands between head and foot."""
        raise NotImplementedError

    def read(self, project: Project, mark: int) -> Any:
        """Read what is shown; runs in the reading thread."""
        raise NotImplementedError

    def show(self, found: Any) -> None:
        """Put in place what was read."""
        raise NotImplementedError

    @property
    def chosen(self) -> tuple[Line, ...]:
        """What verbs act on: the marked or current lines of the list that has the focus, else the thing itself."""
        focused = self.focused
        if isinstance(focused, Grid) and focused.chosen:
            return focused.chosen
        return (self.subject,)

    async def on_mount(self) -> None:
        """Read for the first time."""
        await self.reload()

    async def reload(self) -> None:
        """Read anew; trouble is said in the head and the screen stays."""
        reader: Callable[[Project], Any] = lambda project: self.read(project, self.dashboard.mark)  # noqa: E731
        try:
            found = await self.dashboard.desk.reads.do(reader)
        except MtctlError as error:
            if self._is_there:
                self.query_one("#head", Static).update(f"! {error.what}")
            return
        if self._is_there:
            self.show(found)

    @property
    def _is_there(self) -> bool:
        """Whether it is still open, with all its parts: somebody may have left while it was read."""
        return self in self.app.screen_stack and bool(self.query("#said")) and self.app.is_running

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Offer the verbs of another line."""
        event.stop()
        self.dashboard.say_command()
        self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        """Offer the verbs of what has the focus now."""
        self.dashboard.say_command()
        self.refresh_bindings()

    def action_leave(self) -> None:
        """Go back to where this was opened."""
        self.app.pop_screen()

    def state(self, state: str) -> Text:
        """Return a state as it looks here."""
        look = look_of(state)
        options = self.dashboard.options
        glyph = look.ascii if options.plain else look.glyph
        colour = colour_of(look.tone, options.palette, dark=self.app.current_theme.dark)
        return Text(f"{glyph} {state}", style=colour)

    def new_grid(self, heads: Any, name: str) -> Grid:
        """Return a list for this screen, in the dashboard's colours."""
        options = self.dashboard.options
        return Grid(heads, plain=options.plain, palette=options.palette, name=name)

    def fill(self, where: str, text: Text | str) -> None:
        """Put text into a Static by its id."""
        found: Widget = self.query_one(where)
        if isinstance(found, Static):
            found.update(text)
