"""Floor 4. The form of a verb: its options as fields, the command that they make, and two buttons.

What the project refuses is said in the form, with everything that was typed still there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mtctl.core.errors import MtctlError
from mtctl.tui.asked.fields import Plain, field_widget, value_of
from mtctl.tui.verbs.verb import FieldKind, Given, checked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult

    from mtctl.tui.drawn.lines import Line
    from mtctl.tui.verbs.verb import Prepared, Told, Verb


class Form(ModalScreen["str | Told | None"]):
    """The options of one verb; it goes with what came of the verb, or with None where somebody left."""

    DEFAULT_CSS = """
    Form { align: center middle; }
    Form > Vertical { width: 96; max-width: 98%; height: auto; max-height: 98%; border: round $primary;
                      background: $surface; padding: 0 1; }
    Form.asks > Vertical { border: round $warning; }
    Form #fields { height: auto; max-height: 55vh; }
    Form.long #fields { height: 55vh; }
    Form .row { height: 1; }
    Form .row Static.label { width: 30; max-width: 45%; height: 1; }
    Form .row.long { height: 1fr; min-height: 5; }
    Form .row.long .label { display: none; }
    Form Input { width: 1fr; background: $boost; }
    Form TextArea { height: 100%; }
    Form #what, Form #line, Form #problem { height: auto; max-height: 4; }
    Form #line { color: $text-muted; margin-top: 1; }
    Form #problem { color: $text-error; display: none; }
    Form #buttons { height: 1; align-horizontal: right; }
    Form #buttons Static { width: 1fr; color: $text-muted; }
    Form Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "do", "Do it", id="form.do"),
        Binding("escape", "leave", "Leave", id="form.leave"),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(
        self,
        verb: Verb,
        lines: Sequence[Line],
        what: str,
        prepared: Prepared,
        act: Callable[[Given], Awaitable[str | Told]],
        stop: Callable[[], None] | None = None,
    ) -> None:
        """Ask for the options of a verb on lines; `act` does it and raises what the project refuses.

        `stop` interrupts it, where it can be interrupted.
        """
        super().__init__()
        self._stop = stop
        self._verb, self._lines, self._what, self._prepared, self._act = verb, lines, what, prepared, act
        self._first = verb.given(prepared)
        self._busy = False
        self._warned = False
        self.set_class(any(one.kind is FieldKind.LONG for one in verb.fields), "long")
        self.set_class(verb.asks, "asks")

    def compose(self) -> ComposeResult:
        """Lay it out: what is to be done, the fields, what is wrong, the command, the buttons."""
        with Vertical():
            yield Static(self._what, id="what", markup=False)
            with VerticalScroll(id="fields", can_focus=False):
                for one in self._verb.fields:
                    choices = self._prepared.choices.get(one.name, ())
                    with Horizontal(classes="row long" if one.kind is FieldKind.LONG else "row"):
                        yield Static(one.label + (" *" if one.needed else ""), classes="label", markup=False)
                        yield field_widget(one, self._first.text(one.name), choices)
            yield Static(id="problem", markup=False)
            yield Static(id="line", markup=False)
            with Horizontal(id="buttons"):
                yield Static("ctrl+s does it, esc leaves", markup=False)
                yield Button("Leave", id="leave", compact=True)
                yield Button("Do it", id="do", variant="warning" if self._verb.asks else "primary", compact=True)

    def on_mount(self) -> None:
        """Let the first field have the focus, or Leave where there is none."""
        found = self.query("#fields Input, #fields TextArea, #fields Plain")
        (found.first() if found else self.query_one("#leave")).focus()
        self._say()

    @property
    def given(self) -> Given:
        """What stands in the fields now."""
        values = {one.name: value_of(self.query_one(f"#field-{one.name}")) for one in self._verb.fields}
        return Given(values=values, before=self._first.values, kept=self._first.kept)

    @property
    def command(self) -> str:
        """The command line that does the same, whole."""
        return self._verb.line(self._lines, self.given)

    def on_input_changed(self) -> None:
        """Show the command anew."""
        self._say()

    def on_text_area_changed(self) -> None:
        """Show the command anew."""
        self._say()

    def on_plain_changed(self, event: Plain.Changed) -> None:
        """Show the command anew."""
        event.stop()
        self._say()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next field: only a button or ctrl+s does it."""
        event.stop()
        self.focus_next()

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do it or leave."""
        event.stop()
        if event.button.id == "do":
            self.action_do()
        else:
            self.dismiss(None)

    def action_leave(self) -> None:
        """Leave; who has typed something is asked to say so twice. What is being done is interrupted if it can be."""
        if self._busy:
            if self._stop is not None:
                self._stop()
            return
        if self._warned or self.given.values == self._first.values:
            self.dismiss(None)
            return
        self._warned = True
        self._problem("esc once more leaves: what was typed is lost then")

    def action_do(self) -> None:
        """Do it, once at a time."""
        if not self._busy:
            self._busy = True
            self.run_worker(self._do())

    async def _do(self) -> None:
        given = self.given
        self._problem("asking; esc interrupts" if self._stop is not None else "")
        try:
            checked(self._verb, given)
            self.query_one("#do", Button).disabled = True
            self.dismiss(await self._act(given))
        except MtctlError as error:
            where = f" – {error.where}" if error.where else ""
            fix = f" – {error.fix}" if error.fix else ""
            self._problem(f"error[{error.code}]: {error.what}{where}{fix}")
        finally:
            self._busy = False
            if self.is_attached:
                self.query_one("#do", Button).disabled = False

    def _problem(self, text: str) -> None:
        found = self.query_one("#problem", Static)
        found.update(text)
        found.display = bool(text)

    def _say(self) -> None:
        """Show the command; of one that takes a long text only the first line, the rest stands above."""
        self._warned = False
        first, _, rest = self.command.partition("\n")
        self.query_one("#line", Static).update(f"$ {first}" + (" ..." if rest else ""))
