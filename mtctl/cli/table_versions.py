"""Floor 4. `table`: what a table was, and what it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.answer import Answer, Lines, Record
from mtctl.cli.command import command
from mtctl.cli.table_group import Name, app
from mtctl.cli.ui import Ui


@command(app, "history", "mtctl table history flights_daily", "mtctl table history flights_daily --limit 3 -o json")
def history(
    ui: Ui,
    *,
    name: Name,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most N versions.")] = 20,
) -> None:
    """List the versions of a table, the newest first: which snapshot, when, what it did, by whom.

    A dropped table is found under the name that it bore last. Each snapshot listed can be read: `query --at`, `diff`.
    """
    from mtctl.cli.show_versions import versions_answer

    with ui.project() as project:
        found = project.lake.history.versions(name, limit)
    ui.show(versions_answer(found, limit))


@command(app, "rename", "mtctl table rename top busiest")
def rename(
    ui: Ui,
    *,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The table.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
) -> None:
    """Give a table another name; data, coverage, tags and schedule stay.

    A table that a file defines is renamed there: write the new name and WITH ('renamed.from' = 'old'), then apply. What
    reads the table names it in its SQL, so a table that others read is not renamed. Older snapshots show the old name.
    """
    with ui.project() as project:
        name = project.lake.renamer.rename(old, new)
    record: Record = {"kind": "table", "table": name, "renamed_from": old.lower()}
    answer = Answer(
        schema="mtctl.table.rename/v1",
        records=(record,),
        fields=("table", "renamed_from"),
        blocks=(Lines((f"table {old.lower()} is now {name}",)),),
    )
    ui.show(answer)


@command(app, "undrop", "mtctl table undrop top", "mtctl table undrop top --as top_before")
def undrop(
    ui: Ui,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that the table bore when it was dropped.")],
    new: Annotated[str | None, typer.Option("--as", metavar="NEW", help="Bring it back under another name.")] = None,
) -> None:
    """Bring back a dropped table with its data, for as long as retention keeps it.

    Definition, coverage, schedule and rows are those of the moment when it was dropped; of several tables of one name
    it is the one that was dropped last. Intervals whose files are gone are missing, and the next refresh makes them.
    """
    from mtctl.cli.show_versions import undrop_answer

    with ui.project() as project:
        ui.show(undrop_answer(project.lake.undropper.undrop(name, new)))
