"""Floor 4. Asking the lake: one SELECT, its rows, and as of which snapshot they are; the same as `mtctl query`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static, TextArea

from mtctl.tui.drawn.lines import Line
from mtctl.tui.near.asking import query
from mtctl.tui.near.details import Detail
from mtctl.tui.near.results import ResultPane

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project

LIMIT = 1_000
"""How many rows are asked for."""


class QueryScreen(Detail):
    """One SELECT over tables and sources."""

    CSS = """
    QueryScreen TextArea { height: 8; border: none; background: $boost; padding: 0 1; }
    QueryScreen Horizontal { height: 1; background: $panel; padding: 0 1; }
    QueryScreen Horizontal Static { width: auto; }
    QueryScreen Input { width: 1fr; height: 1; border: none; background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Stop, or back", id="query.leave"),
        Binding("ctrl+r,f5", "run", "Run", priority=True, id="query.run"),
    ]

    def __init__(self, sql: str = "") -> None:
        """Begin with a text."""
        super().__init__(Line(kind="query", key="", cells=()))
        self._sql = sql

    def body(self) -> ComposeResult:
        """Lay out the text, the moment, and the rows."""
        yield TextArea(self._sql, id="sql", tab_behavior="focus", soft_wrap=True)
        with Horizontal():
            yield Static("as of ", markup=False)
            yield Input(id="at", placeholder="now; or a snapshot's number, or a time", compact=True)
        yield ResultPane("one SELECT; ctrl+r or F5 runs it, esc stops it", name="query")

    async def begin(self) -> None:
        """Let the text have the focus."""
        self.fill("#head", "‹ query  one SELECT over tables and sources")
        self.query_one("#sql", TextArea).focus()
        self.tell()

    async def reload(self) -> None:
        """Nothing follows the store: an answer is of its moment."""

    def read(self, project: Project, seen: object) -> None:
        """Read nothing."""

    def show(self, found: object) -> None:
        """Show nothing."""

    @property
    def chosen(self) -> tuple[Line, ...]:
        """There is nothing here that verbs act on."""
        return ()

    def command_line(self) -> str:
        """Return the command that asks the same."""
        words = ["mtctl", "query", self._text(), "--limit", str(LIMIT)]
        words += ["--at", self._at()] if self._at() else []
        return shlex.join(words)

    def action_run(self) -> None:
        """Ask."""
        sql, at = self._text(), self._at()
        if not sql:
            return
        self.tell()
        pane = self.query_one(ResultPane)
        pane.ask(lambda project: query(project, sql, at, LIMIT))

    def action_leave(self) -> None:
        """Stop what runs, else go back."""
        pane = self.query_one(ResultPane)
        if pane.running:
            pane.stop()
        else:
            super().action_leave()

    def on_text_area_changed(self) -> None:
        """Say the command of the new text."""
        self.tell()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say the command of the new moment."""
        event.stop()
        self.tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask as of the new moment."""
        event.stop()
        self.action_run()

    def tell(self) -> None:
        """Show the command that asks the same."""
        self.say(self.command_line() if self._text() else "")

    def _text(self) -> str:
        return self.query_one("#sql", TextArea).text.strip()

    def _at(self) -> str:
        return self.query_one("#at", Input).value.strip()
