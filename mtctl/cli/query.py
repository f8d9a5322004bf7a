"""Floor 4. Reading the tables: `query` here, `attach` from any DuckDB."""

from __future__ import annotations

from typing import Annotated

import typer

from mtctl.cli.answer import Answer, Lines
from mtctl.cli.command import command
from mtctl.cli.ui import Ui

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command(
    app,
    "query",
    "mtctl query 'SELECT carrier, sum(flights) AS flights FROM flights_daily GROUP BY ALL ORDER BY 2 DESC LIMIT 5'",
    "mtctl query 'FROM monthly_punctuality' -o csv > punctuality.csv",
)
def query(
    ui: Ui,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT.")],
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="At most N rows.")] = None,
) -> None:
    """Run one SELECT over the tables and print its rows.

    All tables are read as of one moment. Rows are written while they come.
    """
    with ui.project() as project:
        ui.stream(project.query(sql, limit))


@command(app, "attach", "mtctl attach", 'duckdb -c "$(mtctl attach) FROM nycflights13.route_leaderboard"')
def attach(ui: Ui) -> None:
    """Print the statement that opens the lake in any DuckDB.

    Reading is always possible, also while a refresh runs. DuckDB fetches its extensions ducklake and sqlite by itself;
    where mtctl[ducklake] is installed, LOAD statements for its copies stand before, and no network is needed.
    """
    from mtctl.cli.extensions import load_statements  # noqa: PLC0415

    with ui.project() as project:
        statement = "\n".join((*load_statements(), project.attach_statement()))
    answer = Answer(
        schema="mtctl.lake.attach/v1",
        records=({"kind": "statement", "sql": statement},),
        fields=("sql",),
        blocks=(Lines(tuple(statement.splitlines())),),
    )
    ui.show(answer)
