"""Floor 4. What one thing looks like from near: the frame that all detail screens share.

A detail screen shows one line's thing, follows changes like the lists, and offers the same verbs.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Footer, Static

from mtctl.core.errors import MtctlError
from mtctl.tui.drawn.grid import Grid
from mtctl.tui.drawn.palette import look_of
from mtctl.tui.drawn.zones import localised

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from mtctl.app import App as Project
    from mtctl.tui.app import Dashboard
    from mtctl.tui.drawn.lines import Line

T = TypeVar("T")


class Detail(Screen[None]):
    """One thing. What it shows is read in the reading thread by `read` and put in place by `show`."""

    CSS = """
    Detail #head { height: auto; max-height: 4; background: $panel; padding: 0 1; }
    Detail .body { height: 1fr; }
    Detail #said { height: 1; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "leave", "Back", id="detail.leave"),
        Binding("tab", "app.focus_next", "Next part", show=False, id="detail.next"),
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
        yield Footer(compact=True, show_command_palette=False)

    def body(self) -> ComposeResult:
        """Lay out what stands between head and foot."""
        raise NotImplementedError

    def seen(self) -> Any:
        """Return what `read` has to know of the screen: in the reading thread no widget may be asked for its size."""
        return None

    def read(self, project: Project, seen: Any) -> Any:
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
        """Begin; Textual calls this of every class, so screens do what is theirs in `begin`."""
        await self.begin()

    async def begin(self) -> None:
        """Read for the first time."""
        await self.reload()

    async def reload(self) -> None:
        """Read anew; trouble is said in the head and the screen stays."""
        seen = self.seen()
        found = await self.asked(lambda project: self.read(project, seen))
        if found is not None:
            with suppress(NoMatches):  # it is being taken down, a part before the other
                self.show(found)

    async def asked(self, act: Callable[[Project], T]) -> T | None:
        """Read something in the reading thread; None where there is trouble, or nobody to show it to any more."""
        try:
            found = await self.dashboard.desk.reads.do(act)
        except MtctlError as error:
            if self._is_there:
                self.query_one("#head", Static).update(f"! {error.what}")
            return None
        return found if self._is_there else None

    @property
    def _is_there(self) -> bool:
        """Whether it is still open, with all its parts: somebody may have left while it was read."""
        return self in self.app.screen_stack and bool(self.query("#said")) and self.app.is_running

    def on_grid_moved(self, event: Grid.Moved) -> None:
        """Offer the verbs of another line."""
        event.stop()
        self.tell()
        self.refresh_bindings()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Offer the verbs of what has the focus now."""
        _ = event
        self.tell()
        self.refresh_bindings()

    def tell(self) -> None:
        """Show the command that would do first what is offered now."""
        self.dashboard.say_command()

    def say(self, command: str) -> None:
        """Show a command that does the same as what is shown here."""
        self.dashboard.command = command
        self.fill("#said", f"$ {' '.join(command.split())}" if command else "")

    def action_leave(self) -> None:
        """Go back to where this was opened."""
        self.app.pop_screen()

    def state(self, state: str) -> Text:
        """Return a state as it looks here."""
        look = look_of(state)
        glyph = look.ascii if self.dashboard.options.plain else look.glyph
        return Text(f"{glyph} {state}", style=self.dashboard.colour(look.tone))

    def new_grid(self, heads: Any, name: str) -> Grid:
        """Return a list for this screen, in the dashboard's colours."""
        return Grid(heads, name=name)

    def fill(self, where: str, text: Text | str) -> None:
        """Put text into a Static by its id; its times are told in the zone that is wanted."""
        found: Widget = self.query_one(where)
        if isinstance(found, Static):
            found.update(self.in_zone(text))

    def in_zone(self, text: Text | str) -> Text | str:
        """Return a text with its times in local time where that is wanted."""
        if not self.dashboard.options.local:
            return text
        if isinstance(text, str):
            return localised(text)
        # Styled words stand before the first time in a line, so that they keep their places.
        lines = text.split("\n", allow_blank=True)
        for line in lines:
            line.plain = localised(line.plain)
        return Text("\n").join(lines)
