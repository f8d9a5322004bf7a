"""Floor 4. The field of the filter: the list follows while it is typed, and letters are letters there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from mtctl.core.errors import MtctlError
from mtctl.core.listing import Filter, parse_filter
from mtctl.tui.drawn.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.strip import Strip
    from textual.timer import Timer

    from mtctl.tui.drawn.lines import Listing, Page

TYPING_SECONDS = 0.08
"""How long a filter rests before the list follows: nobody reads what is there between two letters."""

HINT = "words, state:failed, tag:team=x, table:sales*, workflow:n*"

NOTHING_FITS = "nothing fits the filter – esc takes it away"
NOTHING_HERE = "nothing here yet"


class FilterField(Input):
    """One line; hidden while it is empty and elsewhere."""

    DEFAULT_CSS = """
    FilterField { display: none; }
    FilterField.-textual-compact { height: 1; width: 1fr; background: $boost; padding: 0 1; }
    FilterField.shown { display: block; }
    """

    class Narrowed(Message):
        """Somebody wants to see only what passes."""

        def __init__(self, text: str, wanted: Filter) -> None:
            """Give the filter as it was typed and as it was read."""
            super().__init__()
            self.text, self.wanted = text, wanted

    class Refused(Message):
        """What is typed is no filter yet."""

        def __init__(self, why: str) -> None:
            """Say why."""
            super().__init__()
            self.why = why

    class Left(Message):
        """Somebody wants to go back to the list."""

    def __init__(self) -> None:
        """Begin empty and hidden."""
        super().__init__(id="filter", placeholder=HINT, compact=True)
        self._resting: Timer | None = None

    def put(self, text: str) -> None:
        """Show the filter of another list; nobody is told."""
        self._rest()
        with self.prevent(Input.Changed):
            self.value = text
        self._show(shown=bool(text))

    def open(self) -> None:
        """Let somebody type."""
        self._show(shown=True)
        self.focus()

    def clear_all(self) -> None:
        """Take the filter away."""
        self.put("")
        self.post_message(self.Narrowed("", Filter()))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Wait until the typing rests."""
        event.stop()
        self._rest()
        self._resting = self.set_timer(TYPING_SECONDS, self._narrow)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back."""
        event.stop()
        self._narrow()
        self._show(shown=bool(self.value))
        self.post_message(self.Left())

    def _show(self, *, shown: bool) -> None:
        self.set_class(shown, "shown")
        for line in self.ancestors:
            if isinstance(line, FilterLine):
                line.set_class(shown, "shown")

    def _rest(self) -> None:
        if self._resting is not None:
            self._resting.stop()
            self._resting = None

    def _narrow(self) -> None:
        self._rest()
        try:
            wanted = parse_filter(self.value)
        except MtctlError as error:
            self.post_message(self.Refused(f"{error.what} – {error.fix}" if error.fix else error.what))
            return
        self.post_message(self.Narrowed(self.value, wanted))


class FilterLine(Horizontal):
    """The field with its name before it: else a filter looks like a line of the list."""

    DEFAULT_CSS = """
    FilterLine { display: none; height: 1; background: $boost; }
    FilterLine.shown { display: block; }
    FilterLine > Static { width: auto; height: 1; padding: 0 0 0 1; color: $text-accent; text-style: bold; }
    """

    def compose(self) -> ComposeResult:
        """Lay it out."""
        yield Static("filter", markup=False)
        yield FilterField()


class FilteredGrid(Grid):
    """A list that says why it is empty; `narrowed` tells whether a filter is in force."""

    def __init__(self, listing: Listing, narrowed: Callable[[], bool]) -> None:
        """Show a list of the dashboard in its own order."""
        super().__init__(listing.heads, name=listing.name)
        self.set_reactive(Grid.order, listing.order)
        self.set_reactive(Grid.descending, listing.descending)
        self._narrowed = narrowed
        self._is_read = False

    def put(self, page: Page, *, fresh: bool) -> None:
        """Take a window of lines."""
        self._is_read = True
        super().put(page, fresh=fresh)

    def render_line(self, y: int) -> Strip:
        """Draw the header, one line, or why there is none."""
        if y != 1 or self.total or not self._is_read:
            return super().render_line(y)
        base, looks = self._base(), self._looks()
        words = NOTHING_FITS if self._narrowed() else NOTHING_HERE
        return self.pen.rest(f"  {words}", self.size.width, here=False, base=base, looks=looks)
