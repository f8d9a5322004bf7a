"""Floor 4. `table`: list, show, create, drop and check tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtctl.cli.answer import Answer, Lines, Record
from mtctl.cli.command import command
from mtctl.cli.errors import two_of
from mtctl.cli.exit import ExitCode
from mtctl.cli.table_group import DryRun, Name, app
from mtctl.cli.ui import Ui
from mtctl.cli.verdict import refuse_problems
from mtctl.core.errors import MtctlError, not_found, usage

if TYPE_CHECKING:
    from mtctl.services.reports.changes import ApplyPlan

Names = Annotated[list[str] | None, typer.Argument(metavar="[TABLE]...", help="Tables or globs; else all.")]


@command(app, "list", "mtctl table list", "mtctl table list 'flights*' -o csv")
def list_(ui: Ui, names: Names = None) -> None:
    """List tables with their mode, size and schedule.

    Tables that other DuckLake clients have made in the catalog stand below: mtctl neither writes nor removes them.
    """
    from mtctl.cli.show_tables import foreign_block, list_answer

    with ui.project() as project:
        found = project.status(tuple(names or ()))
        foreign = () if names else tuple(project.lake.foreign_tables())
    ui.show(foreign_block(list_answer(found), foreign))


@command(app, "show", "mtctl table show flights_daily", "mtctl table show flights_daily -o json")
def show(ui: Ui, name: Name) -> None:
    """Show one table: definition, columns, lineage, coverage."""
    from mtctl.cli.show_tables import detail_answer

    with ui.project() as project:
        found = project.show(name)
    ui.show(detail_answer(found))


@command(
    app,
    "create",
    "mtctl table create -f top.sql",
    """echo "CREATE MATERIALIZED TABLE top AS SELECT * FROM flights_daily LIMIT 9" | mtctl table create -f -""",
)
def create(
    ui: Ui,
    *,
    file: Annotated[str, typer.Option("-f", "--file", metavar="FILE", help="The statement's file; - is stdin.")],
    dry_run: DryRun = False,
) -> None:
    """Create or alter a table from one statement, without a project file.

    The statement is the same as in a file: CREATE [OR ALTER] MATERIALIZED TABLE name ... AS SELECT ...
    """
    from mtctl.cli.show_plan import applied_answer

    if dry_run:
        if file == "-":
            raise usage("dry_run_stdin", "a dry run needs a file", where="--file", fix="write the statement to a file")
        with ui.project() as project:
            _show_checked(ui, project.validate((file,)))
        return
    text = _read(file)
    with ui.project() as project:
        ui.show(applied_answer(project.create_table(text, "<stdin>" if file == "-" else file), "mtctl.table.create/v1"))


@command(app, "drop", "mtctl table drop top", "mtctl table drop top --yes --if-exists")
def drop(
    ui: Ui,
    *,
    names: Annotated[list[str], typer.Argument(metavar="TABLE...", help="The tables.")],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    if_exists: Annotated[bool, typer.Option("--if-exists", help="A table that does not exist is no error.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Drop tables with their data. Asks first.

    For as long as retention keeps what they held, older snapshots show it and `table undrop` brings a table back.
    """
    from mtctl.cli.show_plan import applied_answer

    with ui.project() as project:
        known = {table.table for table in project.status(()).tables}
        doomed = [name for name in dict.fromkeys(map(str.lower, names)) if name in known]
        unknown = [name for name in names if name.lower() not in known]
        if unknown and not if_exists:
            raise _unknown(unknown[0], known)
        if dry_run or not doomed:
            _say_dropped(ui, doomed)
            return
        if not yes and not ui.confirm(f"drop {', '.join(doomed)} and the data?"):
            raise typer.Exit(ExitCode.FAILED)
        ui.show(applied_answer(project.drop_tables(tuple(doomed), if_exists=if_exists), "mtctl.table.drop/v1"))


@command(app, "validate", "mtctl table validate", "mtctl table validate tables/flights_daily.sql")
def validate(
    ui: Ui,
    *,
    targets: Annotated[list[str] | None, typer.Argument(metavar="[TABLE|FILE]...", help="Else every file.")] = None,
) -> None:
    """Check definitions without applying them: syntax, types, lineage, keys."""
    with ui.project() as project:
        _show_checked(ui, project.validate(tuple(targets or ())))


@command(app, "preview", "mtctl table preview flights_daily", "mtctl table preview tables/top.sql --limit 3")
def preview(
    ui: Ui,
    *,
    target: Annotated[str, typer.Argument(metavar="TABLE|FILE", help="A table, or a file not yet applied.")],
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most N rows.")] = 20,
) -> None:
    """Run a table's query and print its first rows; nothing is stored."""
    with ui.project() as project:
        ui.stream(project.preview(target, limit))


@command(
    app, "partitions", "mtctl table partitions flights_daily --missing", "mtctl table partitions flights_daily -o csv"
)
def partitions(
    ui: Ui,
    *,
    name: Name,
    missing: Annotated[bool, typer.Option("--missing", help="Only intervals never refreshed.")] = False,
    stale: Annotated[bool, typer.Option("--stale", help="Only intervals that are stale.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most N intervals.")] = 1000,
) -> None:
    """List the intervals of a table: state, rows, file, when it was refreshed."""
    from mtctl.cli.show_tables import partitions_answer

    if missing and stale:
        raise two_of("--missing", "--stale")
    with ui.project() as project:
        rows = project.partitions(name, missing=missing, stale=stale)
    ui.show(partitions_answer(name, rows, limit))


def _show_checked(ui: Ui, plan: ApplyPlan) -> None:
    from mtctl.cli.show_plan import plan_answer

    refuse_problems(ui, plan)
    ui.show(plan_answer(plan, "mtctl.table.validate/v1"))


def _say_dropped(ui: Ui, names: list[str]) -> None:
    lines = tuple(f"would drop {name} and its data" for name in names) or ("nothing to drop",)
    records: tuple[Record, ...] = tuple({"kind": "change", "table": name, "action": "drop"} for name in names)
    ui.show(
        Answer(schema="mtctl.table.drop/v1", records=records, fields=("table", "action"), blocks=(Lines(lines),))
    )


def _unknown(name: str, known: set[str]) -> MtctlError:
    from mtctl.core.names import closest  # only an error pays for it

    near = closest(name, known)
    fix = f"did you mean '{near}'?" if near else "`mtctl table list` shows all tables"
    return not_found("table_unknown", f"there is no table '{name}'", fix=fix)


def _read(file: str) -> str:
    """Return the statement's text; errors of `config.read_text_file`."""
    from mtctl.text_files import decode_text, read_text_file

    if file != "-":
        return read_text_file(Path(file), what="the file")
    return decode_text(sys.stdin.buffer.read(), what="the statement", where="<stdin>")
