"""Floor 4. `schedule`: what an expression means, when something fires next, and changing that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.root import group
from mtctl.cli.ui import Ui
from mtctl.core.cron_fields import Dialect
from mtctl.core.errors import MtctlError, usage
from mtctl.core.misfire import Misfire
from mtctl.core.schedule import DstPolicy

if TYPE_CHECKING:
    from mtctl.services.reports.schedules import CheckedSchedule, NextFires, ScheduleWords

app = group("Explain schedules, tell when they fire, set and clear them.")

Zone = Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="The time zone; else the project's.")]
AnyDialect = Annotated[Dialect | None, typer.Option("--dialect", help="How to read six fields; else by the text.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; written with the event.")]

_MISSING = "project_missing"


@command(
    app,
    "explain",
    "mtctl schedule explain '0 2 * * *' --tz Europe/Berlin",
    "mtctl schedule explain '0 0 5,17 ? * MON-FRI' -o json",
    "mtctl schedule explain nightly",
    "mtctl schedule explain '0 2 * * *' --table flights_daily",
)
def explain(
    ui: Ui,
    *,
    expression: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXPR|WORKFLOW]", help="Cron, Quartz, @daily, 'every 90 minutes', or a workflow; else the TABLE's."
        ),
    ] = None,
    zone: Zone = None,
    dialect: AnyDialect = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="TABLE", help="Say what a fire refreshes of TABLE.")
    ] = None,
) -> None:
    """Say in words what an expression means, when it fires next and what may surprise.

    Works without a project too; the zone is UTC then.
    """
    from mtctl.cli.show_schedules import words_answer

    ui.show(words_answer(_explained(ui, expression, zone, dialect, table)))


@command(
    app,
    "next",
    "mtctl schedule next '*/15 9-17 * * MON-FRI' -n 3",
    "mtctl schedule next nightly --after 2026-03-28 -o json",
)
def next_(
    ui: Ui,
    *,
    target: Annotated[str, typer.Argument(metavar="EXPR|WORKFLOW", help="An expression, or a workflow or table.")],
    zone: Zone = None,
    after: Annotated[str | None, typer.Option("--after", metavar="TIME", help="Fires after TIME; else now.")] = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, metavar="N", help="How many fires.")] = 5,
    dialect: AnyDialect = None,
) -> None:
    """Print the next fires of an expression, a workflow or a table."""
    from mtctl.cli.show_schedules import next_answer

    ui.show(next_answer(_next(ui, target, zone, after, number, dialect)))


@command(app, "list", "mtctl schedule list --next 24h", "mtctl schedule list --all -o csv")
def list_(
    ui: Ui,
    *,
    within: Annotated[
        str | None, typer.Option("--next", metavar="DURATION", help="Only what fires within DURATION, e.g. 24h.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what fires no more.")] = False,
) -> None:
    """List what has a schedule, the next to fire first."""
    from mtctl.cli.show_schedules import timers_answer

    with ui.project() as project:
        found = project.workflows.schedules.timers(within=within, everything=everything)
    ui.show(timers_answer(found))


@command(
    app,
    "set",
    "mtctl schedule set nightly --cron '0 3 * * *'",
    "mtctl schedule set top --every '90 minutes' --jitter 5m --misfire latest",
)
def set_(  # noqa: PLR0913 - the parts of a schedule
    ui: Ui,
    *,
    name: Annotated[str, typer.Argument(metavar="WORKFLOW", help="A workflow, or a table.")],
    cron: Annotated[str | None, typer.Option("--cron", metavar="EXPR", help="A cron or Quartz expression.")] = None,
    every: Annotated[str | None, typer.Option("--every", metavar="DURATION", help="E.g. '90 minutes'.")] = None,
    zone: Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="The workflow's time zone.")] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="No fire before TIME.")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="No fire after TIME.")] = None,
    jitter: Annotated[str | None, typer.Option("--jitter", metavar="DURATION", help="Spread over DURATION.")] = None,
    misfire: Annotated[Misfire | None, typer.Option("--misfire", help="What becomes of missed fires.")] = None,
    dialect: AnyDialect = None,
    dst: Annotated[DstPolicy | None, typer.Option("--dst", help="What happens when the clocks change.")] = None,
    reason: Reason = "",
) -> None:
    """Change the schedule of a workflow or table that was made by command.

    What a file defines is changed in its file. What was due under the old schedule fires first; the new one begins now.
    """
    from mtctl.cli.show_schedules import changed_answer
    from mtctl.services.people import user_name
    from mtctl.services.reports.schedules import ScheduleArgs

    args = ScheduleArgs(
        cron=cron,
        every=every,
        dialect=_text(dialect),
        zone=zone,
        dst=_text(dst),
        start=start,
        end=end,
        jitter=jitter,
        misfire=_text(misfire),
    )
    with ui.project() as project:
        done = project.workflows.schedules.set(name, args, actor=user_name(), reason=reason)
    ui.show(changed_answer(done, "mtctl.schedule.set/v1"))


@command(app, "clear", "mtctl schedule clear nightly", "mtctl schedule clear nightly --reason 'moved to a file'")
def clear(
    ui: Ui,
    *,
    name: Annotated[str, typer.Argument(metavar="WORKFLOW", help="A workflow, or a table.")],
    reason: Reason = "",
) -> None:
    """Take the schedule from a workflow or table that was made by command: it runs only when told."""
    from mtctl.cli.show_schedules import changed_answer
    from mtctl.services.people import user_name

    with ui.project() as project:
        done = project.workflows.schedules.clear(name, actor=user_name(), reason=reason)
    ui.show(changed_answer(done, "mtctl.schedule.clear/v1"))


@command(app, "validate", "mtctl schedule validate '0 2 * * *' '@daily'", "mtctl schedule validate '0 0 2 ? * 2#5'")
def validate(
    ui: Ui,
    *,
    expressions: Annotated[list[str], typer.Argument(metavar="EXPR...", help="The expressions.")],
    zone: Zone = None,
    dialect: AnyDialect = None,
) -> None:
    """Check expressions; exit 7 when one is not valid."""
    from mtctl.cli.main import tell
    from mtctl.cli.show_schedules import checked_answer

    found = _validated(ui, expressions, zone, dialect)
    ui.show(checked_answer(found))
    problems = [one.problem for one in found if one.problem is not None]
    for problem in problems:
        tell(problem, ui.shell.argv)
    if problems:
        raise typer.Exit(ExitCode.INVALID)


def _explained(
    ui: Ui, text: str | None, zone: str | None, dialect: Dialect | None, table: str | None
) -> ScheduleWords:
    try:
        with ui.project() as project:
            return project.workflows.schedules.explain(text, zone=zone, dialect=_text(dialect), table=table)
    except MtctlError as error:
        if error.code != _MISSING or table is not None or text is None:
            raise
    from mtctl.services.schedules import explain as explained  # outside of a project

    return explained(text, zone=zone or "UTC", dialect=_text(dialect), now=ui.shell.now())


def _next(
    ui: Ui, target: str, zone: str | None, after: str | None, number: int, dialect: Dialect | None
) -> NextFires:
    try:
        with ui.project() as project:
            verbs = project.workflows.schedules
            return verbs.next(target, zone=zone, dialect=_text(dialect), after=after, count=number)
    except MtctlError as error:
        if error.code != _MISSING:
            raise
    from mtctl.core.times import parse_instant  # outside of a project
    from mtctl.services.schedules import is_expression, next_of

    if not is_expression(target):
        raise usage("project_missing", f"'{target}' is no expression and there is no project", fix="use -C DIR")
    since = parse_instant(after, zone or "UTC", field="--after") if after not in {None, "now"} else ui.shell.now()
    return next_of(target, zone=zone or "UTC", dialect=_text(dialect), after=since, count=number)


def _validated(
    ui: Ui, texts: list[str], zone: str | None, dialect: Dialect | None
) -> tuple[CheckedSchedule, ...]:
    try:
        with ui.project() as project:
            return project.workflows.schedules.validate(texts, zone=zone, dialect=_text(dialect))
    except MtctlError as error:
        if error.code != _MISSING:
            raise
    from mtctl.services.schedules import validate as validated  # outside of a project

    return validated(texts, zone=zone or "UTC", dialect=_text(dialect))


def _text(choice: Dialect | DstPolicy | Misfire | None) -> str | None:
    return None if choice is None else str(choice)
