"""Floor 4. The verbs of people on instances and their tasks. What is so already stays so, and is said."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.errors import two_of
from mtctl.cli.instance_group import Id, Ids, Reason, Task, app, seconds_of
from mtctl.cli.ui import Ui
from mtctl.core.errors import usage
from mtctl.core.states import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.app import App
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.reports.verbs import VerbReport

    _Tell = Callable[[TaskEvent], None]

Wait = Annotated[bool, typer.Option("--wait", help="Run it in this process, and exit by how it ended.")]
OneTask = Annotated[str, typer.Option("--task", metavar="TASK", help="The task, all batches of it.")]


class Marked(StrEnum):
    """What a task can be marked as."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


@command(
    app,
    "cancel",
    "mtctl instance cancel 01JD4N",
    'mtctl instance cancel --all-open --reason "wrong file"',
    "mtctl instance cancel 01JD4N --wait 0",
)
def cancel(
    ui: Ui,
    *,
    ulids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The ids, or their beginnings.")] = None,
    all_open: Annotated[bool, typer.Option("--all-open", help="Everything that has not ended.")] = False,
    reason: Reason = "",
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help="How long to wait for the end; 0 for not at all.")
    ] = "10s",
) -> None:
    """Stop instances; what has not been published changes nothing.

    Whoever runs a task stops it. Exit 4 where it was too late and all is published, 6 where something still runs.
    """
    if ulids and all_open:
        raise two_of("--all-open", "ID")
    if not ulids and not all_open:
        raise usage("instance_missing", "no instance is named", where="mtctl instance cancel", fix="ID, or --all-open")
    seconds = seconds_of(wait, "--wait") or 0.0
    with ui.project() as project:
        found = project.operator.instances.cancel(
            ulids or (), all_open=all_open, reason=reason, wait_seconds=seconds
        )
    _conclude(ui, found, "cancel")


@command(app, "suspend", "mtctl instance suspend 01JD4N", 'mtctl instance suspend 01JD4N --reason "disk is full"')
def suspend(ui: Ui, *, ulids: Ids, reason: Reason = "") -> None:
    """Hold what has not begun; what runs runs on."""
    with ui.project() as project:
        found = project.operator.instances.suspend(ulids, reason=reason)
    _conclude(ui, found, "suspend")


@command(app, "resume", "mtctl instance resume 01JD4N")
def resume(ui: Ui, *, ulids: Ids, reason: Reason = "") -> None:
    """Let held instances go on."""
    with ui.project() as project:
        found = project.operator.instances.resume(ulids, reason=reason)
    _conclude(ui, found, "resume")


@command(app, "retry", "mtctl instance retry 01JD4N", "mtctl instance retry 01JD4N --wait")
def retry(ui: Ui, *, ulid: Id, reason: Reason = "", wait: Wait = False) -> None:
    """Run again what failed or was cancelled; what is done stays done.

    Intervals and variables are those of the first time, tomorrow too. A daemon or tick runs it, or --wait.
    """

    def act(project: App, tell: _Tell | None) -> VerbReport:
        return project.operator.instances.retry(ulid, reason=reason, on_event=tell)

    _again(ui, "retry", act, wait=wait)


@command(
    app, "rerun", "mtctl instance rerun 01JD4N", "mtctl instance rerun 01JD4N --task flights_daily --wait"
)
def rerun(ui: Ui, *, ulid: Id, task: Task = None, reason: Reason = "", wait: Wait = False) -> None:
    """Run an instance again, or one task and all below it, fresh or not.

    What a person skipped below stays skipped. A daemon or tick runs it, or --wait.
    """

    def act(project: App, tell: _Tell | None) -> VerbReport:
        return project.operator.instances.rerun(ulid, task, reason=reason, on_event=tell)

    _again(ui, "rerun", act, wait=wait)


@command(app, "skip", 'mtctl instance skip 01JD4N --task report --reason "not needed today"')
def skip(ui: Ui, *, ulid: Id, task: OneTask, reason: Reason = "") -> None:
    """Leave a task out: it counts as done, and what waits for it goes on."""
    with ui.project() as project:
        found = project.operator.instances.skip(ulid, task, reason=reason)
    _conclude(ui, (found,), "skip")


@command(app, "mark", 'mtctl instance mark 01JD4N --task load --state success --reason "loaded by hand"')
def mark(
    ui: Ui,
    *,
    ulid: Id,
    task: OneTask,
    state: Annotated[Marked, typer.Option("--state", help="How the task is.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; written with the event.")],
) -> None:
    """Say how a task is, with a reason.

    One marked success or skipped ends as skipped, which counts as done: nothing of it was published. Only a try of a
    task can fail, so nobody can mark one failed that has not.
    """
    with ui.project() as project:
        found = project.operator.instances.mark(ulid, task, TaskState(state.value), reason=reason)
    _conclude(ui, (found,), "mark")


def _again(ui: Ui, verb: str, act: Callable[[App, _Tell | None], VerbReport], *, wait: bool) -> None:
    from mtctl.cli.progress import progress
    from mtctl.cli.show_verbs import ended_exit

    with ui.project() as project:
        if not wait:
            found = act(project, None)
        else:
            with progress(ui) as show_:
                found = act(project, show_)
    _conclude(ui, (found,), verb)
    if wait and ui.shell.stop.received is not None:
        leave(ui.shell.stop.exit_code)
    if wait and found.changed:
        leave(ended_exit([found.state]))


def _conclude(ui: Ui, found: Sequence[VerbReport], verb: str) -> None:
    from mtctl.cli.main import tell
    from mtctl.cli.show_verbs import verbs_answer, verbs_exit

    ui.show(verbs_answer(found, verb))
    for report in found:
        if report.problem is not None:
            tell(report.problem, ui.shell.argv)
    leave(verbs_exit(found))
