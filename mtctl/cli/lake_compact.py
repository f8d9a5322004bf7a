"""Floor 4. `lake compact`: fewer and bigger files, the same rows."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.exit import ExitCode
from mtctl.cli.lake_group import app
from mtctl.cli.ui import Ui


@command(app, "compact", "mtctl lake compact", "mtctl lake compact flights_daily --dry-run")
def compact(
    ui: Ui,
    names: Annotated[list[str] | None, typer.Argument(metavar="[TABLE]...", help="Tables; else all.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("-n", "--dry-run", help="Show what would be merged, write nothing.")] = False,
) -> None:
    """Merge small files of tables with intervals into files near the target size.

    Readers see the same rows under the same row ids, in every version; nothing becomes stale, no change feed shows
    anything. A table that is being refreshed is left alone. `tick` and `up` do this by themselves for tables at rest.
    """
    from mtctl.cli.show_compaction import compact_answer

    with ui.project() as project:
        report = project.lake.compact(tuple(names or ()), dry_run=dry_run)
    ui.show(compact_answer(report))
    if report.troubles:
        raise typer.Exit(ExitCode.PARTIAL)
