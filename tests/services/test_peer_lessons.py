"""What broke schedulers before us, each tried on ours (the T-numbers are those of the reliability plan)."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from store_kit import DAY, START, Kit, kit_at, noop
from test_scheduler import HOUR, Project

from mtctl.core.errors import MtctlError
from mtctl.core.interval import Grain
from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.schedule import data_interval, next_fire, parse_schedule
from mtctl.core.states import TaskState, Trigger
from mtctl.core.workflow import Overlap
from mtctl.services.holder import sweep
from mtctl.services.workflow_edits import WorkflowEdits
from mtctl.services.workflow_versions import Versions
from mtctl.store.connection import open_store
from mtctl.store.liveness import LockFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mtctl.ports.holders import HolderInfo

MINUTE = 60_000_000
_serial = count(1)


class Dead:
    """Nobody lives."""

    def is_alive(self, _: HolderInfo) -> bool:
        return False

    def bury(self, _: HolderInfo) -> None:
        pass


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = kit_at(tmp_path)
    yield kit
    kit.store.close()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.kit.store.close()


def change(project: Project, **parts: object) -> None:
    """Edit the workflow `w` as a person does."""
    with project.kit.store.write() as tx:
        [row] = tx.workflows(["w"])
        Versions(lambda: f"E{next(_serial):025d}").change(tx, row, replace(row.definition, **parts))  # type: ignore[arg-type]


def accounted(project: Project, workflow_id: int) -> list[int]:
    """The fires that made an instance, and every one that lies in a range of skipped ones, each as often as told."""
    found = [one.fire_at for one in project.instances(workflow_id) if one.fire_at is not None]
    with project.kit.store.read() as view:
        skipped = view.history(workflow_id, 1000)[1]
        schedule = view.workflow_versions(workflow_id)[0][1].schedule
    assert schedule is not None
    for one in skipped:
        at = one.first_fire_at
        while at is not None and at <= one.last_fire_at:
            found.append(at)
            at = next_fire(schedule, at)
    return sorted(found)


# --- T05, T06, T26, T30, T35: the dead ------------------------------------------------------------------------


def test_t05_eight_sweepers_at_once_lose_one_orphan_once(kit):
    instance = kit.add(noop(0))
    claimed = kit.claim(instance)
    assert claimed is not None
    gate = threading.Barrier(8)
    ended: list[int] = []

    def sweep_once() -> None:
        store = open_store(kit.path, kit.clock)
        gate.wait()
        ended.append(sweep(store, Dead()))  # type: ignore[arg-type]
        store.close()

    threads = [threading.Thread(target=sweep_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ended) == [0] * 7 + [1]
    [task] = kit.tasks(instance)
    assert (task.state, task.tries) == (TaskState.PENDING, 1)
    lost = "SELECT count(*) FROM event WHERE kind = 'task_state' AND json_extract(detail, '$.outcome') = 'lost'"
    assert kit.sql(lost) == [(1,)]


@pytest.mark.parametrize("number", ["KILL", "TERM", "INT", "HUP", "SEGV", "ABRT", "BUS", "QUIT"])
def test_t06_whatever_signal_ends_a_process_its_lock_is_free_and_its_work_is_tried_again(tmp_path, kit, number):
    folder = tmp_path / "run"
    text = (
        "import os, signal, sys; from pathlib import Path; from mtctl.store.liveness import LockFolder\n"
        "LockFolder(Path(sys.argv[1]), 'boot-1').hold(sys.argv[2]); print('held', flush=True)\n"
        "import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
        "os.kill(os.getpid(), getattr(signal, 'SIG' + sys.argv[3]))\n"
        "import time; time.sleep(60)"
    )
    instance = kit.add(noop(0))
    kit.claim(instance)
    with kit.store.read() as view:
        [holder] = view.holders()
    words = [sys.executable, "-c", text, str(folder), holder.ulid, number]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == "held\n", done.stderr
    assert done.returncode != 0

    liveness = LockFolder(folder, "boot-1")
    assert not liveness.is_alive(holder)
    assert sweep(kit.store, liveness) == 1
    assert kit.states(instance) == ["pending"]
    again = kit.claim(instance, holder=_holder(kit))
    assert again is not None
    assert again.task.tries == 2


def _holder(kit: Kit, pid: int = 1) -> int:
    with kit.store.write() as tx:
        return tx.add_holder(ulid=f"L{next(_serial):025d}", kind="cli", pid=pid, pid_started=1, command="another")


def test_t26_a_new_process_with_the_dead_ones_pid_keeps_none_of_its_leases(tmp_path, kit):
    instance = kit.add(noop(0))
    kit.claim(instance)
    reborn = _holder(kit, pid=1)
    liveness = LockFolder(tmp_path / "run", "boot-1")
    with kit.store.read() as view:
        liveness.hold(next(one.ulid for one in view.holders() if one.holder_id == reborn))

    assert sweep(kit.store, LockFolder(tmp_path / "run", "boot-1")) == 1
    assert kit.states(instance) == ["pending"]
    with kit.store.write() as tx:
        assert tx.beat(kit.holder) is None, "a late beat of the dead one takes nothing back"
        assert tx.beat(reborn) == []
    liveness.release()


def test_a_lock_file_of_who_died_before_it_registered_is_removed_and_no_living_one(tmp_path):
    folder = tmp_path / "run"
    living, newcomer = LockFolder(folder, "boot-1"), LockFolder(folder, "boot-1")
    living.hold("LIVING")
    (folder / "DEAD.lock").touch()
    newcomer.hold("NEWCOMER")
    assert sorted(path.stem for path in folder.iterdir()) == ["LIVING", "NEWCOMER"]
    living.release()
    newcomer.release()
    assert list(folder.iterdir()) == []


def test_of_many_that_lock_and_tidy_at_once_each_keeps_its_own_file(tmp_path):
    folder = tmp_path / "run"
    gate, missing = threading.Barrier(8), []

    def hold(number: int) -> None:
        gate.wait()
        for round_ in range(50):
            mine = LockFolder(folder, "boot-1")
            mine.hold(f"{number}-{round_}")
            if not (folder / f"{number}-{round_}.lock").exists():
                missing.append((number, round_))
            mine.release()

    threads = [threading.Thread(target=hold, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert missing == []
    assert list(folder.iterdir()) == []


def test_t30_work_is_found_though_no_holder_is_listed(kit):
    """An attempt is found by its lease; a holder with open work is listed as long as that is open."""
    instance = kit.add(noop(0))
    kit.claim(instance)
    kit.clock.advance(61)
    with kit.store.read() as view:
        assert [one.holder_id for one in view.expired_holders()] == [kit.holder]
    with kit.store.write() as tx:
        tx.end_holder(kit.holder)  # as if it had signed off without ending its work
    with kit.store.read() as view:
        assert view.holders() == []
        assert [one.holder_id for one in view.expired_holders()] == [kit.holder]
    assert sweep(kit.store, Dead()) == 1  # type: ignore[arg-type]
    assert kit.states(instance) == ["pending"]


def test_t35_slots_are_free_again_however_their_holders_end(kit):
    with kit.store.write() as tx:
        tx.put_queue("default", slots=1, memory=None, threads=None)
    kit.add(*(noop(number, max_tries=9) for number in range(4)))
    for end in ("lost", "finished", "expired", "rebooted"):
        holder = _holder(kit)
        claimed = kit.claim(None, holder=holder)
        assert claimed is not None, f"a slot leaked before {end}"
        assert kit.claim(None, holder=holder) is None
        if end == "lost":
            with kit.store.write() as tx:
                tx.lose(holder)
        elif end == "finished":
            kit.end(claimed)
        elif end == "expired":
            kit.clock.advance(61)
        else:
            kit.clock.reboot("boot-2")


def test_t54_who_was_taken_for_dead_starts_no_program_any_more(kit):
    """A process frozen between claim and start wakes up while another runs its work: two live ones must not be."""
    kit.claim(kit.add(noop(0)))
    with kit.store.write() as tx:
        tx.lose(kit.holder)
    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        tx.add_group(kit.holder, 4711, 1)
    assert caught.value.code == "lease_lost"
    assert kit.sql("SELECT count(*) FROM holder_group") == [(0,)]


# --- T07, T08, T34: rows that are there already ---------------------------------------------------------------


def test_t07_an_instance_that_is_there_while_the_mark_is_old_stops_nothing(project):
    workflow_id = project.workflow(overlap=Overlap.ALLOW)
    project.tick(START + 2 * HOUR)
    sql = "UPDATE workflow SET last_fire_at = NULL, next_fire_at = ?1, due_at = ?1"
    project.kit.store._connection.execute(sql, (START + 2 * HOUR,))

    project.tick(START + 2 * HOUR + DAY)

    assert [one.fire_at for one in project.instances(workflow_id)] == [START + 2 * HOUR, START + 2 * HOUR + DAY]


def test_t08_a_manual_key_like_a_scheduled_one_takes_no_fire_away(project):
    workflow_id = project.workflow(overlap=Overlap.ALLOW)
    with project.kit.store.read() as view:
        [row] = view.workflows(["w"])
    for key in (f"w/{START + 2 * HOUR}", f"scheduled__{START + 2 * HOUR}", "w/2013-01-01T02:00:00+00:00"):
        project.kit.add(
            noop(0), key=key, workflow_id=workflow_id, version=row.version, trigger=Trigger.MANUAL,
            logical_date=START + 2 * HOUR - DAY, fire_at=START + 2 * HOUR,
        )  # fmt: skip
    assert project.tick(START + 2 * HOUR) == (1, 0)
    assert project.tick(START + 2 * HOUR + DAY) == (1, 0)


def test_t34_who_comes_second_makes_nothing_and_says_nothing(project):
    workflow_id = project.workflow(overlap=Overlap.ALLOW)
    project.at(START + 2 * HOUR)
    reports = [project.another().tick() for _ in range(8)]

    assert sorted(one.made for one in reports) == [0] * 7 + [1]
    assert all(one.troubles == () and one.skipped == 0 for one in reports)
    assert len(project.instances(workflow_id)) == 1


# --- T10: nothing starves -------------------------------------------------------------------------------------


def test_t10_a_backfill_comes_to_its_end_under_constant_load_at_the_limit(kit):
    """One slot, a scheduled task each minute that takes a minute: the load alone fills the slot for ever."""
    with kit.store.write() as tx:
        tx.put_queue("default", slots=1, memory=None, threads=None)
    left = {kit.add(noop(0), rank=3) for _ in range(20)} | {kit.add(noop(0), rank=2) for _ in range(20)}
    waited = 0
    while left:
        kit.add(noop(0), rank=1)
        claimed = kit.claim(None)
        assert claimed is not None
        left.discard(claimed.task.instance_id)
        kit.clock.advance(60)
        with kit.store.write() as tx:
            tx.beat(kit.holder)
        kit.end(claimed)
        waited += 1
        assert waited < 200, "it starves"


# --- T15, T16: clocks -----------------------------------------------------------------------------------------


def test_t16_a_clock_set_back_loses_and_doubles_no_fire(project):
    policy = MisfirePolicy(kind=Misfire.ALL)
    workflow_id = project.workflow(schedule="*/10 * * * *", overlap=Overlap.ALLOW, misfire=policy)
    project.tick(START + 60 * MINUTE)
    for minute in (20, 30, 45, 60, 70):
        project.tick(START + minute * MINUTE)

    assert accounted(project, workflow_id) == [START + n * 10 * MINUTE for n in range(8)]


def test_t15_a_schedule_changed_while_the_clock_is_behind_the_mark_goes_on_behind_the_mark(project):
    """The new schedule's first fire lies before what is dealt with: it neither fires again nor goes round for ever."""
    workflow_id = project.workflow(schedule="*/10 * * * *", overlap=Overlap.ALLOW)
    project.tick(START + 60 * MINUTE)
    project.at(START + 30 * MINUTE)
    change(project, schedule=parse_schedule("*/15 * * * *", zone="UTC"))

    for minute in (45, 60, 75):
        _bounded_tick(project, START + minute * MINUTE)

    fires = [one.fire_at for one in project.instances(workflow_id)]
    assert fires[-1] == START + 75 * MINUTE
    assert len(fires) == len(set(fires))


