"""A project in one process: real store, scheduler, dispatcher and workers; time, engine and programs are fakes.

Each actor runs in a thread of its own and stands still before every transaction and inside every piece of work, until
it is let go on to the next such point, or dies there. Only one of them ever moves, so a story repeats exactly.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from fakes import FakeClock
from store_kit import DAY, START, definition, full, new, stats

from mtctl.config import load_project
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.interval import WHOLE
from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.model import Read
from mtctl.core.schedule import parse_schedule
from mtctl.core.staged import Staged, StagedFile, StagedInterval
from mtctl.core.states import Outcome
from mtctl.core.workflow import CommandSpec, Overlap, TaskKind, WorkflowDefinition, WorkflowTask
from mtctl.ports.actions import ActionResult
from mtctl.services.actions import Actor
from mtctl.services.dispatcher import Dispatcher
from mtctl.services.ending import Endings
from mtctl.services.holder import sweep
from mtctl.services.instances import Instances
from mtctl.services.running import TaskRunner
from mtctl.services.scheduler import Scheduler
from mtctl.services.watch import Interruption
from mtctl.services.worker import Worker
from mtctl.services.workflow_edits import WorkflowEdits
from mtctl.services.workflow_versions import Versions
from mtctl.store.connection import create, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mtctl.config import Project
    from mtctl.ports.holders import HolderInfo
    from mtctl.store.sqlite import SqliteStore

HOUR = 3_600_000_000
TRUST_NS = 40_000_000_000
PATIENCE = 30.0
SCHEDULES = ("0 */2 * * *", "30 */3 * * *", "15,45 * * * *", "0 2 * * *")
OVERLAPS = (Overlap.QUEUE_ALL, Overlap.QUEUE_ONE, Overlap.ALLOW, Overlap.SKIP, Overlap.CANCEL_RUNNING)
POLICIES = (Misfire.ALL, Misfire.LATEST, Misfire.NONE)


class KilledError(BaseException):
    """The actor dies where it stands; nothing of ours catches this."""


class Lane:
    """One actor that moves from point to point; `at` tells where it stands, '' while it is idle."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.at = ""
        self.error: BaseException | None = None
        self._dies = False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)

    def start(self, act: Callable[[], object]) -> None:
        """Let an idle actor begin, up to its first point."""
        assert not self.at, f"{self.name} is at {self.at}"
        self.at, self.error, self._dies = "begin", None, False
        threading.Thread(target=self._run, args=(act,), name=self.name, daemon=True).start()
        self._wait()

    def resume(self) -> None:
        """Let it go on to its next point or its end."""
        self._go.release()
        self._wait()

    def kill(self) -> None:
        """Let it die where it stands."""
        if self.at:
            self._dies = True
            self.resume()
        assert not self.at

    def point(self, name: str) -> None:
        """Called by the actor: stand still here."""
        if self._dies:
            raise KilledError
        if threading.current_thread().name != self.name:
            return
        self.at = name
        self._back.release()
        self._go.acquire()
        if self._dies:
            raise KilledError

    def _wait(self) -> None:
        assert self._back.acquire(timeout=PATIENCE), f"{self.name} hangs after {self.at}"

    def _run(self, act: Callable[[], object]) -> None:
        try:
            act()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - told to whoever moves it
            self.error = error
        self.at = ""
        self._back.release()


class SteppedStore:
    """The real store, with a point before each transaction."""

    def __init__(self, store: SqliteStore, lane: Lane) -> None:
        self._store = store
        self._lane = lane

    @contextmanager
    def read(self) -> Iterator[Any]:
        self._lane.point("read")
        with self._store.read() as view:
            yield view

    @contextmanager
    def write(self) -> Iterator[Any]:
        self._lane.point("write")
        with self._store.write() as tx:
            yield tx

    def close(self) -> None:
        self._store.close()


@dataclass
class FakeLiveness:
    """Whose lock is held, and which programs die with a dead holder."""

    world: World
    held: set[str] = field(default_factory=set)

    def is_alive(self, holder: HolderInfo) -> bool:
        return holder.ulid in self.held

    def bury(self, holder: HolderInfo) -> None:
        for group, _ in holder.groups:
            self.world.programs.pop(group, None)
        for hand in self.world.hands:
            if hand.holder.ulid == holder.ulid:
                hand.runner_lives = False


