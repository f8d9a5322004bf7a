"""Floor 4. The daily path: `init`, `plan`, `apply`, `status`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.command import command, leave
from mtctl.cli.daily import show_status
from mtctl.cli.exit import ExitCode
from mtctl.cli.ui import Ui
from mtctl.cli.verdict import refuse_problems

if TYPE_CHECKING:
    from mtctl.services.reports.changes import ApplyPlan

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

Prune = Annotated[bool, typer.Option("--prune", help="Also drop tables and workflows whose file is gone.")]
RequireDisabled = Annotated[
    bool, typer.Option("--require-disabled", help="Refuse to change enabled workflows and schedules.")
]
Rebuild = Annotated[
    list[str] | None,
    typer.Option("--rebuild", metavar="TABLE", help="Build TABLE anew beside what readers see. May be repeated."),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]


@command(app, "init", "mtctl init shop", "mtctl init --example flights && mtctl -C flights up --once")
def init(
    ui: Ui,
    *,
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="The folder; created when missing.")] = Path(),
    example: Annotated[
        bool, typer.Option("--example", help="Fill it with a year of real flights and five tables.")
    ] = False,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The project's name; else the folder's.")
    ] = None,
) -> None:
    """Create a project, empty or with the example.

    Nothing that exists is overwritten. In a folder that has mtctl.toml but no
    state, such as a fresh clone, only the state is made.
    """
    from mtctl.cli.show_plan import created_answer

    ui.show(created_answer(ui.shell.roof().init_project(folder, name=name, example=example)))


@command(app, "plan", "mtctl plan", "mtctl plan --exit-code -o json", "mtctl plan --rebuild flights_daily")
def plan(
    ui: Ui,
    *,
    prune: Prune = False,
    rebuild: Rebuild = None,
    require_disabled: RequireDisabled = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 10 when changes are pending.")] = False,
) -> None:
    """Show what apply would do.

    New, changed and dropped tables and workflows with a readable difference, which intervals become stale and why, how
    types are stored, and what cannot be batched. Nothing is changed.
    """
    with ui.project() as project:
        found = project.plan(prune=prune, rebuild=tuple(rebuild or ()), require_disabled=require_disabled)
    _show_plan(ui, found)
    if exit_code and found.pending:
        raise typer.Exit(ExitCode.CHANGES)


@command(app, "apply", "mtctl apply", "mtctl apply --dry-run", "mtctl apply --prune --yes")
def apply(
    ui: Ui,
    *,
    prune: Prune = False,
    rebuild: Rebuild = None,
    require_disabled: RequireDisabled = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Show the plan and change nothing.")] = False,
) -> None:
    """Put the definitions of the project files in force.

    All of them or, when one is not valid, none. What has lost its file stays unless --prune, which asks.
    """
    from mtctl.cli.show_plan import applied_answer

    with ui.project() as project:
        found = project.plan(prune=prune, rebuild=tuple(rebuild or ()), require_disabled=require_disabled)
        if dry_run or found.problems:
            _show_plan(ui, found)
            return
        doomed = [change.table for change in found.changes if change.action == "drop"]
        flows = [change.workflow for change in found.workflows if change.action == "drop"]
        questions = [
            *([f"drop the data of {', '.join(doomed)}"] if doomed else []),
            *([f"drop the workflows {', '.join(flows)}"] if flows else []),
        ]
        if questions and not yes and not ui.confirm(f"{' and '.join(questions)}?"):
            raise typer.Exit(ExitCode.FAILED)
        ui.show(applied_answer(project.apply(found)))


@command(app, "status", "mtctl status", "mtctl status 'flights*' -o json", "mtctl status --check")
def status(
    ui: Ui,
    *,
    names: Annotated[list[str] | None, typer.Argument(metavar="[TABLE]...", help="Tables or globs; else all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 when a table is not fresh.")] = False,
) -> None:
    """Show the health of the tables.

    Missing and stale intervals and why, changed sources, definitions not applied, what runs. Reads the state and looks
    at files; no query runs.
    """
    leave(show_status(ui, names or (), check=check))


def _show_plan(ui: Ui, found: ApplyPlan) -> None:
    from mtctl.cli.show_plan import plan_answer

    refuse_problems(ui, found)
    ui.show(plan_answer(found))
