"""When? Fires made once, misfires, overlap, jumps of the clock, and many who look at once."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_kit import DAY, START, Kit, day, days, definition, full, kit_at, reopened
from strategies import a_part

from mtctl.core.errors import MtctlError
from mtctl.core.interval import IntervalSet
from mtctl.core.misfire import Misfire, MisfirePolicy
from mtctl.core.schedule import parse_schedule
from mtctl.core.states import InstanceState, TaskState, Transition, WorkflowState
from mtctl.core.workflow import CommandSpec, Overlap, RefreshSpec, TaskKind, WorkflowDefinition, WorkflowTask
from mtctl.ports.workflows import Mark, NewWorkflow
from mtctl.services.scheduler import Scheduler, begin, settle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes import FakeClock

    from mtctl.core.schedule import Schedule
    from mtctl.ports.work import InstanceRow, TaskRow

HOUR = 3_600_000_000
TWO = START + 2 * HOUR

_EACH = {"* * * * *": 1, "*/2 * * * *": 2, "*/5 * * * *": 5}
_serial = count(1)


def _ulid() -> str:
    return f"S{next(_serial):025d}"


class Project:
    """A store, a clock and a scheduler; `at` sets the wall clock."""

    def __init__(self, folder: Path) -> None:
        self.kit: Kit = kit_at(folder, START - DAY)
        self.clock: FakeClock = self.kit.clock
        self.observed: list[list[str]] = []
        self.scheduler = self.another()
        self.at(START)

    def another(self) -> Scheduler:
        """A second scheduler over its own connection, as of another process."""
        return Scheduler(
            reopened(self.kit), self.clock, _ulid, lambda names: self.observed.append(sorted(names))
        )

    def at(self, instant: int) -> None:
        self.clock.set_wall(instant)

    def workflow(self, name: str = "w", schedule: str | Schedule | None = "0 2 * * *", **changes: object) -> int:
        """Put a workflow of one command in force, beginning now."""
        parts: dict[str, object] = {
            "name": name,
            "zone": "UTC",
            "schedule": parse_schedule(schedule, zone="UTC") if isinstance(schedule, str) else schedule,
            "tasks": (WorkflowTask(name="say", kind=TaskKind.COMMAND, spec=CommandSpec(argv=("true",))),),
        }
        definition_ = WorkflowDefinition(**(parts | changes))  # type: ignore[arg-type]
        mark = begin(definition_, self.clock.now() - 1)
        with self.kit.store.write() as tx:
            return tx.put_workflow(
                NewWorkflow(
                    definition=definition_,
                    state=WorkflowState.ENABLED,
                    origin="command",
                    next_fire_at=mark.next_fire_at,
                    due_at=mark.due_at,
                )
            )

    def tick(self, instant: int | None = None) -> tuple[int, int]:
        if instant is not None:
            self.at(instant)
        report = self.scheduler.tick()
        assert report.troubles == ()
        return report.made, report.skipped

    def instances(self, workflow_id: int) -> list[InstanceRow]:
        """Oldest first."""
        with self.kit.store.read() as view:
            return sorted(view.history(workflow_id, 1000)[0], key=lambda one: one.instance_id)

    def skipped(self, workflow_id: int) -> list[tuple[int, int, str]]:
        with self.kit.store.read() as view:
            found = view.history(workflow_id, 1000)[1]
        return sorted((one.first_fire_at, one.last_fire_at, one.reason.partition(":")[0]) for one in found)

    def tasks(self, instance: InstanceRow) -> list[TaskRow]:
        with self.kit.store.read() as view:
            return view.tasks(instance.instance_id)

    def table_workflow(self, name: str) -> int:
        with self.kit.store.read() as view:
            return view.workflows([name])[0].workflow_id

    def finish(self, workflow_id: int) -> None:
        """Skip whatever is open, so that nothing is open any more."""
        for instance in self.instances(workflow_id):
            with self.kit.store.write() as tx:
                tx.apply(
                    [
                        Transition(task_id=task.task_id, from_state=task.state, to_state=TaskState.SKIPPED)
                        for task in tx.tasks(instance.instance_id)
                        if task.state in {TaskState.PENDING, TaskState.CREATED}
                    ]
                )


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    project.kit.store.close()


def test_a_fire_is_made_once_and_its_data_interval_ends_with_it(project):
    workflow = project.workflow()

    assert project.tick(TWO - 1) == (0, 0)
    assert project.tick(TWO) == (1, 0)
    assert project.tick(TWO) == (0, 0)

    [instance] = project.instances(workflow)
    assert (instance.logical_date, instance.fire_at) == (TWO - DAY, TWO)
    assert instance.state is InstanceState.PENDING
    assert instance.variables["system_biz_date"] == "20121231"


def test_data_intervals_follow_each_other_without_hole_or_overlap(project):
    workflow = project.workflow(overlap=Overlap.ALLOW)
    for number in range(5):
        project.tick(TWO + number * DAY)

    found = [(one.logical_date, one.fire_at) for one in project.instances(workflow)]
    assert found == [(TWO + (n - 1) * DAY, TWO + n * DAY) for n in range(5)]


def test_two_processes_that_look_at_once_fire_once(project):
    workflow = project.workflow()
    others = [project.another() for _ in range(3)]
    project.at(TWO)

    made = [one.tick().made for one in (*others, project.scheduler)]

    assert sum(made) == 1
    assert len(project.instances(workflow)) == 1


def test_nothing_is_looked_at_while_nothing_is_due(project):
    project.kit.put(definition("t", schedule="0 2 * * *"))
    project.tick(TWO - 1)
    assert project.observed == []
    project.tick(TWO)
    assert project.observed == [["t"]]


def test_every_missed_fire_is_made_with_all_and_the_newest_comes_first(project):
    policy = MisfirePolicy(kind=Misfire.ALL)
    workflow = project.workflow(misfire=policy, overlap=Overlap.QUEUE_ALL)

    assert project.tick(TWO + 3 * DAY) == (4, 0)

    assert [one.rank for one in project.instances(workflow)] == [2, 2, 2, 1]
    assert all(one.fire_at == TWO + n * DAY for n, one in enumerate(project.instances(workflow)))


def test_one_covers_now_with_latest_and_the_rest_is_told(project):
    workflow = project.workflow(misfire=MisfirePolicy(kind=Misfire.LATEST))

    assert project.tick(TWO + 3 * DAY) == (1, 1)

    [instance] = project.instances(workflow)
    assert (instance.logical_date, instance.fire_at) == (TWO + 2 * DAY, TWO + 3 * DAY)
    assert project.skipped(workflow) == [(TWO, TWO + 2 * DAY, "misfire")]


def test_nothing_is_made_with_none_but_for_what_is_on_time(project):
    workflow = project.workflow(misfire=MisfirePolicy(kind=Misfire.NONE))

    assert project.tick(TWO + 3 * DAY + HOUR) == (0, 1)
    assert project.skipped(workflow) == [(TWO, TWO + 3 * DAY, "misfire")]
    assert project.tick(TWO + 4 * DAY + 1) == (1, 0)


def test_ten_years_of_minutes_come_in_pieces_and_the_old_ones_are_told(project):
    policy = MisfirePolicy(kind=Misfire.ALL, window=DAY, cap=100)
    workflow = project.workflow(schedule="* * * * *", misfire=policy, overlap=Overlap.QUEUE_ALL)
    later = START + 3650 * DAY

    assert project.tick(later)[0] == 100, "the cap, then it waits for room"

    assert project.tick() == (0, 0)
    [(first, _, reason)] = project.skipped(workflow)
    assert (first, reason) == (START, "window")
    project.finish(workflow)
    project.clock.advance(31)
    assert project.tick()[0] == 100


@pytest.mark.parametrize(
    ("overlap", "made", "serial"),
    [
        (Overlap.QUEUE_ONE, 1, True),
        (Overlap.QUEUE_ALL, 3, True),
        (Overlap.SKIP, 1, True),
        (Overlap.ALLOW, 3, False),
    ],
)
def test_overlap_decides_what_a_fire_does_beside_an_open_instance(project, overlap, made, serial):
    workflow = project.workflow(overlap=overlap)
    for number in range(3):
        project.tick(TWO + number * DAY)

    assert len(project.instances(workflow)) == made
    assert len(project.skipped(workflow)) == 3 - made
    with project.kit.store.write() as tx:
        claimed = [tx.claim(project.kit.holder, attempt_ulid=_ulid(), instance_id=None) for _ in range(3)]
    assert sum(one is not None for one in claimed) == (1 if serial else 3)


def test_overlap_cancels_what_still_runs(project):
    workflow = project.workflow(overlap=Overlap.CANCEL_RUNNING)
    project.tick(TWO)
    with project.kit.store.write() as tx:
        assert tx.claim(project.kit.holder, attempt_ulid=_ulid(), instance_id=None) is not None

    project.tick(TWO + DAY)

    first, second = project.instances(workflow)
    assert first.cancel_requested
    assert not second.cancel_requested


def test_a_schedule_that_ends_completes_its_workflow(project):
    ending = parse_schedule("0 2 * * *", zone="UTC", end=TWO + DAY)
    done = project.workflow(name="short", schedule=ending)
    project.tick(TWO)
    project.finish(done)
    project.tick(TWO + DAY)

    with project.kit.store.read() as view:
        assert view.workflows(["short"])[0].state is WorkflowState.COMPLETED
        assert view.next_due() is None


def test_a_clock_that_goes_back_makes_nothing_again(project):
    workflow = project.workflow(overlap=Overlap.ALLOW)
    project.tick(TWO + DAY)
    before = len(project.instances(workflow))

    project.tick(TWO + DAY - HOUR // 2)
    assert project.tick(TWO + DAY) == (0, 0)
    assert len(project.instances(workflow)) == before


def test_a_table_refreshes_at_a_fire_what_is_wanted_and_not_fresh(project):
    table = project.kit.put(definition("t", schedule="0 2 * * *", start=START))["t"]
    project.kit.refresh(table, {day(0): "a"})
    project.tick(START + 3 * DAY + 2 * HOUR)

    tasks = [task for one in project.instances(project.table_workflow("t")) for task in project.tasks(one)]
    assert IntervalSet.of(part for task in tasks for part in task.intervals) == IntervalSet.of(days(1, 3))
    assert sum(task.interval_count for task in tasks) == 2, "no interval twice"


def test_a_table_with_nothing_to_do_makes_no_instance_and_its_mark_moves(project):
    table = project.kit.put(definition("t", schedule="0 2 * * *", start=START, end=START + DAY))["t"]
    project.at(START + DAY)
    project.kit.refresh(table, {day(0): "a"})

    project.tick(TWO + DAY)

    workflow = project.table_workflow("t")
    assert project.instances(workflow) == []
    with project.kit.store.read() as view:
        assert view.workflows(["t"])[0].last_fire_at == TWO + DAY


def test_what_an_open_task_is_about_to_do_is_not_asked_for_again(project):
    project.kit.put(definition("t", schedule="0 * * * *", start=START))
    workflow = project.table_workflow("t")
    for hour in range(24, 30):
        project.tick(START + hour * HOUR)

    [instance] = project.instances(workflow)
    [task] = project.tasks(instance)
    assert task.intervals == IntervalSet.of(days(0, 1))


def test_a_whole_table_is_refreshed_at_each_fire_of_a_schedule(project):
    project.kit.put(full("w"))
    table = project.kit.put(definition("s", mode=full("x").mode, partition=None, start=None, schedule="0 2 * * *"))["s"]
    workflow = project.table_workflow("s")
    project.tick(TWO)
    project.finish(workflow)
    project.tick(TWO + DAY)

    assert len(project.instances(workflow)) == 2
    assert all(task.forced for one in project.instances(workflow) for task in project.tasks(one))
    del table


def test_a_workflow_of_two_tables_waits_along_its_edges(project):
    project.kit.put(definition("a"), definition("b"))
    tasks = (
        WorkflowTask(name="first", kind=TaskKind.REFRESH, spec=RefreshSpec(table="a")),
        WorkflowTask(name="then", kind=TaskKind.REFRESH, spec=RefreshSpec(table="b"), upstream=("first",)),
    )
    workflow = project.workflow(tasks=tasks)
    project.tick(START + 2 * DAY + 2 * HOUR)

    newest = project.instances(workflow)[-1]
    first, then = project.tasks(newest)
    assert (first.name, then.name) == ("first", "then")
    assert then.upstream == (first.task_id,)
    assert then.state is TaskState.CREATED


def test_what_is_due_below_a_command_is_known_only_at_its_claim(project):
    project.kit.put(definition("a"))
    tasks = (
        WorkflowTask(name="fetch", kind=TaskKind.COMMAND, spec=CommandSpec(argv=("true",))),
        WorkflowTask(name="load", kind=TaskKind.REFRESH, spec=RefreshSpec(table="a"), upstream=("fetch",)),
    )
    workflow = project.workflow(tasks=tasks)
    project.tick(TWO + DAY)

    load = project.tasks(project.instances(workflow)[-1])[1]
    assert load.intervals is None
    assert load.spec["fire_at"] == TWO + DAY


def test_a_workflow_whose_table_is_gone_is_told_and_holds_nobody_up(project):
    gone = (WorkflowTask(name="x", kind=TaskKind.REFRESH, spec=RefreshSpec(table="nobody")),)
    bad = project.workflow(name="bad", tasks=gone)
    good = project.workflow(name="good")
    project.at(TWO)

    report = project.scheduler.tick()

    assert "nobody" in report.troubles[0]
    assert [reason for *_, reason in project.skipped(bad)] == ["table_unknown"]
    assert len(project.instances(good)) == 1


def test_what_was_due_under_the_old_schedule_is_fired_before_it_changes(project):
    workflow = project.workflow()
    project.at(TWO + HOUR)
    with project.kit.store.write() as tx:
        row = tx.workflows(["w"])[0]
        settle(tx, [row], _ulid)

    assert [one.fire_at for one in project.instances(workflow)] == [TWO]


def test_an_edit_neither_loses_nor_doubles_a_fire(project):
    """An apply at every step, between ticks, with schedules that alternate."""
    workflow = project.workflow(schedule="* * * * *", overlap=Overlap.ALLOW)
    texts = ["* * * * *", "*/2 * * * *", "*/5 * * * *"]
    for step in range(200):
        now = START + step * 7_000_000
        if step % 3 == 0:
            project.tick(now)
        project.at(now)
        with project.kit.store.write() as tx:
            row = tx.workflows(["w"])[0]
            settle(tx, [row], _ulid)
            changed = WorkflowDefinition(
                name="w", zone="UTC", tasks=row.definition.tasks, overlap=Overlap.ALLOW,
                schedule=parse_schedule(texts[step % 3], zone="UTC"),
            )  # fmt: skip
            mark = begin(changed, tx.now)
            tx.put_workflow(
                NewWorkflow(
                    definition=changed,
                    state=WorkflowState.ENABLED,
                    origin="command",
                    workflow_id=workflow,
                    next_fire_at=mark.next_fire_at,
                    due_at=mark.due_at,
                )
            )
    found = project.instances(workflow)
    fired = [one.fire_at for one in found]
    assert fired == sorted(set(fired)), "none twice"
    assert all(one.logical_date < one.fire_at for one in found)
    assert [one.logical_date for one in found[1:]] == fired[:-1]
    under = [texts[max(0, -(-at // 7_000_000) - 1) % 3 if at else 0] for at in range(0, 200 * 7_000_000, 60_000_000)]
    due = [START + minute * 60_000_000 for minute, text in enumerate(under) if minute % _EACH[text] == 0]
    assert fired == due, "each by the schedule in force when it was due"


@a_part(0.4)
@given(steps=st.lists(st.tuples(st.integers(1, 4000), st.sampled_from(["tick", "other", "edit"])), max_size=25))
def test_any_mix_of_ticks_edits_and_processes_makes_each_fire_once(tmp_path_factory, steps):
    project = Project(tmp_path_factory.mktemp("mix"))
    workflow = project.workflow(schedule="*/10 * * * *", overlap=Overlap.ALLOW, misfire=MisfirePolicy(kind=Misfire.ALL))
    other = project.another()
    now = START
    for seconds, what in steps:
        now += seconds * 1_000_000
        project.at(now)
        if what == "tick":
            project.scheduler.tick()
        elif what == "other":
            other.tick()
        else:
            with project.kit.store.write() as tx:
                row = tx.workflows(["w"])[0]
                settle(tx, [row], _ulid)
    project.scheduler.tick()

    fired = [one.fire_at for one in project.instances(workflow)]
    assert fired == list(range(START, now + 1, 600_000_000))
    project.kit.store.close()


def test_the_mark_of_a_disabled_workflow_stays(project):
    workflow = project.workflow()
    with project.kit.store.write() as tx:
        tx.set_workflow_state(workflow, WorkflowState.DISABLED, Mark(last_fire_at=None, next_fire_at=None, due_at=None))
    assert project.tick(TWO + DAY) == (0, 0)


def test_a_workflow_that_cannot_be_read_says_so(project):
    with pytest.raises(MtctlError), project.kit.store.write() as tx:
        tx.drop_workflow(12345)
