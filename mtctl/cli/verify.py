"""Floor 4. `verify`: proof that the files hold what ledger and catalog say."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.ui import Ui

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command(app, "verify", "mtctl verify", "mtctl verify flights_daily -o json", "mtctl verify --deep")
def verify(
    ui: Ui,
    names: Annotated[list[str] | None, typer.Argument(metavar="[TABLE]...", help="Tables or globs; else all.")] = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Least and greatest values from the rows, not footers.")] = False,
) -> None:
    """Recompute what the files hold and compare it with ledger and catalog.

    Counts, checksums, content fingerprints and statistics of every live file; exit 1 names the intervals that differ.
    Of a file with its published checksum, least and greatest values are those of its footer unless --deep is given.
    """
    from mtctl.cli.show_checks import verify_answer

    with ui.project() as project:
        report = project.verify(tuple(names or ()), deep=deep)
    ui.show(verify_answer(report))
    if report.findings:
        raise typer.Exit(ExitCode.FAILED)