def _bounded_tick(project: Project, instant: int) -> None:
    """Tick, and fail instead of going round for ever."""
    project.at(instant)
    looks = count()

    def counted(_: object) -> None:
        assert next(looks) < 50, "it goes round for ever"

    project.scheduler._observe = counted
    project.scheduler.tick()


def test_t16_a_schedule_changed_within_its_jitter_loses_no_fire(project):
    jitter = 50 * MINUTE
    schedule = parse_schedule("0 * * * *", zone="UTC", jitter=jitter)
    workflow_id = project.workflow(schedule=schedule, overlap=Overlap.ALLOW)
    project.tick(START + HOUR - 1)
    project.at(START + HOUR + 1)
    change(project, schedule=parse_schedule("30 * * * *", zone="UTC"))

    assert START + HOUR in [one.fire_at for one in project.instances(workflow_id)]


def test_a_schedule_with_a_full_house_is_not_changed_before_what_is_due_has_room(project):
    policy = MisfirePolicy(kind=Misfire.ALL, cap=3)
    workflow_id = project.workflow(schedule="0 * * * *", overlap=Overlap.QUEUE_ALL, misfire=policy)
    project.at(START + 10 * HOUR)
    with pytest.raises(MtctlError) as caught:
        change(project, schedule=parse_schedule("30 4 * * *", zone="UTC"))
    assert caught.value.code == "workflow_behind"

    for _ in range(4):
        project.tick()
        project.finish(workflow_id)
        project.clock.advance(31)
    change(project, schedule=parse_schedule("30 4 * * *", zone="UTC"))
    assert accounted(project, workflow_id) == [START + n * HOUR for n in range(11)]


