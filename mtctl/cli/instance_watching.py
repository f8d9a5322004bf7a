"""Floor 4. `instance wait`, `watch` and `logs`: what takes as long as the instance does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.exit import ExitCode
from mtctl.cli.instance_group import Id, Ids, Task, app, seconds_of
from mtctl.cli.output import Format, to_json
from mtctl.cli.ui import Ui
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.states import InstanceState

if TYPE_CHECKING:
    from mtctl.cli.answer import Record
    from mtctl.ports.work import EventRow


@command(
    app,
    "wait",
    "mtctl instance wait 01JD4N --timeout 30m",
    "mtctl instance wait 01JD4N --for running --timeout 1m",
)
def wait(
    ui: Ui,
    *,
    ulids: Ids,
    state: Annotated[InstanceState | None, typer.Option("--for", help="Until it is in this state.")] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="TIME", help="At most so long: 30s, 2h.")
    ] = None,
) -> None:
    """Wait until instances have ended, and exit by how: 0 well, 1 not, 5 some of them, 6 when the time is over.

    With --for, exit 0 once they are in that state and 1 where they ended in another.
    """
    from mtctl.cli.main import tell
    from mtctl.cli.show_verbs import ended_exit, waits_answer

    seconds = seconds_of(timeout, "--timeout")
    with ui.project() as project:
        found = project.operator.instances.wait(ulids, state=state, timeout_seconds=seconds)
    ui.show(waits_answer(found))
    if ui.shell.stop.received is not None:
        leave(ui.shell.stop.exit_code)
    late = [report for report in found if report.timed_out]
    for report in late:
        what = f"{report.instance} is {report.state} after {report.seconds:g} s"
        fix = f"`mtctl why {report.instance}`"
        tell(MtctlError("wait_timeout", what, kind=Kind.TIMEOUT, where=report.title, fix=fix), ui.shell.argv)
    if late:
        leave(ExitCode.TIMEOUT)
    if state is None:
        leave(ended_exit([report.state for report in found]))
    leave(ExitCode.OK if all(report.reached for report in found) else ExitCode.FAILED)


@command(app, "watch", "mtctl instance watch 01JD4N", "mtctl instance watch 01JD4N --exit-status -o ndjson")
def watch(
    ui: Ui,
    *,
    ulid: Id,
    exit_status: Annotated[bool, typer.Option("--exit-status", help="Exit 1 unless it ends well.")] = False,
) -> None:
    """Tell what happens to an instance, a line each, until it has ended."""
    from mtctl.cli.show_verbs import ended_exit, event_line, event_record, watched_answer
    from mtctl.core.names import printable

    form = ui.settings.output
    kept: list[Record] = []

    def on_event(event: EventRow, task: str) -> None:
        if form is Format.TABLE:
            sys.stdout.write(printable(event_line(event, task)) + "\n")
        elif form is Format.NDJSON:
            sys.stdout.write(to_json(event_record(event, task)) + "\n")
        else:
            kept.append(event_record(event, task))
            return
        sys.stdout.flush()

    with ui.project() as project:
        row = project.operator.instances.watch(ulid, on_event)
    if form in {Format.JSON, Format.CSV}:
        ui.show(watched_answer(row, kept))
    if ui.shell.stop.received is not None:
        leave(ui.shell.stop.exit_code)
    if exit_status:
        leave(ended_exit([row.state]))


@command(app, "logs", "mtctl instance logs 01JD4N", "mtctl instance logs 01JD4N --task load -f")
def logs(
    ui: Ui,
    *,
    ulid: Id,
    task: Task = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the instance has ended.")] = False,
) -> None:
    """Print what the commands and requests of an instance wrote.

    On a terminal its control characters are shown, not obeyed; in a pipe they come as they are. Refreshes write none.
    """
    from mtctl.cli.show_logs import Printer

    printer = Printer(ui)
    with ui.project() as project:
        found = project.operator.logs.read(ulid, task, printer.take, follow=follow)
    printer.end()
    if not found:
        ui.say("there is no output: nothing of it runs a command or a request")
    if ui.shell.stop.received is not None:
        leave(ui.shell.stop.exit_code)
