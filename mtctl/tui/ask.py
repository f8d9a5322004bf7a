"""Floor 4. The question before something is done: what, to how many, by which command; the answer is no unless said."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Question(ModalScreen[bool]):
    """Yes or no; `y` says yes, anything that leaves says no."""

    DEFAULT_CSS = """
    Question { align: center middle; }
    Question > Vertical {
        width: 76; max-width: 95%; height: auto; border: round $warning; background: $surface; padding: 1 2;
    }
    Question Static { height: auto; margin-bottom: 1; }
    Question Horizontal { height: auto; align-horizontal: right; }
    Question Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape,q", "answer(False)", "No"),
    ]

    def __init__(self, what: str, command: str) -> None:
        """Ask whether to do `what`, which `command` would do as well."""
        super().__init__()
        self._what, self._command = what, command

    def compose(self) -> ComposeResult:
        """Lay it out; the button that has the focus is No."""
        with Vertical():
            yield Static(self._what, markup=False)
            yield Static(f"$ {self._command}", markup=False, classes="command")
            with Horizontal():
                yield Button("No", id="no", variant="primary")
                yield Button("Yes", id="yes", variant="warning")

    def on_mount(self) -> None:
        """Let No have the focus."""
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer of a button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - Textual calls it by position
        """Take the answer of a key."""
        self.dismiss(answer)


class Words(ModalScreen[str | None]):
    """One line of text, such as the two ends of a range; escape gives None."""

    DEFAULT_CSS = """
    Words { align: center middle; }
    Words > Vertical {
        width: 76; max-width: 95%; height: auto; border: round $primary; background: $surface; padding: 1 2;
    }
    Words Static { height: auto; margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]

    def __init__(self, what: str, hint: str) -> None:
        """Ask for `what`; `hint` stands in the empty field."""
        super().__init__()
        self._what, self._hint = what, hint

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical():
            yield Static(self._what, markup=False)
            yield Input(placeholder=self._hint)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed."""
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


class Keys(ModalScreen[None]):
    """All keys that do something here."""

    DEFAULT_CSS = """
    Keys { align: center middle; }
    Keys > VerticalScroll {
        width: 76; max-width: 95%; height: 90%; border: round $primary; background: $surface; padding: 1 2;
    }
    Keys Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "leave", "Close")]

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        """Show these pairs of key and meaning."""
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll(can_focus=True):
            yield Static("\n".join(f"{key:<12} {text}" for key, text in self._lines), markup=False)

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)
