"""Floor 4. The question before something is done: what, to how many, by which command; the answer is no unless said."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, ScrollableContainer, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

if TYPE_CHECKING:
    from collections.abc import Callable

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
        Binding("o", "options", "Options"),
    ]

    def __init__(self, what: str, command: str, *, more: bool = False) -> None:
        """Ask whether to do `what`, which `command` would do as well; `more` offers its options too."""
        super().__init__()
        self._what, self._command, self._more = what, command, more
        self.wants_options = False

    def compose(self) -> ComposeResult:
        """Lay it out; the button that has the focus is No."""
        with Vertical():
            yield Static(self._what, markup=False)
            yield Static(f"$ {self._command}", markup=False, classes="command")
            with Horizontal():
                if self._more:
                    yield Button("Options", id="options")
                yield Button("No", id="no", variant="primary")
                yield Button("Yes", id="yes", variant="warning")

    def on_mount(self) -> None:
        """Let No have the focus."""
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Take the answer of a button."""
        if event.button.id == "options":
            self.action_options()
        else:
            self.dismiss(event.button.id == "yes")

    def action_options(self) -> None:
        """Do not do it yet: whoever asked shows its options."""
        if self._more:
            self.wants_options = True
            self.dismiss(False)

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001 - Textual calls it by position
        """Take the answer of a key."""
        self.dismiss(answer)


class Page(ModalScreen[None]):
    """Some text to read, such as rows or versions; while it is still to come, leaving interrupts what makes it."""

    DEFAULT_CSS = """
    Page { align: center middle; }
    Page > Vertical { width: 96%; height: 94%; border: round $primary; background: $surface; padding: 0 1; }
    Page #title { height: auto; text-style: bold; }
    Page #page-text { width: auto; height: auto; }
    Page #line { height: auto; max-height: 2; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", id="page.leave"),
        Binding("y", "copy", "Copy command", id="page.copy"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, title: str, text: str, command: str, stop: Callable[[], None] | None = None) -> None:
        """Show a text; `stop` interrupts what is still to make it."""
        super().__init__()
        self._title, self._text, self._command, self._stop = title, text, command, stop

    def compose(self) -> ComposeResult:
        """Lay it out: title, text, the command that prints the same."""
        with Vertical():
            yield Static(self._title, id="title", markup=False)
            with ScrollableContainer(can_focus=True):
                yield Static(self._text, id="page-text", markup=False)
            yield Static(f"$ {self._command}   (esc closes, y copies)", id="line", markup=False)

    def on_mount(self) -> None:
        """Let the text have the focus: the arrows scroll it."""
        self.query_one(ScrollableContainer).focus()

    def put(self, title: str, text: str) -> None:
        """Show the text that has come."""
        self._stop = None
        if self.is_attached:
            self.query_one("#title", Static).update(title)
            self.query_one("#page-text", Static).update(text)

    def action_leave(self) -> None:
        """Close it, and interrupt what still works for it."""
        if self._stop is not None:
            self._stop()
        self.dismiss(None)

    def action_copy(self) -> None:
        """Copy the command."""
        self.app.copy_to_clipboard(self._command)
        self.app.notify(self._command, title="copied", markup=False)

    def action_scroll(self, step: int) -> None:
        """Scroll by a line."""
        self.query_one(ScrollableContainer).scroll_relative(y=step, animate=False)


class Keys(ModalScreen[None]):
    """All keys that do something here."""

    DEFAULT_CSS = """
    Keys { align: center middle; }
    Keys > VerticalScroll {
        width: 100; max-width: 95%; height: 90%; border: round $primary; background: $surface; padding: 1 2;
    }
    Keys Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark", "leave", "Close")]

    def __init__(self, lines: list[tuple[str, str, str]]) -> None:
        """Show keys, what they do, and the ids by which `[ui.keys]` moves them."""
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with VerticalScroll(can_focus=True):
            told = Text(f"{'key':<18} {'what it does':<36} id for [ui.keys]\n\n", style="dim")
            for key, text, name in self._lines:
                told.append(f"{key:<18} {text:<36} ", style="not dim").append(f"{name}\n", style="dim")
            yield Static(told)

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)
