"""Floor 4. `diff`: what became of a table between two moments."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.command import command
from mtctl.cli.ui import Ui

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command(
    app,
    "diff",
    "mtctl diff flights_daily",
    "mtctl diff flights_daily --from 2026-11-20 --to 2026-11-21 --summary",
    "mtctl diff flights_daily --from 12 --key flight_date,carrier -o ndjson",
)
def diff(  # noqa: PLR0913 - the options of one command
    ui: Ui,
    *,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="The table.")],
    earlier: Annotated[
        str | None,
        typer.Option("--from", metavar="SNAPSHOT|TIME", help="The earlier moment; else the version before."),
    ] = None,
    later: Annotated[
        str | None, typer.Option("--to", metavar="SNAPSHOT|TIME", help="The later moment; else now.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="A,B", help="Columns that say which row is which; else the primary key."),
    ] = None,
    summary: Annotated[
        bool, typer.Option("--summary", help="Only the intervals, with how many rows were added, removed, changed.")
    ] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most N rows.")] = None,
) -> None:
    """Show which rows of a table were added, removed or changed between two moments.

    Intervals whose content is the same are not opened, whatever was refreshed or moved meanwhile. Rows are told
    exactly, duplicates too. With a key a row that changed is shown as it was before and as it is after. Columns that
    only one moment has are named on stderr, and rows compared on the others.
    """
    from mtctl.cli.show_diff import diff_lines, summary_answer

    keys = None if key is None else tuple(part.strip() for part in key.split(",") if part.strip())
    with ui.project() as project:
        differ = project.lake.differ
        found = differ.diff(table, earlier, later, keys)
        if summary:
            ui.show(summary_answer(found, differ.summary(found)))
            return
        for line in diff_lines(found):
            ui.say(line)
        ui.stream(differ.rows(found, limit), schema="mtctl.table.diff/v1")
