"""Floor 4. The field of the filter: the list follows while it is typed, and letters are letters there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.widgets import Input

from mtctl.core.errors import MtctlError
from mtctl.core.listing import Filter, parse_filter

if TYPE_CHECKING:
    from textual.timer import Timer

TYPING_SECONDS = 0.08
"""How long a filter rests before the list follows: nobody reads what is there between two letters."""

HINT = "words, state:failed, tag:team=x, table:sales*, workflow:n*"


class FilterField(Input):
    """One line; hidden while it is empty and elsewhere."""

    DEFAULT_CSS = """
    FilterField { display: none; }
    FilterField.-textual-compact { height: 1; background: $boost; padding: 0 1; }
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
        self.set_class(bool(text), "shown")

    def open(self) -> None:
        """Let somebody type."""
        self.add_class("shown")
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
        self.set_class(bool(self.value), "shown")
        self.post_message(self.Left())

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
