"""365 daily intervals over six million rows: as few hundred groups a day, as all rows, and one interval at a time."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from measuring import Cost, Ratio, alternate, mtctl, python, run
from worlds import ALL_ROWS, GROUPED, RAW, compared, daily, make_project, make_source

if TYPE_CHECKING:
    from pathlib import Path

ADDED_SECONDS = 0.7
"""What a grouped backfill may cost above one raw INSERT."""

PASS_THROUGH_TIMES = 1.8
"""What a backfill of all rows may cost, as a multiple of the raw one."""

SIXTY_TIMES = 1.3
"""What a grouped backfill of sixty million rows may cost, as a multiple of the raw one."""

_LOOP_DAYS = 20


def grouped(folder: Path, rounds: int) -> list[Ratio]:
    """Measure a backfill whose query groups: at most 1,000 rows a day come out."""
    ours, raw, same = _against_raw(folder, "grouped", GROUPED, rounds)
    kept = ours.wall <= raw.wall + ADDED_SECONDS and same == "equal"
    return [
        Ratio(label=f"365 days grouped ({same})", ours=ours, base=raw, bar=f"raw + {ADDED_SECONDS} s wall", kept=kept)
    ]


def sixty(folder: Path, rounds: int) -> list[Ratio]:
    """Measure the same over sixty million rows."""
    ours, raw, same = _against_raw(folder, "sixty", GROUPED, rounds, times=10)
    kept = ours.wall <= raw.wall * SIXTY_TIMES and same == "equal"
    label = f"365 days of 60,000,000 rows grouped ({same})"
    return [Ratio(label=label, ours=ours, base=raw, bar=f"{SIXTY_TIMES} x raw wall", kept=kept)]


def pass_through(folder: Path, rounds: int) -> list[Ratio]:
    """Measure a backfill that takes every row."""
    ours, raw, same = _against_raw(folder, "everything", ALL_ROWS, rounds)
    kept = ours.wall <= raw.wall * PASS_THROUGH_TIMES and same == "equal"
    return [Ratio(label=f"365 days, all rows ({same})", ours=ours, base=raw, bar="1.8 x raw wall", kept=kept)]


def loop(folder: Path, rounds: int) -> list[Ratio]:
    """Measure one process for each interval, for information: a scheduler's day, not a backfill."""
    query = GROUPED.replace("$source", str(make_source(folder)))
    raw_query = f"CREATE OR REPLACE TABLE looped AS SELECT * FROM ({query}) WHERE day = DATE '$day'"
    days = [f"2024-01-{number + 1:02d}" for number in range(_LOOP_DAYS)]
    project = folder / "looped"

    def ours() -> Cost:
        shutil.rmtree(project, ignore_errors=True)
        make_project(project, {"looped": daily("looped", query)}, source=make_source(folder))
        return _sum(run(mtctl(project, "refresh", "looped", "--interval", day)) for day in days)

    def raw() -> Cost:
        database = folder / "looped.duckdb"
        database.unlink(missing_ok=True)
        return _sum(run(python("-c", RAW, str(database), raw_query.replace("$day", day))) for day in days)

    cost, base = alternate(min(rounds, 2), ours, raw)
    return [Ratio(label=f"{_LOOP_DAYS} days, one process each", ours=cost, base=base, bar="for information", kept=None)]


def _against_raw(folder: Path, table: str, text: str, rounds: int, times: int = 1) -> tuple[Cost, Cost, str]:
    source = make_source(folder, times)
    query = text.replace("$source", str(source))
    project, database = folder / table, folder / f"{table}.duckdb"

    def ours() -> Cost:
        shutil.rmtree(project, ignore_errors=True)
        make_project(project, {table: daily(table, query)}, source=source)
        return run(mtctl(project, "refresh", table))

    def raw() -> Cost:
        database.unlink(missing_ok=True)
        return run(python("-c", RAW, str(database), f"CREATE TABLE {table} AS {query}"))

    cost, base = alternate(rounds, ours, raw)
    return cost, base, compared(database, table, project)


def _sum(costs: object) -> Cost:
    listed = list(costs)  # type: ignore[call-overload]
    return Cost(wall=sum(cost.wall for cost in listed), cpu=sum(cost.cpu for cost in listed))
