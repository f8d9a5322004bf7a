"""Looks at schedules: a thousand workflows due at once, and rounds that find nothing due over a million intervals."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Cost, Ratio, alternate, mtctl, python, run, text_of
from worlds import make_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.model import Instant

COUNT = 1_000
DAYS = 1_000

TICK_SECONDS = 1.0
"""What one look may take at which a thousand workflows are due, in wall time."""

PLAN_SECONDS = 1.0
"""What `plan` may take with a thousand tables in force."""

TIMES = 4.0
"""What a round with nothing due may cost in CPU, as a multiple of importing sqlite3."""

_SOURCE = """
COPY (SELECT DATE '2022-01-01' + i::INTEGER AS day, i AS n FROM range($days) r(i)) TO '$source' (FORMAT parquet)
"""
_WORKFLOW = 'schedule = "{minute} 2 * * *"\ntime_zone = "UTC"\n[[tasks]]\nname = "say"\ncommand = ["true"]\n'


def due(folder: Path, rounds: int) -> list[Ratio]:
    """Measure one look with everything due: tables by day, whole tables, programs; the floor inserts as many rows."""
    projects = {
        f"{COUNT:,} tables by day due": _due_tables(folder / "due-days", ",'partition.grain'='day'"),
        f"{COUNT:,} whole tables due": _due_tables(folder / "due-whole", ""),
        f"{COUNT:,} commands due": _due_commands(folder / "due-commands"),
    }
    jobs: list[Callable[[], Cost]] = [lambda: _measured(folder, "floor")]
    jobs += [lambda project=project: _measured(project, "tick") for project in projects.values()]  # type: ignore[misc]
    base, *costs = alternate(rounds, *jobs)
    return [
        Ratio(label=label, ours=cost, base=base, bar="1 s", kept=cost.wall < TICK_SECONDS)
        for label, cost in zip(projects, costs, strict=True)
    ]


def quiet(folder: Path, rounds: int) -> list[Ratio]:
    """Measure `tick` and `plan` with nothing to do, against `python -c "import sqlite3"`."""
    project = _million(folder)
    commands = {"tick, nothing due": mtctl(project, "tick", "-q"), "plan, nothing changed": mtctl(project, "plan")}
    jobs = [lambda words=words: run(words) for words in commands.values()]
    base, tick, plan = alternate(max(rounds, 5), lambda: run(python("-c", "import sqlite3")), *jobs)
    return [
        Ratio(
            label="tick, nothing due",
            ours=tick,
            base=base,
            bar="4 x import sqlite3, CPU",
            kept=tick.cpu <= base.cpu * TIMES,
        ),
        Ratio(label="plan, nothing changed", ours=plan, base=base, bar="1 s", kept=plan.wall < PLAN_SECONDS),
    ]


def _measured(project: Path, what: str) -> Cost:
    wall, cpu = json.loads(text_of(python(__file__, str(project), what)))
    return Cost(wall=wall, cpu=cpu)


def _due_tables(project: Path, options: str) -> Path:
    if (project / ".done").exists():
        return project
    source = _days(project.parent)
    start = date(*time.gmtime()[:3]) - timedelta(days=3)
    by, more = (" PARTITIONED BY (day)", f",'start'='{start}'{options}") if options else ("", "")
    ddl = {
        f"d{number:04d}": f"CREATE MATERIALIZED TABLE d{number:04d}{by} WITH ('schedule'='{number % 60} 2 * * *'{more})"
        f" AS SELECT day, n FROM '{source}'"
        for number in range(COUNT)
    }
    make_project(project, ddl, source=source)
    (project / ".done").touch()
    return project


def _due_commands(project: Path) -> Path:
    if (project / ".done").exists():
        return project
    make_project(project, {}, source=_days(project.parent))
    (project / "workflows").mkdir()
    for number in range(COUNT):
        text = _WORKFLOW.format(minute=number % 60)
        (project / "workflows" / f"c{number:04d}.toml").write_text(text, encoding="utf-8")
    run(mtctl(project, "apply"))
    (project / ".done").touch()
    return project


def _million(folder: Path) -> Path:
    """Return a project of 1,000 scheduled tables with 1,000 fresh days each: a million rows in the ledger."""
    project = folder / "million"
    if (project / ".done").exists():
        return project
    source = _days(folder)
    month = (time.gmtime().tm_mon + 5) % 12 + 1  # half a year ahead
    span = "'start'='2022-01-01','end'='2024-09-27'"
    head = f"PARTITIONED BY (day) WITH ('partition.grain'='day',{span},'schedule'='0 2 1 {month} *')"
    ddl = {
        f"m{number:04d}": f"CREATE MATERIALIZED TABLE m{number:04d} {head} AS SELECT day, n FROM '{source}'"
        for number in range(COUNT)
    }
    make_project(project, ddl, source=source)
    run(mtctl(project, "refresh", "--all"))
    with sqlite3.connect(project / ".mtctl" / "state.db") as connection:
        [(rows,)] = connection.execute("SELECT count(*) FROM ledger")
    connection.close()
    if rows != COUNT * DAYS:
        raise SystemExit(f"the ledger has {rows:,} rows instead of {COUNT * DAYS:,}")
    (project / ".done").touch()
    return project


def _days(folder: Path) -> Path:
    source = folder / "days" / "thousand.parquet"
    source.parent.mkdir(exist_ok=True, parents=True)
    if not source.exists():
        statement = _SOURCE.replace("$source", str(source)).replace("$days", str(DAYS))
        run(python("-c", "import duckdb, sys; duckdb.connect().execute(sys.argv[1])", statement))
    return source


# --- in the child ---------------------------------------------------------------------------------------------------


def _floor(folder: Path) -> tuple[float, float]:
    """Insert what a thousand fires leave behind: an instance, a task and two events each, and move the mark."""
    path = folder / "floor.db"
    for old in folder.glob("floor.db*"):
        old.unlink()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE mark (id INTEGER PRIMARY KEY, fire INTEGER)")
    connection.execute("CREATE TABLE made (id INTEGER PRIMARY KEY, what TEXT NOT NULL)")
    connection.executemany("INSERT INTO mark VALUES (?, 0)", ((number,) for number in range(COUNT)))
    timed = _Timed()
    for first in range(0, COUNT, 100):
        connection.execute("BEGIN IMMEDIATE")
        for number in range(first, first + 100):
            connection.execute("UPDATE mark SET fire = 1 WHERE id = ?", (number,))
            connection.executemany("INSERT INTO made (what) VALUES (?)", [("x" * 300,)] * 4)
        connection.execute("COMMIT")
    return timed.taken()


def _tick(project: Path) -> tuple[float, float]:
    """Fire everything, as seen a day and some hours from now, on a copy of the state file."""
    from mtctl.clock import SystemClock
    from mtctl.config import load_project
    from mtctl.core.ulid import ulid
    from mtctl.services.scheduler import Scheduler
    from mtctl.services.sources import Sources
    from mtctl.store.connection import open_store

    class Later(SystemClock):
        def now(self) -> Instant:
            return super().now() + 30 * 3_600_000_000

    copy = project / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(project / ".mtctl", copy)
    clock = Later()
    store = open_store(copy / "state.db", clock)
    sources = Sources(load_project(project), store)
    scheduler = Scheduler(store, clock, lambda: ulid(clock.now(), os.urandom(10)), sources.look)
    timed = _Timed()
    report = scheduler.tick()
    taken = timed.taken()
    if report.made < COUNT or report.troubles:
        raise SystemExit(f"only {report.made} fires were made: {report.troubles[:3]}")
    store.close()
    return taken


class _Timed:
    """Wall and CPU seconds of this process since it was made."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def taken(self) -> tuple[float, float]:
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


if __name__ == "__main__":
    print(json.dumps((_floor if sys.argv[2] == "floor" else _tick)(Path(sys.argv[1]))))
