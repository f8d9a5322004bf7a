"""Floor 4. The wizard of a range: target, range, options, review; what it starts is `mtctl refresh … --detach`.

The review is that command's own dry run; only what was reviewed can be started, and then its matrix is shown.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Checkbox, ContentSwitcher, Input, Static

from mtctl.core.errors import MtctlError
from mtctl.core.interval import Grain
from mtctl.core.times import parse_range
from mtctl.core.values import replace
from mtctl.core.why import Cause
from mtctl.services.reports.refreshing import RefreshArgs
from mtctl.tui.asked.range_review import reviewed
from mtctl.tui.drawn.calendar import CalendarStrip, told
from mtctl.tui.drawn.cell_styles import looks_of
from mtctl.tui.drawn.lines import Line
from mtctl.tui.near.details import Detail
from mtctl.tui.near.range_screen import RangeMatrixScreen

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.notifications import SeverityLevel

    from mtctl.app import App as Project
    from mtctl.core.calendar import Calendar
    from mtctl.services.board import CalendarCell
    from mtctl.services.ranges import Meeting
    from mtctl.services.reports.refreshing import RefreshReport

STEPS = ("target", "range", "options", "review")
"""The steps in their order; the panes bear these names."""

_FIRST_FIELD = {"target": "tables", "range": "from", "options": "force", "review": "start"}


class Tick(Checkbox):
    """A checkbox that is empty when it is off, in plain characters: Textual's own tells that by colour alone."""

    BUTTON_LEFT, BUTTON_INNER, BUTTON_RIGHT = "[", " ", "]"

    def watch_value(self) -> None:
        """Draw the cross or take it away."""
        self.BUTTON_INNER = "X" if self.value else " "
        super().watch_value()


class _Read(NamedTuple):
    """What was read: the target's first table, its intervals, and how they are named; no calendar where it has none."""

    name: str | None
    cells: tuple[CalendarCell, ...]
    calendar: Calendar | None


