"""Floor 4. `instance`: what ran, and how it ended."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.root import group
from mtctl.cli.ui import Ui
from mtctl.core.states import InstanceState

app = group("List and show workflow instances: what ran, and how it ended.")


@command(app, "list", "mtctl instance list", "mtctl instance list --state failed --table flights_daily -o json")
def list_(
    ui: Ui,
    *,
    state: Annotated[InstanceState | None, typer.Option("--state", help="Only instances in this state.")] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="TABLE", help="Only instances that refresh TABLE.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most N instances.")] = 50,
) -> None:
    """List the newest instances first."""
    from mtctl.cli.show_instances import instances_answer  # noqa: PLC0415

    with ui.project() as project:
        found = project.instances(limit=limit, state=None if state is None else str(state), table=table)
    ui.show(instances_answer(found, limit, ui.shell.now()))


@command(app, "show", "mtctl instance show 01JD4N", "mtctl instance show 01JD4N -o json")
def show(
    ui: Ui,
    *,
    ulid: Annotated[str, typer.Argument(metavar="ID", help="The id, or its beginning when that is enough.")],
) -> None:
    """Show one instance: its tasks, attempts, rows and errors."""
    from mtctl.cli.show_instances import instance_answer  # noqa: PLC0415

    with ui.project() as project:
        found = project.instance(ulid)
    ui.show(instance_answer(found))
