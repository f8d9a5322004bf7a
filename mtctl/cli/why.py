"""Floor 4. `why` and `health`: what holds something up, and whether anything does."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.ui import Ui

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command(app, "why", "mtctl why flights_daily", "mtctl why 01JD4N -o json")
def why(
    ui: Ui,
    *,
    name: Annotated[str, typer.Argument(metavar="TABLE|WORKFLOW|ID", help="A table, a workflow or an instance.")],
) -> None:
    """Tell the one thing that holds up a table, workflow or instance, and what to do."""
    from mtctl.cli.show_why import why_answer

    with ui.project() as project:
        found = project.operator.whys.why(name)
    ui.show(why_answer(found))


@command(app, "health", "mtctl health", "mtctl health -q -o json")
def health(ui: Ui) -> None:
    """Tell whether the project makes progress: exit 0 when it does, 1 when not, 9 when its state or clock is wrong.

    Judged by what is done and not by which process lives: due fires, ready tasks, leases of running tasks.
    """
    from mtctl.cli.show_why import health_answer, health_exit

    with ui.project() as project:
        found = project.operator.pulses.health()
    ui.show(health_answer(found))
    leave(health_exit(found))
