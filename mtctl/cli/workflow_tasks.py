"""Floor 4. `workflow add-task|set-task|remove-task|link`: the tasks of a workflow one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.output import Format
from mtctl.cli.ui import Ui
from mtctl.cli.workflow_group import Name, app

if TYPE_CHECKING:
    from mtctl.services.reports.workflows import TaskArgs

Task = Annotated[str, typer.Argument(metavar="TASK", help="The task.")]
OneTable = Annotated[str | None, typer.Option("--table", metavar="TABLE", help="Refresh what is due of TABLE.")]
Program = Annotated[
    str | None, typer.Option("--command", metavar="'PROGRAM ARG'", help="Run a program with its arguments, no shell.")
]
Http = Annotated[str | None, typer.Option("--http", metavar="'[METHOD] URL'", help="Send one request.")]
File = Annotated[
    str | None, typer.Option("-f", "--file", metavar="FILE", help="TOML with the keys of one task; - is stdin.")
]
Upstream = Annotated[
    list[str] | None, typer.Option("--upstream", metavar="TASK", help="Wait for TASK. May be repeated.")
]
Retries = Annotated[int | None, typer.Option("--retries", min=0, metavar="N", help="How often it is tried again.")]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="DURATION", help="How long one try may take; 0 is for ever.")
]
Queue = Annotated[str | None, typer.Option("--queue", metavar="QUEUE", help="Its queue; else the workflow's.")]
Priority = Annotated[
    int | None, typer.Option("--priority", min=-20, max=19, metavar="N", help="-20 to 19, smaller first.")
]


@command(
    app,
    "add-task",
    "mtctl workflow add-task nightly orders --table orders",
    "mtctl workflow add-task nightly report --command './report.sh ${region}' --upstream orders",
)
def add_task(  # noqa: PLR0913 - the keys of a task
    ui: Ui,
    *,
    workflow: Name,
    name: Annotated[str | None, typer.Argument(metavar="[TASK]", help="Its name; else by what it does.")] = None,
    table: OneTable = None,
    program: Program = None,
    http: Http = None,
    file: File = None,
    upstream: Upstream = None,
    retries: Retries = None,
    timeout: Timeout = None,
    queue: Queue = None,
    priority: Priority = None,
    downstream: Annotated[
        bool, typer.Option("--with-downstream", help="Add the tables that read TABLE too, without asking.")
    ] = False,
) -> None:
    """Add a task to a workflow that was made by command.

    A task for a table waits for the tasks of the tables that it reads. The tables that read it are proposed: on a
    terminal each is asked for, else they are listed.
    """
    from mtctl.cli.show_workflow_changes import task_added_answer
    from mtctl.services.people import user_name

    args = _args(
        name=name, table=table, program=program, http=http, file=file, upstream=upstream,
        retries=retries, timeout=timeout, queue=queue, priority=priority,
    )  # fmt: skip
    with ui.project() as project:
        edits = project.workflows.tasks
        if table is not None and not downstream and ui.settings.output is Format.TABLE and ui.can_ask:
            proposed = edits.proposals(workflow, table)
            downstream = bool(proposed) and ui.confirm(f"add what reads {table} too: {', '.join(proposed)}?")
        done = edits.add(workflow, args, downstream=downstream, actor=user_name())
    ui.show(task_added_answer(done))


@command(app, "set-task", "mtctl workflow set-task nightly report --retries 5 --timeout 10m")
def set_task(  # noqa: PLR0913 - the keys of a task
    ui: Ui,
    *,
    workflow: Name,
    name: Task,
    table: OneTable = None,
    program: Program = None,
    http: Http = None,
    file: File = None,
    upstream: Upstream = None,
    retries: Retries = None,
    timeout: Timeout = None,
    queue: Queue = None,
    priority: Priority = None,
) -> None:
    """Change keys of a task of a workflow that was made by command; the others stay."""
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.services.people import user_name

    args = _args(
        name=None, table=table, program=program, http=http, file=file, upstream=upstream,
        retries=retries, timeout=timeout, queue=queue, priority=priority,
    )  # fmt: skip
    with ui.project() as project:
        done = project.workflows.tasks.set(workflow, name, args, actor=user_name())
    ui.show(changes_answer((done,), "mtctl.workflow.set-task/v1"))


@command(app, "remove-task", "mtctl workflow remove-task nightly report")
def remove_task(ui: Ui, *, workflow: Name, name: Task) -> None:
    """Remove a task that no other waits for from a workflow that was made by command."""
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.services.people import user_name

    with ui.project() as project:
        done = project.workflows.tasks.remove(workflow, name, actor=user_name())
    ui.show(changes_answer((done,), "mtctl.workflow.remove-task/v1"))


@command(app, "link", "mtctl workflow link nightly orders report", "mtctl workflow link nightly orders report --remove")
def link(
    ui: Ui,
    *,
    workflow: Name,
    first: Annotated[str, typer.Argument(metavar="FIRST", help="The task that goes first.")],
    then: Annotated[str, typer.Argument(metavar="THEN", help="The task that waits for it.")],
    remove: Annotated[bool, typer.Option("--remove", help="Let it wait no more.")] = False,
) -> None:
    """Let one task of a workflow that was made by command wait for another."""
    from mtctl.cli.show_workflow_changes import changes_answer
    from mtctl.services.people import user_name

    with ui.project() as project:
        done = project.workflows.tasks.link(workflow, first, then, remove=remove, actor=user_name())
    ui.show(changes_answer((done,), "mtctl.workflow.link/v1"))


def _args(  # noqa: PLR0913 - the keys of a task
    *,
    name: str | None,
    table: str | None,
    program: str | None,
    http: str | None,
    file: str | None,
    upstream: list[str] | None,
    retries: int | None,
    timeout: str | None,
    queue: str | None,
    priority: int | None,
) -> TaskArgs:
    from mtctl.cli.workflow_input import text_of
    from mtctl.services.reports.workflows import TaskArgs
    from mtctl.services.typed import words_of

    return TaskArgs(
        name=name,
        table=table,
        command=words_of(program, "--command") if program is not None else None,
        http=http,
        upstream=tuple(upstream) if upstream is not None else None,
        retries=retries,
        timeout=timeout,
        queue=queue,
        priority=priority,
        text=text_of(file) if file is not None else None,
    )
