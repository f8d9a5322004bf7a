"""Small tables overwritten end to end by four workers with their runners, against the least that each overwrite takes.

The floor is one loop in one process: a claim in a transaction, a COPY to Parquet, fsync of the file, and a transaction
that publishes it. Ours begins when every worker has its runner; the floor has imported duckdb by then too.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Cost, Ratio, alternate, mtctl, python, run, text_of
from worlds import make_project

if TYPE_CHECKING:
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.services.pool import Pool
    from mtctl.services.reports.running import TaskEvent

TABLES = 40
TURNS = 8
WORKERS = 4

SHARE = 1 / 3
"""What part of the floor's overwrites a second has to be reached."""

_QUERY = "SELECT range AS id, range % 7 AS kind, range * 1.5 AS amount FROM range(1000)"
_COUNT = TABLES * TURNS


def overwrites(folder: Path, rounds: int) -> list[Ratio]:
    """Measure the overwrites a second."""
    project = folder / "overwrites"
    if not (project / ".done").exists():
        ddl = {f"o{number:02d}": f"CREATE MATERIALIZED TABLE o{number:02d} AS {_QUERY}" for number in range(TABLES)}
        make_project(project, ddl, source=folder / "sources" / "none")
        run(mtctl(project, "refresh", "--all"))
        (project / ".done").touch()
    base, cost = alternate(rounds, lambda: _measured(project, "floor"), lambda: _measured(project, "ours"))
    rates = f"{_COUNT / cost.wall:,.0f}/s of {_COUNT / base.wall:,.0f}/s"
    label = f"{_COUNT} overwrites, {WORKERS} workers: {rates}"
    return [Ratio(label=label, ours=cost, base=base, bar="a third of the floor", kept=base.wall >= cost.wall * SHARE)]


def _measured(project: Path, what: str) -> Cost:
    wall, cpu = json.loads(text_of(python(__file__, str(project), what)))
    return Cost(wall=wall, cpu=cpu)


# --- in the child ---------------------------------------------------------------------------------------------------


def _floor(project: Path) -> tuple[float, float]:
    import duckdb

    folder = project / "floor"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    books = sqlite3.connect(folder / "floor.db", isolation_level=None)
    books.execute("PRAGMA journal_mode = WAL")
    books.execute("PRAGMA synchronous = FULL")
    books.execute("CREATE TABLE task (id INTEGER PRIMARY KEY, state TEXT NOT NULL, file TEXT)")
    books.executemany("INSERT INTO task VALUES (?, 'pending', NULL)", ((number,) for number in range(_COUNT)))
    engine = duckdb.connect()
    engine.execute(_QUERY).fetchall()
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(_COUNT):
        books.execute("BEGIN IMMEDIATE")
        books.execute("UPDATE task SET state = 'running' WHERE id = ? AND state = 'pending'", (number,))
        books.execute("COMMIT")
        file = folder / f"{number}.parquet"
        engine.execute(f"COPY ({_QUERY}) TO '{file}' (FORMAT parquet)")
        _sync(file)
        books.execute("BEGIN IMMEDIATE")
        books.execute("UPDATE task SET state = 'success', file = ? WHERE id = ?", (str(file), number))
        books.execute("COMMIT")
    return time.perf_counter() - began, time.process_time() - cpu


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _ours(root: Path) -> tuple[float, float]:
    from mtctl.clock import SystemClock
    from mtctl.config import load_project
    from mtctl.parts import Parts
    from mtctl.services.pool import Pool
    from mtctl.store.connection import open_store

    project, clock = load_project(root), SystemClock()
    parts = Parts(project, clock, lambda line: print(line, file=sys.stderr))
    store = open_store(project.state_file, clock)
    ended = _Ended()
    pool = Pool(WORKERS, lambda number: parts.worker(number, WORKERS, "up", ended.hear), ended.break_off)
    _ask(store, clock, 1)
    ended.wait(TABLES, pool)  # every worker has its runner now

    _ask(store, clock, TURNS)
    began, cpu = time.perf_counter(), time.process_time()
    ended.wait(TABLES + _COUNT, pool)
    wall, own = time.perf_counter() - began, time.process_time() - cpu
    pool.drain()
    pool.wait(60)
    store.close()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, own + children.ru_utime + children.ru_stime


def _ask(store: Store, clock: Clock, turns: int) -> None:
    """Ask for every table so many times, each an instance of its own."""
    from mtctl.core.interval import WHOLE, IntervalSet
    from mtctl.core.states import Trigger
    from mtctl.core.ulid import ulid
    from mtctl.ports.changes import NewInstance, NewTask

    whole = IntervalSet.of([WHOLE])
    with store.write() as tx:
        tables = [(table.table_id, table.definition.name) for table in tx.tables()]
        for table_id, name in tables * turns:
            task = NewTask(key=0, name=name, table_id=table_id, batch=WHOLE, intervals=whole, forced=True)
            made = NewInstance(
                ulid=ulid(clock.now(), os.urandom(10)),
                title=name,
                trigger=Trigger.MANUAL,
                manifest={},
                tasks=(task,),
                holder_id=None,
                detached=True,
            )
            tx.add_instance(made)


class _Ended:
    """Counts the tasks that ended well; anything else breaks off."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._count = 0
        self._trouble = ""

    def hear(self, event: TaskEvent) -> None:
        if event.kind in {"claimed", "progress"}:
            return
        with self._lock:
            self._count += event.kind == "success"
        if event.kind != "success":
            self._trouble = f"{event.table} {event.kind}: {event.detail}"
        self._changed.set()

    def break_off(self, error: BaseException) -> None:
        self._trouble = repr(error)
        self._changed.set()

    def wait(self, count: int, pool: Pool) -> None:
        """Keep the workers awake, as a daemon does, until so many tasks have ended."""
        while self._count < count and not self._trouble:
            pool.wake(WORKERS)
            self._changed.wait(0.05)
            self._changed.clear()
        if self._trouble:
            raise SystemExit(self._trouble)


if __name__ == "__main__":
    print(json.dumps((_floor if sys.argv[2] == "floor" else _ours)(Path(sys.argv[1]))))