@dataclass
class FakeWatch:
    """What the dispatcher knows of interruptions."""

    stop: threading.Event = field(default_factory=threading.Event)
    why: Interruption | None = None
    task_id: int | None = None

    def begin(self, claimed: Any) -> None:
        self.why, self.task_id = None, claimed.task.task_id
        self.stop.clear()

    def end(self) -> None:
        self.task_id = None

    def interrupt(self, why: Interruption) -> None:
        if self.task_id is not None and self.why is None:
            self.why = why
            self.stop.set()


class Hand:
    """One worker process: its connection, its lock, its dispatcher, and what its engine is going to say."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.lane = Lane(f"worker {number}")
        self.fate = "ok"
        self.frozen = False
        self.open()

    def open(self) -> None:
        """Start as a new process, registered and alive."""
        world = self.world
        self.raw = open_store(world.path, world.clock)
        self.watch, self.runner_lives = FakeWatch(), True
        ulid = world.ulid("H")
        with world.store.write() as tx:
            holder_id = tx.add_holder(ulid=ulid, kind="worker", pid=1, pid_started=1, command=self.lane.name)
        world.liveness.held.add(ulid)
        self.holder = SimpleNamespace(
            holder_id=holder_id, ulid=ulid, lost=False, new_ulid=lambda: world.ulid("A"), beat=world.clock.boottime()
        )
        store = SteppedStore(self.raw, self.lane)
        endings = Endings(store, world.clock, self.watch)  # type: ignore[arg-type]
        actor = Actor(world.project, store, self, self, world.clock, endings)  # type: ignore[arg-type]
        worker = Worker(world.project, store, self, self, world.clock, endings)  # type: ignore[arg-type]
        self.dispatcher = Dispatcher(
            store=store,  # type: ignore[arg-type]
            runner=TaskRunner(
                worker=worker,
                actor=lambda: actor,
                watch=self.watch,
                limits=_LIMITLESS,  # type: ignore[arg-type]
                endings=endings,
                clock=world.clock,
            ),
            clock=world.clock,
            holder=self.holder,  # type: ignore[arg-type]
            stop=threading.Event(),
            sweep=lambda: 0,
            observe=lambda _: None,
            on_event=lambda _: None,
        )

    def step(self) -> None:
        """Go on to the next point; an idle one looks for a task."""
        if self.frozen:
            return
        if self.lane.at:
            self.lane.resume()
        elif self.holder.lost:
            self.leave()
            return
        else:
            self.lane.start(lambda: self.dispatcher.step(None))
        if not self.lane.at:
            self._ended()

    def _ended(self) -> None:
        error = self.lane.error
        if error is None:
            return
        if not self.world.is_clock_trouble(error):
            raise error
        self.crash(orphans=False)  # a worker that cannot write ends; whoever comes next sweeps after it

    def crash(self, *, orphans: bool) -> None:
        """Die without a word. With `orphans` the supervisor dies too, and the program lives on until a burial."""
        self.lane.kill()
        self.frozen = False
        self.raw.close()
        self.world.liveness.held.discard(self.holder.ulid)
        if not orphans:
            self.end_programs()
        self.open()

    def leave(self) -> None:
        """Sign off and start anew."""
        if self.lane.at or self.frozen:
            return
        with self.world.store.write() as tx:
            (tx.lose if self.holder.lost else tx.end_holder)(self.holder.holder_id)
        self.world.liveness.held.discard(self.holder.ulid)
        self.raw.close()
        self.open()

    def raw_has_work(self) -> bool:
        """Whether there is a task to claim."""
        with self.world.store.read() as view:
            return view.next_task(None) is not None

    def beat(self) -> None:
        """What the heartbeat does: it notices that it slept too long or was given up."""
        if self.frozen or self.holder.lost:
            return
        now = self.world.clock.boottime()
        with self.world.store.write() as tx:
            mine = tx.beat(self.holder.holder_id)
        if mine is None or now - self.holder.beat > TRUST_NS:
            self.holder.lost, self.runner_lives = True, False
            self.watch.interrupt(Interruption.LOST)
            self.end_programs()
        self.holder.beat = now

    def end_programs(self) -> None:
        mine = [group for group, (_, hand, _) in self.world.programs.items() if hand is self]
        for group in mine:
            del self.world.programs[group]

    def notice_cancel(self) -> None:
        """What the watch does: it sees a request while work is in hand."""
        if self.watch.task_id is not None and not self.frozen:
            with self.world.store.read() as view:
                if view.cancel_requested(self.watch.task_id):
                    self.watch.interrupt(Interruption.CANCEL)

    # --- as engine, lake and actions ------------------------------------------------------------------------------

    def stage(self, request: Any, _on_progress: object) -> Staged:
        self.runner_lives = self.runner_lives or not self.holder.lost
        self.lane.point("engine")
        self._trouble()
        parts, at = [], 0
        for interval in [piece.interval for piece in request.slices] or [WHOLE]:
            parts.append(_part(interval, at, 10, f"{request.file_prefix}"))
            at += 10
        files = (_file(f"/staged/{request.file_prefix}-0.parquet", at),)
        counts = [sum(part.rows for _, part in one.parts) for one in request.rewrites]
        rewritten = tuple(_file(f"/staged/{request.file_prefix}-m{n}.parquet", rows) for n, rows in enumerate(counts))
        return Staged(files=files, intervals=tuple(parts), sources=(), rows=at, seconds=1.0, rewritten=rewritten)

    def place(self, files: tuple[StagedFile, ...], _folder: str) -> tuple[str, ...]:
        return tuple(Path(file.path).name for file in files)

    def discard(self, paths: object) -> None:
        list(paths)  # type: ignore[call-overload]

    def command(self, request: Any, stop: threading.Event, on_group: Callable[[int, int], None]) -> ActionResult:
        group = next(self.world.groups)
        self.lane.point("supervisor")
        on_group(group, 1)
        told = dict(request.env)
        self.world.begin_program(group, told["MTCTL_RUN_KEY"], self, told["MTCTL_ATTEMPT"])
        self.lane.point("program")
        if self.world.programs.pop(group, None) is None:
            return ActionResult(outcome=Outcome.FAILED, code="command_lost", message="killed", transient=True)
        if stop.is_set():
            return ActionResult(outcome=Outcome.CANCELLED, code="cancelled", message="cancelled")
        if self.fate == "ok":
            self.world.lines.append(told["MTCTL_RUN_KEY"])
            return ActionResult(outcome=Outcome.SUCCESS)
        return ActionResult(
            outcome=Outcome.FAILED, code="command_exit", message="exit 1", transient=self.fate == "transient"
        )

    def _trouble(self) -> None:
        if self.watch.stop.is_set():
            raise MtctlError("cancelled", "cancelled", kind=Kind.FAILED)
        if not self.runner_lives:
            self.runner_lives = True  # the next request starts another
            raise MtctlError("runner_died", "the runner died", kind=Kind.ENGINE)
        if self.fate == "transient":
            raise MtctlError("out_of_memory", "no room", kind=Kind.ENGINE)
        if self.fate == "permanent":
            raise MtctlError("query", "no such column", kind=Kind.FAILED)


class World:
    """The project with its actors; a person acts through `store`, in one go."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_fast_folder()))
        shutil.copytree(_template(), self.folder, dirs_exist_ok=True)
        self.path = self.folder / ".mtctl/state.db"
        self.clock = FakeClock(START + HOUR)
        self.went_back = False
        self.project: Project = load_project(self.folder)
        self.store = open_store(self.path, self.clock)
        self._serial, self.groups = count(1), count(100)
        self.programs: dict[int, tuple[str, Hand, str]] = {}
        self.lines: list[str] = []
        self.broken: list[str] = []
        self.liveness = FakeLiveness(self)
        self.hands: list[Hand] = []
        for number in range(3):
            self.hands.append(Hand(self, number))
        self.looks = [self._look("tick", number) for number in range(2)]
        self.looks += [self._look("sweep", number) for number in range(2)]
        self.instances = Instances(
            store=self.store, clock=self.clock, actor="ana", sweep=lambda: 0, stop=threading.Event(),
            dispatching=lambda *_: None,  # type: ignore[arg-type,return-value]
        )  # fmt: skip
        self.edits = WorkflowEdits(self.project, self.store, self.clock, lambda: self.ulid("I"))
        self.versions = Versions(lambda: self.ulid("I"))

    def close(self) -> None:
        for lane, _ in self.looks:
            lane.kill()
        for hand in self.hands:
            hand.lane.kill()
            hand.raw.close()
        self.store.close()
        shutil.rmtree(self.folder)

    def ulid(self, letter: str) -> str:
        return f"{letter}{next(self._serial):025d}"

    def begin_program(self, group: int, key: str, hand: Hand, attempt: str) -> None:
        for other, (running, _, first) in self.programs.items():
            if running == key:
                self.broken.append(f"two live programs for {key}: attempts {first} and {attempt} ({other}, {group})")
        self.programs[group] = key, hand, attempt

    def move(self, number: int) -> None:
        """Let a tick or a sweep go on to its next point; an idle one begins."""
        lane, act = self.looks[number]
        if lane.at:
            lane.resume()
        else:
            lane.start(act)
        if lane.error is not None and not self.is_clock_trouble(lane.error):
            raise lane.error

    def is_clock_trouble(self, error: BaseException) -> bool:
        return isinstance(error, MtctlError) and error.code == "clock_behind"

    def _look(self, what: str, number: int) -> tuple[Lane, Callable[[], object]]:
        lane = Lane(f"{what} {number}")
        store: Any = SteppedStore(open_store(self.path, self.clock), lane)
        if what == "sweep":
            return lane, lambda: sweep(store, self.liveness)  # type: ignore[arg-type]
        scheduler = Scheduler(store, self.clock, lambda: self.ulid("I"), lambda names: list(names) and None)
        return lane, lambda: self.broken.extend(f"cannot fire {one}" for one in scheduler.tick().troubles)


