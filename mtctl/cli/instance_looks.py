"""Floor 4. `instance list` and `instance show`."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.instance_group import Id, app, since_of
from mtctl.cli.ui import Ui
from mtctl.core.states import InstanceState, Trigger


@command(
    app,
    "list",
    "mtctl instance list",
    "mtctl instance list --state failed --since 24h",
    "mtctl instance list --workflow nightly --trigger schedule -o json",
)
def list_(  # noqa: PLR0913 - the options of the command
    ui: Ui,
    *,
    state: Annotated[InstanceState | None, typer.Option("--state", help="Only instances in this state.")] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="TABLE", help="Only instances that refresh TABLE.")
    ] = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="WORKFLOW", help="Only instances of WORKFLOW.")
    ] = None,
    trigger: Annotated[Trigger | None, typer.Option("--trigger", help="Only what was asked for in this way.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only those made since: 2h, 7 days, 2026-03-01.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most N instances.")] = 50,
) -> None:
    """List the newest instances first."""
    from mtctl.cli.show_instances import instances_answer

    now = ui.shell.now()
    begin = since_of(since, now)
    with ui.project() as project:
        found = project.instances(
            limit=limit,
            state=None if state is None else str(state),
            table=table,
            workflow=workflow,
            trigger=None if trigger is None else str(trigger),
            since=begin,
        )
    ui.show(instances_answer(found, limit, now))


@command(app, "show", "mtctl instance show 01JD4N", "mtctl instance show 01JD4N -o json")
def show(ui: Ui, *, ulid: Id) -> None:
    """Show one instance: its tasks, attempts, rows and errors."""
    from mtctl.cli.show_instances import instance_answer

    with ui.project() as project:
        found = project.instance(ulid)
    ui.show(instance_answer(found))
