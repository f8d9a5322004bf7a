"""A hundred small tables that read one another, refreshed with one command."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from measuring import Cost, Ratio, alternate, mtctl, python, run
from worlds import RAW, compared, dag, make_project, make_source

if TYPE_CHECKING:
    from pathlib import Path

TIMES = 4.0
"""What the tables may cost, as a multiple of the same hundred CREATE TABLE AS in one raw process."""


def graph(folder: Path, rounds: int) -> list[Ratio]:
    """Measure the DAG against the same statements in one raw process."""
    queries = dag()
    project, database = folder / "graph", folder / "graph.duckdb"
    ddl = {name: f"CREATE MATERIALIZED TABLE {name} AS {query}" for name, query in queries.items()}

    def ours() -> Cost:
        shutil.rmtree(project, ignore_errors=True)
        make_project(project, ddl, source=make_source(folder))
        return run(mtctl(project, "refresh", "--all"))

    def raw() -> Cost:
        database.unlink(missing_ok=True)
        return run(python("-c", RAW, str(database), *(f"CREATE TABLE {n} AS {q}" for n, q in queries.items())))

    cost, base = alternate(rounds, ours, raw)
    states = {compared(database, name, project) for name in ("t000", "t050", "t099")}
    same = "equal" if states == {"equal"} else "NOT EQUAL"
    kept = cost.cpu <= base.cpu * TIMES and same == "equal"
    return [Ratio(label=f"DAG of 100 tables ({same})", ours=cost, base=base, bar="4 x raw CPU (aimed: 3)", kept=kept)]
