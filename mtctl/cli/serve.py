"""Floor 4. Keeping a project going: `up` and `tick`."""

from __future__ import annotations

import faulthandler
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.daily import run_round
from mtctl.cli.lock_wait import LockWait
from mtctl.cli.ui import Ui
from mtctl.cli.verdict import conclude, refuse_problems
from mtctl.core.errors import usage

if TYPE_CHECKING:
    from mtctl.app import App

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

WORKERS = 4
"""How many tasks a daemon runs at once unless told otherwise."""


@command(
    app,
    "up",
    "mtctl up",
    "mtctl up --workers 2 --no-fill",
    "mtctl -C flights up --once",
    "mtctl up --once --no-apply -o json",
)
def up(
    ui: Ui,
    *,
    once: Annotated[bool, typer.Option("--once", help="Exit when nothing is due and nothing is running.")] = False,
    workers: Annotated[
        int, typer.Option("-w", "--workers", min=1, metavar="N", help="At most N tasks at once.")
    ] = WORKERS,
    no_apply: Annotated[bool, typer.Option("--no-apply", help="Take the definitions that are in force.")] = False,
    no_fill: Annotated[
        bool, typer.Option("--no-fill", help="Only what schedules ask for: leave what is missing now to them.")
    ] = False,
    lock_wait: LockWait = None,
) -> None:
    """Apply, refresh everything that is wanted, then run the schedules until stopped.

    Tables with 'refresh.auto'='off' are left out of the filling. Ctrl-C or SIGTERM lets what runs end and goes; a
    second one gives it back at once. SIGHUP reads the project files anew. Any number of `up` and `tick` may run on
    one project.
    """
    if once and no_fill:
        raise usage("option_conflict", "--once and --no-fill exclude each other", fix="`mtctl tick` runs what is due")
    with ui.project() as project:
        if lock_wait is not None:
            project.wait_for_sources(lock_wait)
        if not no_apply:
            _apply(ui, project)
        if once:
            _once(ui, project)
        else:
            _serve(ui, project, workers, apply=not no_apply, fill=not no_fill)


@command(
    app,
    "tick",
    "mtctl tick",
    "mtctl -C /srv/shop tick -q --max-runtime 50",
    "* * * * * mtctl -C /srv/shop tick -q",
)
def tick(
    ui: Ui,
    *,
    max_runtime: Annotated[
        int | None,
        typer.Option("--max-runtime", min=1, metavar="SECONDS", help="Give back what runs after so many seconds."),
    ] = None,
    lock_wait: LockWait = None,
) -> None:
    """Do one round: fire what is due, run what is ready, and go.

    For cron or a timer. Silent when all is well, a line on stderr for each trouble, exit 1 when a task failed, 75 when
    the state file stays locked. Rounds may overlap.
    """
    leave(run_round(ui, max_runtime, lock_wait or 0))


def _apply(ui: Ui, project: App) -> None:
    from mtctl.cli.show_plan import applied_lines

    found = project.plan(prune=False, rebuild=())
    refuse_problems(ui, found)
    applied = project.apply(found)
    for line in applied_lines(applied) if found.pending else ():
        ui.say(line)


def _once(ui: Ui, project: App) -> None:
    from mtctl.cli.progress import progress

    with progress(ui) as show:
        _, report = project.up_once(show, apply=False)
    leave(conclude(ui, report, "mtctl.project.up/v1"))


def _serve(ui: Ui, project: App, workers: int, *, apply: bool, fill: bool) -> None:
    from mtctl.cli.progress import plain_lines

    faulthandler.register(signal.SIGQUIT, all_threads=True)
    signal.signal(signal.SIGHUP, lambda *_: project.reload())
    project.wait_for_sources(0)  # a daemon has other work: what reads the source is put off
    ui.say(f"mtctl is up with {workers} worker{'s' if workers > 1 else ''}; Ctrl-C stops it")
    report = project.serve(workers, reapply=apply, fill=fill, on_event=plain_lines(ui))
    ui.say("stopped" if report.drained else "stopped; what ran was given back")
    if not report.drained:
        leave(ui.shell.stop.exit_code)
