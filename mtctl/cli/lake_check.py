"""Floor 4. `lake check` and `lake repair`: is every file there and whole, and what to do where one is not."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.lake_group import app
from mtctl.cli.ui import Ui

LooksOnly = Annotated[bool, typer.Option("-n", "--dry-run", help="Change nothing, as it never does.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read every file and compare its checksum.")]


@command(app, "check", "mtctl lake check", "mtctl lake check --deep -o json")
def check(ui: Ui, *, deep: Deep = False, dry_run: LooksOnly = False) -> None:
    """Look whether every file of the lake is there and whole.

    Missing, cut and replaced files are named with their table and intervals; with --deep changed bytes too. So is what
    other clients have written into our tables. Nothing is changed; exit 1 when something is wrong.
    """
    from mtctl.cli.show_damage import check_answer

    _ = dry_run
    with ui.project() as project:
        report = project.lake.checker.check(deep=deep)
    ui.show(check_answer(report))
    if report.found:
        raise typer.Exit(ExitCode.FAILED)


@command(app, "repair", "mtctl lake repair --dry-run", "mtctl lake repair --deep && mtctl refresh --all")
def repair(
    ui: Ui,
    *,
    deep: Deep = False,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Show what would become stale.")] = False,
) -> None:
    """Make the intervals of damaged files stale, so that the next refresh makes them anew.

    Exactly those: whole files stay as they are. What another client has written into our tables is taken out again.
    No file is removed; `lake gc` does that when nothing names them any more.
    """
    from mtctl.cli.show_damage import repair_answer

    with ui.project() as project:
        ui.show(repair_answer(project.lake.checker.repair(deep=deep, dry_run=dry_run)))