class RangeScreen(Detail):
    """A refresh of a range, step by step."""

    CSS = """
    RangeScreen #steps { height: 1; background: $panel; padding: 0 1; }
    RangeScreen ContentSwitcher { height: 1fr; padding: 0 1; }
    RangeScreen ContentSwitcher > * { height: 1fr; }
    RangeScreen .field { height: auto; }
    RangeScreen .field Static { width: 10; height: 1; color: $text-muted; }
    RangeScreen .field Input { width: 1fr; max-width: 50; }
    RangeScreen #ends Static { width: 6; }
    RangeScreen #ends Input { width: 1fr; max-width: 30; margin-right: 2; }
    RangeScreen Checkbox { height: 1; border: none; padding: 0; margin-top: 1; width: auto; }
    RangeScreen Checkbox:focus { border: none; }
    RangeScreen .hint { height: auto; color: $text-muted; margin-top: 1; }
    RangeScreen #told { height: 1; }
    RangeScreen #buttons { height: 1; padding: 0 1; }
    RangeScreen Button { margin-right: 2; width: auto; min-width: 9; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="wizard.back"),
        Binding("ctrl+n", "next", "Next", id="wizard.next"),
        Binding("ctrl+r", "review", "Review", id="wizard.review"),
        Binding("ctrl+s", "start", "Start", id="wizard.start"),
        *(
            Binding(str(number), f"step('{step}')", step.capitalize(), show=False, id=f"wizard.{step}")
            for number, step in enumerate(STEPS, start=1)
        ),
        # The numbers of other lists would throw away what was filled in.
        Binding("5,6,7,8", "step('')", "Nothing", show=False, id="wizard.nothing"),
    ]

    def __init__(self, subject: Line) -> None:
        """Begin with the table of a line."""
        super().__init__(subject)
        self.step = "target"
        self._calendar: Calendar | None = None
        self._can_start = False

    def body(self) -> ComposeResult:
        """Lay out the steps and the buttons."""
        yield Static(id="steps", markup=False)
        with ContentSwitcher(initial="target"):
            yield from self._target()
            yield from self._range()
            yield from self._options()
            with VerticalScroll(id="review", can_focus=True):
                yield Static(id="planned", markup=False)
        with Horizontal(id="buttons"):
            yield Button("Back", id="back", compact=True)
            yield Button("Next", id="next", variant="primary", compact=True)
            yield Button("Start", id="start", variant="warning", disabled=True, compact=True)

    def _target(self) -> ComposeResult:
        with VerticalScroll(id="target", can_focus=False):
            with Horizontal(classes="field"):
                yield Static("tables", markup=False)
                yield Input(self.subject.key, id="tables", compact=True)
            yield Tick("--upstream: first refresh what the tables read", id="upstream")
            yield Tick("--downstream: then refresh what reads the tables", id="downstream")
            yield Static(
                "Names, globs, +x (with upstream), x+ (with downstream), with spaces between.",
                classes="hint",
                markup=False,
            )

    def _range(self) -> ComposeResult:
        with VerticalScroll(id="range", can_focus=False):
            with Horizontal(id="ends", classes="field"):
                yield Static("from", markup=False)
                yield Input(id="from", placeholder="2013-02-01", compact=True)
                yield Static("to", markup=False)
                yield Input(id="to", placeholder="2013-03-01, exclusive", compact=True)
            yield CalendarStrip(pick=True, id="strip")
            yield Static(id="told", markup=False)

    def _options(self) -> ComposeResult:
        with VerticalScroll(id="options", can_focus=False):
            yield Tick("--force: named intervals also when fresh or not wanted", id="force")
            yield Tick("--full: every wanted interval (without a range)", id="full")
            yield Tick("--strict: named intervals that are not due are errors", id="strict")
            with Horizontal(classes="field hint"):
                yield Static("--batch", markup=False)
                hint = "at most so many intervals a statement"
                yield Input(id="batch", type="integer", placeholder=hint, compact=True)

    # --- what is asked for ----------------------------------------------------------------------------------------

    @property
    def chosen(self) -> tuple[Line, ...]:
        """Nothing: letters are no verbs in here."""
        return ()

    @property
    def args(self) -> RefreshArgs:
        """What is asked for now."""
        batch = self._text("batch")
        return RefreshArgs(
            selectors=tuple(self._text("tables").split()),
            start=self._text("from") or None,
            end=self._text("to") or None,
            upstream=self._tick("upstream"),
            downstream=self._tick("downstream"),
            force=self._tick("force"),
            full=self._tick("full"),
            strict=self._tick("strict"),
            batch=int(batch) if batch.isdecimal() and int(batch) else None,
        )

    @property
    def command(self) -> str:
        """The command line that does the same."""
        args = self.args
        words = ["mtctl", "refresh", *args.selectors]
        words += ["--from", args.start] if args.start else []
        words += ["--to", args.end] if args.end else []
        words += [f"--{name}" for name in ("upstream", "downstream", "force", "full", "strict") if getattr(args, name)]
        words += ["--batch", str(args.batch)] if args.batch else []
        return shlex.join([*words, "--detach"])

    def _text(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _tick(self, name: str) -> bool:
        return self.query_one(f"#{name}", Checkbox).value

    # --- reading --------------------------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Let the first field have the focus; the calendar is read by the frame."""
        self._go("target")

    def seen(self) -> tuple[str, ...]:
        """Return the words of the target."""
        return self.args.selectors

    def read(self, project: Project, seen: tuple[str, ...]) -> _Read:
        """Read how each interval of the first table is that the target has; what names none yet has no calendar."""
        try:
            name = project.board.first_of(seen)
        except MtctlError:
            name = None
        calendar = project.board.ranges.calendar(name) if name is not None else None
        return _Read(name, project.board.calendar(name) if name is not None and calendar is not None else (), calendar)

    def show(self, found: _Read) -> None:
        """Draw the calendar."""
        self._calendar = found.calendar
        of = f"  calendar of {found.name}" if found.name not in {None, self.subject.key} else ""
        self.fill("#head", f"‹ Refresh a range of {self.subject.key}{of}")
        self.query_one(CalendarStrip).put(found.cells)
        self._mark_range()

    # --- steps ----------------------------------------------------------------------------------------------------

    def action_next(self) -> None:
        """Go to the next step."""
        if self.step != STEPS[-1]:
            self._go(STEPS[STEPS.index(self.step) + 1])

    def action_step(self, step: str) -> None:
        """Go to a step by its number."""
        if step:
            self._go(step)

    def action_leave(self) -> None:
        """Go back a step; from the first one leave."""
        if self.step == STEPS[0]:
            super().action_leave()
        else:
            self._go(STEPS[STEPS.index(self.step) - 1])

    def action_review(self) -> None:
        """Go to the last step at once, or plan again."""
        self._go("review")

    def action_start(self) -> None:
        """Start what was reviewed."""
        if self._can_start:
            self.run_worker(self._start(), group="start", exclusive=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the start once there is something to start, the next step where there is one."""
        if action == "start":
            return self._can_start
        if action == "next":
            return self.step != STEPS[-1]
        return super().check_action(action, parameters)

    def _go(self, step: str) -> None:
        self.step = step
        self.query_one(ContentSwitcher).current = step
        self.query_one("#next", Button).display = step != STEPS[-1]
        self.query_one("#start", Button).display = step == STEPS[-1]
        self._forget_plan()
        self.fill("#steps", self._steps())
        if step == "review":
            self.query_one("#review").focus()
            self.run_worker(self._plan(), group="plan", exclusive=True)
        else:
            self.query_one(f"#{_FIRST_FIELD[step]}").focus()
        if step == "range":
            self.run_worker(self.reload(), group="calendar", exclusive=True)
        self.refresh_bindings()

    def _steps(self) -> Text:
        at = STEPS.index(self.step)
        text = Text()
        for number, name in enumerate(STEPS):
            sign = "◀" if number == at else "✔" if number < at else " "
            text.append(f"{number + 1} {name.capitalize()} {sign}   ", style="bold" if number == at else "")
        return text

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Go back, on, or start."""
        match event.button.id:
            case "next":
                self.action_next()
            case "start":
                self.action_start()
            case _:
                self.action_leave()

    # --- fields ---------------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the range in the calendar, and what the command is now."""
        if event.input.id in {"from", "to"}:
            self._mark_range()
        self._forget_plan()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on: from the first end to the other, else to the next step."""
        if event.input.id == "from":
            self.query_one("#to", Input).focus()
        else:
            self.action_next()

    def on_checkbox_changed(self) -> None:
        """Show what the command is now."""
        self._forget_plan()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Leave the command alone: nothing here is a line that verbs are for."""
        event.prevent_default()

    def on_calendar_strip_moved(self, event: CalendarStrip.Moved) -> None:
        """Tell how the interval under the cursor is."""
        if self._calendar is None:
            self.fill("#told", "this table has no intervals: leave both ends empty")
        elif event.cell is not None:
            self.fill("#told", told(event.cell, self))

    def on_calendar_strip_picked(self, event: CalendarStrip.Picked) -> None:
        """Write the ends into the fields; one alone is a range of one interval."""
        calendar, start = self._calendar, event.start
        if calendar is None or start is None:
            return
        with self.prevent(Input.Changed):
            self.query_one("#from", Input).value = _end_text(start.start, calendar)
            self.query_one("#to", Input).value = _end_text((event.end or start).end, calendar)
        self._forget_plan()

    def _mark_range(self) -> None:
        strip, args = self.query_one(CalendarStrip), self.args
        found = None
        if self._calendar is not None and args.start and args.end:
            with suppress(MtctlError):  # half a time: it is being typed
                found = parse_range(args.start, args.end, self._calendar)
        if found is not None:
            strip.choose(found.start, found.end)
        else:
            strip.clear()

    # --- the plan -------------------------------------------------------------------------------------------------

    async def _plan(self) -> None:
        if self._text("batch") and self.args.batch is None:
            self.fill("#planned", "! --batch is how many intervals one task refreshes: a number from 1 on, or nothing")
            return
        self.fill("#planned", "planning ...")
        args = self.args
        try:
            report, meeting = await self.dashboard.desk.acts.do(lambda project: _planned(project, args))
        except MtctlError as error:
            if self._is_there:
                self.fill("#planned", f"! {error}")
            return
        if not self._is_there or self.step != "review" or args != self.args:
            return
        self.fill("#planned", reviewed(report, meeting, looks_of(self)))
        self._can_start = bool(report.plan) and not self.dashboard.options.read_only
        self.query_one("#start", Button).disabled = not self._can_start
        self.refresh_bindings()

    async def _start(self) -> None:
        args, command = replace(self.args, detach=True), self.command
        self._forget_plan()
        try:
            report, trouble = await self.dashboard.desk.acts.do(lambda project: _started(project, args))
        except MtctlError as error:
            if self._is_there:
                self.fill("#planned", f"! {error}")
            return
        if report.instance is None:
            self.app.notify("nothing is to be done any more", title=command, markup=False, timeout=8)
            return
        words = f"queued as instance {report.instance}{trouble}"
        severity: SeverityLevel = "warning" if trouble else "information"
        self.app.notify(words, title=command, severity=severity, markup=False, timeout=20 if trouble else 8)
        if self._is_there:
            line = Line(kind="instance", key=report.instance, cells=(), facts={"screen": "range"})
            # Not awaited here: this worker belongs to the screen that goes, and that waits for its workers.
            self.app.call_later(self.app.switch_screen, RangeMatrixScreen(line))

    def _forget_plan(self) -> None:
        """Take the start away until the plan is of what is asked for now, and show its command."""
        self._can_start = False
        self.query_one("#start", Button).disabled = True
        self.dashboard.command = self.command
        self.fill("#said", f"$ {self.command}")
        self.refresh_bindings()


def _planned(project: Project, args: RefreshArgs) -> tuple[RefreshReport, Meeting]:
    report = project.refresh(replace(args, dry_run=True), lambda _: None)
    return report, project.board.ranges.meeting(args, report)


def _started(project: Project, args: RefreshArgs) -> tuple[RefreshReport, str]:
    """Start it; return with the report what to say where nobody looks for work, and so nothing would ever begin."""
    report = project.refresh(args, lambda _: None)
    if report.instance is None:
        return report, ""
    try:
        root = project.operator.whys.why(report.instance).why.root
    except MtctlError:  # it is queued all the same
        return report, ""
    if root.cause is not Cause.NOBODY:
        return report, ""
    return report, f"; {root.text}" + (f" – do: {root.fix}" if root.fix else "")


def _end_text(instant: int, calendar: Calendar) -> str:
    """Return an edge as `--from` and `--to` read it: a quarter by its first month."""
    from mtctl.core.calendar import show_label  # noqa: PLC0415 - only where an end is picked

    if calendar.grain is Grain.QUARTER:
        return calendar.label(instant).isoformat()[:7]
    return show_label(instant, calendar)
