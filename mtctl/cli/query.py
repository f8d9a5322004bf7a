"""Floor 4. Reading the tables: `query` here, `attach` from any DuckDB."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.answer import Answer, Lines
from mtctl.cli.command import command
from mtctl.cli.lock_wait import LockWait
from mtctl.cli.ui import Ui
from mtctl.core.errors import usage
from mtctl.core.words import rfc3339

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command(
    app,
    "query",
    "mtctl query 'SELECT carrier, sum(flights) AS flights FROM flights_daily GROUP BY ALL ORDER BY 2 DESC LIMIT 5'",
    "mtctl query 'FROM monthly_punctuality' -o csv > punctuality.csv",
    "mtctl query 'SELECT count(*) FROM flights_daily' --at 2026-11-20T18:00",
    "mtctl query 'FROM flights_daily' --at 12",
)
def query(
    ui: Ui,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT.")],
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most N rows.")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="SNAPSHOT|TIME", help="As of a snapshot's number, or of the newest at a time."),
    ] = None,
    lock_wait: LockWait = None,
) -> None:
    """Run one SELECT over the tables and print its rows.

    All tables are read as of one moment: now, or with --at an earlier one, under the names and with the columns that
    they had then, dropped ones too. File sources are always read as they are now. Rows are written while they come.
    """
    with ui.project() as project:
        if lock_wait is not None:
            project.wait_for_sources(lock_wait)
        if at is None:
            ui.stream(project.query(sql, limit))
            return
        moment = project.lake.past.moment(at)
        if not moment.is_exact:
            from mtctl.services.moments import hole  # after expiry only

            ui.say(f"warning: {hole(moment)}")
        ui.detail(f"as of snapshot {moment.snapshot_id} of {rfc3339(moment.at)}")
        ui.stream(project.lake.past.query(sql, limit, moment))


@command(
    app,
    "attach",
    "mtctl attach",
    'duckdb -c "$(mtctl attach) FROM nycflights13.route_leaderboard"',
    'duckdb -c "$(mtctl attach --views) FROM route_leaderboard"',
)
def attach(
    ui: Ui,
    *,
    shared: Annotated[bool, typer.Option("--shared", help="For those with whom [lake] share shares the lake.")] = False,
    views: Annotated[
        bool, typer.Option("--views", help="Views over the files as they are now, for a DuckDB without extensions.")
    ] = False,
) -> None:
    """Print the statement that opens the lake in any DuckDB.

    Reading is always possible, also while a refresh runs. DuckDB fetches its extensions ducklake and sqlite by itself;
    where mtctl[ducklake] is installed, LOAD statements for its copies stand before, and no network is needed.

    Views need neither: they read the files of this moment. Files that a refresh replaces stay for an hour at least.
    """
    from mtctl.cli.extensions import load_statements

    if shared and views:
        raise usage("options_exclusive", "--shared and --views exclude each other", fix="leave one of them out")
    with ui.project() as project:
        if views:
            lines = project.lake.view_statements()
        elif shared:
            lines = (*load_statements(), project.lake.shared_statement())
        else:
            lines = (*load_statements(), project.attach_statement())
    statement = "\n".join(lines)
    answer = Answer(
        schema="mtctl.lake.attach/v1",
        records=({"kind": "statement", "sql": statement},),
        fields=("sql",),
        blocks=(Lines(tuple(statement.splitlines())),),
    )
    ui.show(answer)
