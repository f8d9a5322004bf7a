"""Floor 4. Refreshing a range: the table's calendar, two ends, options, then the plan, and only then the start.

What it builds is `mtctl refresh … --from … --to … --detach`; the plan is that command's own dry run.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Checkbox, Input, Static

from mtctl.core.errors import MtctlError
from mtctl.services.reports.refreshing import RefreshArgs
from mtctl.tui.calendar import drawn
from mtctl.tui.details import Detail

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from mtctl.app import App as Project
    from mtctl.services.board import CalendarCell
    from mtctl.services.reports.refreshing import RefreshReport

_SHOWN = 12


class Tick(Checkbox):
    """A checkbox that is empty when it is off: Textual's own tells that by colour alone."""

    BUTTON_INNER = " "

    def watch_value(self) -> None:
        """Draw the cross or take it away."""
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()


class RangeScreen(Detail):
    """One table's range to refresh."""

    CSS = """
    RangeScreen #calendar { height: auto; max-height: 14; padding: 0 1; }
    RangeScreen Horizontal { height: auto; padding: 0 1; }
    RangeScreen Input { width: 26; height: 3; }
    RangeScreen Checkbox { height: 3; border: none; padding: 1 1; }
    RangeScreen Button { margin: 0 1; }
    RangeScreen #plan { height: 1fr; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("ctrl+r", "plan", "Plan"),
    ]

    def body(self) -> ComposeResult:
        """Lay out calendar, ends, options, buttons and the plan."""
        yield Static(id="calendar", markup=False)
        with Horizontal():
            yield Input(id="from", placeholder="from: 2013-02-01")
            yield Input(id="to", placeholder="to (exclusive): 2013-03-01")
            yield Tick("fresh ones too", id="force")
            yield Tick("downstream", id="downstream")
        with Horizontal():
            yield Button("Plan", id="plan-it", variant="primary")
            yield Button("Start", id="start", variant="warning", disabled=True)
            yield Button("Leave", id="leave")
        with VerticalScroll(id="plan"):
            yield Static(id="planned", markup=False)

    @property
    def args(self) -> RefreshArgs:
        """What is asked for now."""
        return RefreshArgs(
            selectors=(self.subject.key,),
            start=self.query_one("#from", Input).value.strip() or None,
            end=self.query_one("#to", Input).value.strip() or None,
            force=self.query_one("#force", Checkbox).value,
            downstream=self.query_one("#downstream", Checkbox).value,
        )

    @property
    def command(self) -> str:
        """The command line that does the same."""
        args = self.args
        words = ["mtctl", "refresh", *args.selectors]
        words += ["--from", args.start] if args.start else []
        words += ["--to", args.end] if args.end else []
        words += ["--force"] if args.force else []
        words += ["--downstream"] if args.downstream else []
        return shlex.join([*words, "--detach"])

    async def on_mount(self) -> None:
        """Read the calendar and let the first end have the focus."""
        await super().on_mount()
        self.query_one("#from", Input).focus()
        self._say()

    def read(self, project: Project, mark: int) -> tuple[CalendarCell, ...]:
        """Read how each interval is."""
        _ = mark
        return project.board.calendar(self.subject.key)

    def show(self, found: tuple[CalendarCell, ...]) -> None:
        """Draw the calendar."""
        self.fill("#head", f"‹ Refresh a range of {self.subject.key}")
        self.fill("#calendar", drawn(found, self))

    def on_input_changed(self) -> None:
        """Forget the plan: it is no longer what would be started."""
        self._unplan()

    def on_checkbox_changed(self) -> None:
        """Forget the plan."""
        self._unplan()

    def on_descendant_focus(self) -> None:
        """Nothing here is a line that verbs are for."""

    async def on_button_pressed(self, event: Button.Pressed) -> None:
        """Plan, start or leave."""
        match event.button.id:
            case "plan-it":
                await self.action_plan()
            case "start":
                await self._start()
            case _:
                self.action_leave()

    async def action_plan(self) -> None:
        """Show what would be done; only then can it be started."""
        report = await self._ask(self.args, dry=True)
        if report is None:
            return
        self.fill("#planned", _planned(report))
        self.query_one("#start", Button).disabled = not report.plan or self.dashboard.options.read_only

    async def _start(self) -> None:
        report = await self._ask(self.args, dry=False)
        if report is None:
            return
        text = f"queued as instance {report.instance}" if report.instance else "nothing is to be done"
        self.app.notify(text, title=self.command, markup=False, timeout=8)
        self.action_leave()

    async def _ask(self, args: RefreshArgs, *, dry: bool) -> RefreshReport | None:
        from mtctl.core.values import replace  # noqa: PLC0415 - only here

        asked = replace(args, dry_run=dry, detach=not dry)
        try:
            return await self.dashboard.desk.acts.do(lambda project: project.refresh(asked, lambda _: None))
        except MtctlError as error:
            self.fill("#planned", f"! {error}")
            return None

    def _unplan(self) -> None:
        self.query_one("#start", Button).disabled = True
        self.fill("#planned", "")
        self._say()

    def _say(self) -> None:
        self.dashboard.command = self.command
        self.fill("#said", f"$ {self.command}")


def _planned(report: RefreshReport) -> Text:
    """Return the plan in words: how many intervals in how many batches, and the first of them."""
    if not report.plan:
        return Text("\n".join(report.notes) or "nothing is to be done: all of it is fresh")
    intervals = sum(step.intervals for step in report.plan)
    tables = len({step.table for step in report.plan})
    lines = [f"{intervals:,} intervals of {tables} table{'s' if tables > 1 else ''} in {len(report.plan)} batches"]
    lines += [f"  {step.table}  {step.interval}  {', '.join(step.reasons)}" for step in report.plan[:_SHOWN]]
    if len(report.plan) > _SHOWN:
        lines.append(f"  … and {len(report.plan) - _SHOWN} more")
    lines += [f"not ready: {text}" for text in report.not_ready] + list(report.notes)
    return Text("\n".join(lines))
