"""Floor 4. `workflow run`: an instance now, because a person asks."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.lock_wait import LockWait
from mtctl.cli.ui import Ui
from mtctl.cli.workflow_group import Name, app


@command(
    app,
    "run",
    "mtctl workflow run nightly",
    "mtctl workflow run nightly --param region=eu --interval 2026-03-01",
    "mtctl workflow run nightly --task report --with-upstream --key order-4711 --detach",
)
def run(  # noqa: PLR0913 - the options of the command
    ui: Ui,
    *,
    name: Name,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A variable's value. May be repeated.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option("--interval", metavar="INTERVAL", help="2026-03, 2026-03-01, or START/END.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="TASK", help="Only this task.")] = None,
    upstream: Annotated[bool, typer.Option("--with-upstream", help="With --task: all it waits for too.")] = False,
    downstream: Annotated[bool, typer.Option("--downstream", help="With --task: all that waits for it too.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Leave the work to whoever runs next.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, whoever does the work.")] = False,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help="Make it once: a second run with KEY makes nothing.")
    ] = None,
    priority: Annotated[
        int | None, typer.Option("--priority", min=-20, max=19, metavar="N", help="-20 to 19, smaller first.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Refresh named intervals also when fresh.")] = False,
    lock_wait: LockWait = None,
) -> None:
    """Run a workflow now, in this process, and exit by how it ended.

    Tables refresh what is missing or stale, or the named interval. The run goes before everything scheduled.
    """
    from mtctl.cli.main import tell
    from mtctl.cli.progress import progress
    from mtctl.cli.show_workflow_changes import run_answer, run_errors, run_exit
    from mtctl.services.people import user_name
    from mtctl.services.reports.workflows import RunArgs
    from mtctl.services.typed import pairs_of

    args = RunArgs(
        params=pairs_of(param or (), "--param"),
        interval=interval,
        task=task,
        upstream=upstream,
        downstream=downstream,
        detach=detach,
        wait=wait,
        key=key,
        priority=priority,
        force=force,
    )
    with ui.project() as project, progress(ui) as show_:
        if lock_wait is not None:
            project.wait_for_sources(lock_wait)
        report = project.workflows.runs.run(name, args, show_, actor=user_name())
    ui.show(run_answer(report))
    if report.interrupted:
        leave(ui.shell.stop.exit_code)
    for error in run_errors(report):
        tell(error, ui.shell.argv)
    leave(run_exit(report))
