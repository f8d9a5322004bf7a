"""Floor 4. The fields of a form, each one line high and in plain characters: a tick, a choice, a text, a long text.

Textual's own checkbox and select tell their state by colour and by glyphs that not every terminal has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input, Static, TextArea

from mtctl.tui.verbs.verb import YES, FieldKind

if TYPE_CHECKING:
    from textual import events
    from textual.widget import Widget

    from mtctl.tui.verbs.verb import Field


class Plain(Static, can_focus=True):
    """A field that keys change; `value` is what it holds."""

    DEFAULT_CSS = """
    Plain { height: 1; width: 1fr; }
    Plain:focus { text-style: reverse; }
    """

    class Changed(Message):
        """It holds another value."""

    value: reactive[str] = reactive("")

    def watch_value(self) -> None:
        """Draw it, and say so."""
        self.update(self.drawn())
        self.post_message(self.Changed())

    def drawn(self) -> str:
        """Return how it looks."""
        raise NotImplementedError


class Ticked(Plain):
    """Yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "turn", "Tick")]

    def drawn(self) -> str:
        """Return a box with a cross or without."""
        return "[x]" if self.value else "[ ]"

    def action_turn(self) -> None:
        """Turn it round."""
        self.value = "" if self.value else YES

    def on_click(self) -> None:
        """Turn it round."""
        self.action_turn()


class Choice(Plain):
    """One of several words; left and right change it, a letter goes to the next word that begins so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,enter", "step(1)", "Next"),
        Binding("left", "step(-1)", "Before"),
    ]

    def __init__(self, choices: tuple[str, ...], value: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        """Show the choices, with `value` chosen."""
        super().__init__(id=id, markup=False)
        self.choices = choices
        self.set_reactive(Choice.value, value if value in choices or not choices else choices[0])

    def on_mount(self) -> None:
        """Draw the first one."""
        self.update(self.drawn())

    def drawn(self) -> str:
        """Return the word between signs that say that there are others."""
        place = self.choices.index(self.value) + 1 if self.value in self.choices else 0
        return f"< {self.value or '(as it is)'} >  {place} of {len(self.choices)}"

    def action_step(self, step: int) -> None:
        """Choose the next word or the one before."""
        if self.choices:
            at = self.choices.index(self.value) if self.value in self.choices else 0
            self.value = self.choices[(at + step) % len(self.choices)]

    def on_key(self, event: events.Key) -> None:
        """Go to the next word that begins with a letter."""
        letter = (event.character or "").lower()
        if not letter.isalnum():
            return
        event.stop()
        at = self.choices.index(self.value) if self.value in self.choices else 0
        turned = (*self.choices[at + 1 :], *self.choices[: at + 1])
        self.value = next((word for word in turned if word.lower().startswith(letter)), self.value)

    def on_click(self) -> None:
        """Choose the next one."""
        self.action_step(1)


def field_widget(field: Field, value: str, choices: tuple[str, ...]) -> Widget:
    """Return the widget of a field; its id is `field-` and the name."""
    name = f"field-{field.name}"
    match field.kind:
        case FieldKind.LONG:
            return TextArea(value, id=name, compact=True, soft_wrap=False)
        case FieldKind.TICK:
            tick = Ticked("[x]" if value else "[ ]", id=name, markup=False)
            tick.set_reactive(Ticked.value, value)
            return tick
        case FieldKind.CHOICE:
            words = choices or field.choices
            return Choice(words if field.needed else ("", *words), value, id=name)
        case _:
            return Input(value, placeholder=field.hint, id=name, compact=True)


def value_of(widget: Widget) -> str:
    """Return what stands in a field."""
    match widget:
        case TextArea():
            return widget.text
        case Input():
            return widget.value.strip()
        case Plain():
            return widget.value
        case _:
            raise TypeError(type(widget).__name__)