def test_a_schedule_missed_nothing_before_it_was_in_force(project):
    """Changed, then disabled and enabled before its first fire: what it would have fired earlier is not made up for."""
    workflow_id = project.workflow(schedule="0 3 * * *", overlap=Overlap.ALLOW, misfire=MisfirePolicy(kind=Misfire.ALL))
    project.tick(START + 3 * HOUR)
    project.at(START + 6 * HOUR)
    change(project, schedule=parse_schedule("0 * * * *", zone="UTC"))
    edits = WorkflowEdits(None, project.kit.store, project.clock, lambda: f"E{next(_serial):025d}")  # type: ignore[arg-type]
    edits.disable(["w"], actor="ana")
    project.at(START + 8 * HOUR)
    edits.enable(["w"], catchup=None, actor="ana")

    assert [one.fire_at for one in project.instances(workflow_id)] == [START + n * HOUR for n in (3, 7, 8)]


# --- T37: a loop that stands still ----------------------------------------------------------------------------

_HUNG = """
import sys, threading, time
from types import SimpleNamespace
from mtctl.clock import SystemClock
from mtctl.services import daemon, serving

serving.LOOK_SECONDS = 0.05
daemon.HANG_SECONDS = 0.2

class Pool:
    size, busy = 1, 0
    def stuck(self): return sys.argv[1] == "worker"
    def drain(self): pass
    def wait(self, seconds): return True

def stands(): threading.Event().wait() if sys.argv[1] == "sweep" else None

class Store:
    def change_mark(self): return threading.Event().wait() if sys.argv[1] == "store" else time.sleep(60)

clock = SystemClock()
one = daemon.Daemon(
    store=Store(), clock=clock, scheduler=None, pool=Pool(), sweep=stands, tell=lambda: None, reload=lambda: None,
    say=lambda text: print(text, file=sys.stderr, flush=True),
)
serving.serve(one, clock, lambda text: print(text, file=sys.stderr, flush=True))
"""


@pytest.mark.parametrize("part", ["sweep", "store", "worker"])
def test_t37_a_daemon_whose_loop_or_worker_stands_still_ends_with_70(part):
    done = subprocess.run([sys.executable, "-c", _HUNG, part], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 70, done.stderr
    assert "does not move" in done.stderr


# --- T56: zones that are not whole hours ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Chatham"]
)
def test_t56_hours_and_days_of_odd_zones_begin_at_local_edges(zone):
    local = ZoneInfo(zone)
    at = int(datetime(2024, 1, 10, tzinfo=UTC).timestamp()) * 1_000_000
    for text, grain in (("0 * * * *", Grain.HOUR), ("0 0 * * *", Grain.DAY)):
        schedule = parse_schedule(text, zone=zone)
        fire = next_fire(schedule, at)
        for _ in range(30):
            assert fire is not None
            wall = datetime.fromtimestamp(fire // 1_000_000, tz=local)
            assert (wall.minute, wall.second) == (0, 0), wall
            assert grain is Grain.HOUR or wall.hour == 0
            begin, end = data_interval(schedule, fire)
            assert begin < end == fire
            fire = next_fire(schedule, fire)
