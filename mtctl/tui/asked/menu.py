"""Floor 4. All verbs of what is under the cursor, with their keys and commands; typed words narrow them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from mtctl.tui.verbs.verb import Verb


class Menu(ModalScreen["Verb | None"]):
    """Verbs to choose from; the one that is chosen shows its options first."""

    DEFAULT_CSS = """
    Menu { align: center middle; }
    Menu > Vertical { width: 76; max-width: 98%; height: 90%; max-height: 34; border: round $primary;
                      background: $surface; padding: 0 1; }
    Menu Input { background: $boost; }
    Menu OptionList { height: 1fr; border: none; padding: 0; background: $surface; }
    Menu #line { height: auto; max-height: 3; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", id="menu.leave"),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("enter", "choose", "Choose", id="menu.choose", priority=True),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[Verb, str]]) -> None:
        """Offer verbs, each with its command line."""
        super().__init__()
        self._title, self._choices = title, tuple(choices)

    def compose(self) -> ComposeResult:
        """Lay it out; the field has the focus, the arrows move in the list."""
        with Vertical():
            yield Static(self._title, markup=False)
            yield Input(placeholder="type to narrow", compact=True)
            yield OptionList(compact=True, markup=False)
            yield Static(id="line", markup=False)

    def on_mount(self) -> None:
        """Show all."""
        self._fill("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show those that have all typed words in their label or command."""
        event.stop()
        self._fill(event.value)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show the command of the one under the cursor."""
        command = next((line for verb, line in self._choices if verb.name == event.option_id), "")
        self.query_one("#line", Static).update(f"$ {command}")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the one that was clicked."""
        self._take(event.option_id)

    def action_move(self, step: int) -> None:
        """Move in the list."""
        found = self.query_one(OptionList)
        if step > 0:
            found.action_cursor_down()
        else:
            found.action_cursor_up()

    def action_choose(self) -> None:
        """Take the one under the cursor."""
        found = self.query_one(OptionList)
        if found.highlighted is not None:
            self._take(found.get_option_at_index(found.highlighted).id)

    def action_leave(self) -> None:
        """Choose nothing."""
        self.dismiss(None)

    def _take(self, name: str | None) -> None:
        self.dismiss(next((verb for verb, _ in self._choices if verb.name == name), None))

    def _fill(self, typed: str) -> None:
        words = typed.lower().split()
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options(
            Option(f"{verb.key:<2} {verb.label}{' …' if verb.fields else ''}", id=verb.name)
            for verb, line in self._choices
            if all(word in f"{verb.label} {line}".lower() for word in words)
        )
        if found.option_count:
            found.highlighted = 0
        else:
            self.query_one("#line", Static).update("no such action")
