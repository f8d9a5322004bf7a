"""A year of daily intervals in shared files, refreshed a day at a time in random order, compacted, and then scanned.

Beside it the same table built at once, and the same rows as one plain Parquet file. What is timed is a query in a
process that is already warm: the files, not the start of a program. Full refreshes stand here too.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

from measuring import Cost, Ratio, alternate, mtctl, python, run, text_of
from worlds import ALL_ROWS, daily, make_project, make_source

REFRESHES = int(os.environ.get("MTCTL_BENCH_REFRESHES", "1000"))
DAYS = 365
EACH_ROUND = 50
"""After so many refreshes a round of upkeep looks what is worth merging, as `tick` and `up` do."""

FILES_TIMES = 1.5
FRESH_TIMES = 1.3
RAW_TIMES = 1.2
FULL_TIMES = 1.2

_SCAN = "SELECT shop, count(*) AS orders, sum(amount) AS amount, max(customer) AS last FROM {table} GROUP BY shop"
_FIVE_MILLION = "SELECT ordered_at, shop, customer, amount, note FROM '$source' LIMIT 5000000"


def shared(folder: Path, rounds: int) -> list[Ratio]:
    """Measure what many refreshes leave behind: the number of files, and how fast they are read."""
    source = make_source(folder)
    query = ALL_ROWS.replace("$source", str(source))
    churned, fresh = folder / "churned", folder / "fresh"
    for project in (churned, fresh):
        if not (project / ".done").exists():
            make_project(project, {"orders": daily("orders", query)}, source=source)
            run(mtctl(project, "refresh", "orders"))
            if project is churned:
                print(text_of(python(__file__, "churn", str(project))), end="")
                run(mtctl(project, "lake", "compact"))
            (project / ".done").touch()
    raw = folder / "orders-raw.parquet"
    if not raw.exists():
        run(python("-c", _COPY, f"COPY ({query} ORDER BY day) TO '{raw}' (FORMAT parquet, COMPRESSION zstd)"))

    cost, base, floor = alternate(
        rounds,
        lambda: _timed("scan", str(churned)),
        lambda: _timed("scan", str(fresh)),
        lambda: _timed("raw", str(raw)),
    )
    ours, ideal = _files(churned), _files(fresh)
    label = f"{REFRESHES:,} refreshes of {DAYS} intervals, compacted: {ours} files of {ideal}"
    return [
        Ratio(label=label, ours=cost, base=base, bar=f"{FILES_TIMES} x files, {FRESH_TIMES} x a fresh table's scan",
              kept=ours <= FILES_TIMES * ideal and cost.wall <= FRESH_TIMES * base.wall),
        Ratio(label="group-by scan of the compacted table", ours=cost, base=floor,
              bar=f"{RAW_TIMES} x one plain Parquet file", kept=cost.wall <= RAW_TIMES * floor.wall),
    ]  # fmt: skip


def full(folder: Path, rounds: int) -> list[Ratio]:
    """Measure a full refresh of five million rows against a raw COPY to Parquet."""
    source = make_source(folder)
    query = _FIVE_MILLION.replace("$source", str(source))
    project = folder / "full"
    if not (project / ".done").exists():
        make_project(project, {"big": f"CREATE MATERIALIZED TABLE big AS {query}"}, source=source)
        (project / ".done").touch()
    target = folder / "big-raw.parquet"
    copy = f"COPY ({query}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
    cost, base = alternate(
        rounds,
        lambda: run(mtctl(project, "refresh", "big", "--force")),
        lambda: run(python("-c", _COPY, copy)),
    )
    return [
        Ratio(label="full refresh of 5,000,000 rows", ours=cost, base=base, bar=f"{FULL_TIMES} x raw COPY",
              kept=cost.wall <= FULL_TIMES * base.wall)
    ]  # fmt: skip


_COPY = "import duckdb, sys; duckdb.connect().execute(sys.argv[1])"


def _timed(what: str, place: str) -> Cost:
    wall, cpu = json.loads(text_of(python(__file__, what, place)))
    return Cost(wall=wall, cpu=cpu)


def _files(project: Path) -> int:
    rows = json.loads(text_of(mtctl(project, "status", "orders", "-o", "json")))["data"]
    return next(int(row["files"]) for row in rows if row.get("files") is not None)


# --- in the child ---------------------------------------------------------------------------------------------------

_TIMES = 5


def _best(once: object) -> None:
    """Print the least of several times: what a busy neighbour adds is not ours."""
    walls = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        once()  # type: ignore[operator]
        walls.append(time.perf_counter() - began)
    print(json.dumps((min(walls), min(walls))))


def _scan(root: Path) -> None:
    from mtctl.app import open_app

    with open_app(root, lambda line: print(line, file=sys.stderr)) as app:

        def once() -> None:
            found = app.query(_SCAN.format(table="orders"), None)
            if sum(len(chunk) for chunk in found.chunks) != 500:
                raise SystemExit("the scan is wrong")

        once()
        _best(once)


def _raw(path: Path) -> None:
    import duckdb

    connection = duckdb.connect()

    def once() -> None:
        if len(connection.execute(_SCAN.format(table=f"read_parquet('{path}')")).fetchall()) != 500:
            raise SystemExit("the scan is wrong")

    once()
    _best(once)


def _churn(root: Path) -> None:
    from random import Random

    from mtctl.clock import SystemClock
    from mtctl.config import load_project
    from mtctl.parts import Crew, Parts
    from mtctl.services.compaction import Compactor

    project, clock = load_project(root), SystemClock()
    parts = Parts(project, clock, lambda line: print(line, file=sys.stderr))
    store, engine = parts.open_store(), parts.engine()
    engine.start()
    import threading

    crew = Crew(store=store, engine=engine, stop=threading.Event())
    turn, merged, began = Random(1), 0, time.perf_counter()  # noqa: S311 - the order only
    with parts.dispatcher(crew, "command", "benchmark", lambda _: None) as dispatcher:
        compactor = Compactor(project, store, lambda: engine, parts.lake(), clock)
        for number in range(REFRESHES):
            _ask(store, clock, turn.randrange(DAYS))
            dispatcher.run_ownerless()
            if number % EACH_ROUND == EACH_ROUND - 1:
                report = compactor.round(dispatcher.holder)
                merged += sum(one.files - one.into for one in report.tables)
        taken = time.perf_counter() - began
        with store.read() as view:
            live = len(view.data_files(1))
    engine.close()
    store.close()
    shutil.rmtree(root / "floor", ignore_errors=True)
    print(f"{REFRESHES:,} refreshes in {taken:.1f} s; rounds took away {merged:,} files, {live:,} are left\n")


def _ask(store: object, clock: object, day: int) -> None:
    from mtctl.core.interval import Interval, IntervalSet
    from mtctl.core.states import Trigger
    from mtctl.core.ulid import ulid
    from mtctl.ports.changes import NewInstance, NewTask

    start = (19723 + day) * 86_400_000_000  # 2024-01-01
    batch = Interval(start, start + 86_400_000_000)
    task = NewTask(
        key=0, name="orders", table_id=1, batch=batch, intervals=IntervalSet.of([batch]), count=1, forced=True
    )
    made = NewInstance(
        ulid=ulid(clock.now(), os.urandom(10)),  # type: ignore[attr-defined]
        title="orders",
        trigger=Trigger.MANUAL,
        manifest={},
        tasks=(task,),
        holder_id=None,
        detached=True,
    )
    with store.write() as tx:  # type: ignore[attr-defined]
        tx.add_instance(made)


_CHILDREN = {"scan": _scan, "raw": _raw, "churn": _churn}


if __name__ == "__main__":
    _CHILDREN[sys.argv[1]](Path(sys.argv[2]))