def flow(
    schedule: str = SCHEDULES[0],
    overlap: Overlap = Overlap.QUEUE_ALL,
    kind: Misfire = Misfire.ALL,
    jitter: int = 0,
) -> WorkflowDefinition:
    """The workflow of programs: one, then two side by side, one of these in a narrow queue."""
    def task(name: str, *upstream: str, **more: Any) -> WorkflowTask:
        spec = CommandSpec(argv=("true",))
        return WorkflowTask(name=name, kind=TaskKind.COMMAND, spec=spec, upstream=upstream, **more)

    return WorkflowDefinition(
        name="flow",
        zone="UTC",
        schedule=parse_schedule(schedule, zone="UTC", jitter=jitter),
        overlap=overlap,
        misfire=MisfirePolicy(kind=kind, cap=8, window=2 * DAY),
        tasks=(task("x"), task("y", "x", queue="narrow"), task("z", "x", retries=0)),
    )


@cache
def _template() -> Path:
    """A project made once: three tables, a workflow, a narrow queue."""
    folder = Path(tempfile.mkdtemp(prefix="simulation-template-", dir=_fast_folder()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "mtctl.toml").write_text('name = "shop"\n', encoding="utf-8")
    clock = FakeClock(START + HOUR)
    store = create(folder / ".mtctl/state.db", clock, "shop", str(folder / "lake/data"))
    up = definition("up", schedule="0 2 * * *")
    down = definition("down", reads=(Read(table="up"),), schedule="0 1,13 * * *")
    whole = definition("whole", mode=full("x").mode, partition=None, start=None, schedule="0 */6 * * *")
    with store.write() as tx:
        tx.put_queue("narrow", slots=1, memory=None, threads=None)
        tx.put_queue("default", slots=2, memory=None, threads=None)
        tx.put_tables([new(one) for one in (up, down, whole)])
        Versions(lambda: "never").create(tx, flow())
    store.close()
    return folder


_LIMITLESS: Any = SimpleNamespace(set=lambda _: None, lift=lambda: None)


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - memory is the point; the name is random


def _part(interval: Any, at: int, rows: int, fingerprint: str) -> StagedInterval:
    return StagedInterval(interval=interval, file=0, row_start=at, rows=rows, fingerprint=fingerprint)


def _file(path: str, rows: int) -> StagedFile:
    low, high = "2013-01-01", "2013-12-31"
    return StagedFile(
        path=path, rows=rows, bytes=rows * 10, footer_bytes=100, sha256="0" * 64,
        stats=(stats(1, rows, low, high), stats(2, rows, "0", "9")),
    )  # fmt: skip
