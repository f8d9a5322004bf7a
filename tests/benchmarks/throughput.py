"""Durable tasks that do nothing, through the real store, dispatcher and pool, against the least that SQLite must do.

The floor claims and completes rows of one table, each in a transaction of its own with one update, with the same
library, journal and `synchronous = FULL` on the same disk. Ours are tasks of kind command whose actor returns at once:
what is measured is what mtctl does around a task.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Cost, Ratio, alternate, python, text_of
from worlds import make_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from mtctl.parts import Crew
    from mtctl.ports.changes import Claimed
    from mtctl.ports.store import Store
    from mtctl.services.actions import Actor
    from mtctl.services.ending import Ended, Endings
    from mtctl.services.reports.running import TaskEvent

TASKS = 2_000

SHARE = 1 / 3
"""What part of the floor's tasks a second has to be reached."""

_SHAPES = {"alone": 1, "of 100": 100}
_WORKERS = (1, 4)


def throughput(folder: Path, rounds: int) -> list[Ratio]:
    """Measure tasks that are instances of their own and tasks of bigger ones, with one worker and with four."""
    place = folder / "throughput"
    jobs: list[Callable[[], Cost]] = [partial(_measured, place, "floor")]
    labels = []
    for shape, each in _SHAPES.items():
        for workers in _WORKERS:
            labels.append(f"{TASKS:,} tasks {shape}, {workers} worker{'s' if workers > 1 else ''}")
            jobs.append(partial(_measured, place, "ours", str(workers), str(each)))
    base, *costs = alternate(rounds, *jobs)
    return [_line(label, cost, base) for label, cost in zip(labels, costs, strict=True)]


def _line(label: str, cost: Cost, base: Cost) -> Ratio:
    rates = f"{TASKS / cost.wall:,.0f}/s of {TASKS / base.wall:,.0f}/s"
    kept = base.wall >= cost.wall * SHARE
    return Ratio(label=f"{label}: {rates}", ours=cost, base=base, bar="a third of the floor", kept=kept)


def _measured(place: Path, *words: str) -> Cost:
    shutil.rmtree(place, ignore_errors=True)
    make_project(place, {}, source=place.parent / "sources" / "none")
    wall, cpu = json.loads(text_of(python(__file__, str(place), *words)))
    return Cost(wall=wall, cpu=cpu)


# --- in the child ---------------------------------------------------------------------------------------------------


def _floor(place: Path) -> tuple[float, float]:
    import apsw

    connection = apsw.Connection(str(place / "floor.db"))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").fetchall()
    connection.execute("CREATE TABLE task (id INTEGER PRIMARY KEY, state TEXT NOT NULL, worker INTEGER) STRICT")
    connection.execute("CREATE INDEX claimable ON task (id) WHERE state = 'pending'")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO task VALUES (?, 'pending', NULL)", ((i,) for i in range(TASKS)))
    connection.execute("COMMIT")
    claim = (
        "UPDATE task SET state = 'running', worker = 1 "
        "WHERE id = (SELECT id FROM task WHERE state = 'pending' ORDER BY id LIMIT 1) RETURNING id"
    )
    with _Timed() as timed:
        for _ in range(TASKS):
            connection.execute("BEGIN IMMEDIATE")
            [(task,)] = connection.execute(claim).fetchall()
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE task SET state = 'done' WHERE id = ? AND state = 'running'", (task,))
            connection.execute("COMMIT")
    connection.close()
    return timed.wall, timed.cpu


class _Nothing:
    """An actor whose work is done at once."""

    def __init__(self, endings: Endings) -> None:
        self._endings = endings

    def run(self, claimed: Claimed, *_: object) -> Ended:
        return self._endings.succeeded(claimed, 0)


def _ours(root: Path, workers: int, each: int) -> tuple[float, float]:
    from mtctl.clock import SystemClock
    from mtctl.config import load_project
    from mtctl.core.states import TaskState
    from mtctl.parts import Parts
    from mtctl.services.pool import Pool
    from mtctl.store.connection import open_store

    class Idle(Parts):
        def _actor(self, _crew: Crew, endings: Endings) -> Actor:
            return _Nothing(endings)  # type: ignore[return-value]

    project, clock, ended = load_project(root), SystemClock(), _Ended()
    parts = Idle(project, clock, lambda line: print(line, file=sys.stderr))
    store = open_store(project.state_file, clock)
    _insert(store, clock.now(), each)
    pool = Pool(workers, lambda number: parts.worker(number, workers, "up", ended.hear), ended.break_off)
    with _Timed() as timed:
        pool.wake(workers)
        ended.wait()
    pool.drain()
    pool.wait(30)
    with store.read() as view:
        found = view.instances(limit=TASKS, state=None, table=None)
        states = {task.state for one in found for task in view.tasks(one.instance_id)}
    if states != {TaskState.SUCCESS}:
        raise SystemExit(f"not all tasks have ended well: {states}")
    store.close()
    return timed.wall, timed.cpu


class _Ended:
    """Counts the tasks that ended, from any worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all = threading.Event()
        self._left = TASKS
        self._trouble: BaseException | None = None

    def hear(self, event: TaskEvent) -> None:
        if event.kind != "success":
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._all.set()

    def break_off(self, error: BaseException) -> None:
        self._trouble = error
        self._all.set()

    def wait(self) -> None:
        self._all.wait()
        if self._trouble is not None:
            raise self._trouble


def _insert(store: Store, now: int, each: int) -> None:
    from mtctl.core.states import Trigger
    from mtctl.core.ulid import ulid
    from mtctl.core.workflow import CommandSpec, TaskKind, WorkflowTask
    from mtctl.core.workflow_json import task_json
    from mtctl.ports.changes import NewInstance, NewTask

    task = WorkflowTask(name="nothing", kind=TaskKind.COMMAND, spec=CommandSpec(argv=("true",)))
    spec = {"task": task_json(task), "waits": True, "zone": "UTC"}
    with store.write() as tx:
        tx.put_queue("default", slots=64, memory=None, threads=None)
        for _ in range(TASKS // each):
            tasks = tuple(
                NewTask(key=key, name=f"nothing{key}", kind=TaskKind.COMMAND, max_tries=3, spec=spec)
                for key in range(each)
            )
            made = NewInstance(
                ulid=ulid(now, os.urandom(10)),
                title="nothing",
                trigger=Trigger.MANUAL,
                manifest={},
                tasks=tasks,
                holder_id=None,
                detached=True,
            )
            tx.add_instance(made)


class _Timed:
    """Wall and CPU seconds of this process within the block."""

    wall = 0.0
    cpu = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._began[0]
        self.cpu = time.process_time() - self._began[1]


if __name__ == "__main__":
    _place, _what, *_more = sys.argv[1:]
    print(json.dumps(_floor(Path(_place)) if _what == "floor" else _ours(Path(_place), *map(int, _more))))
