"""From what happens to who is told, over the real store: once each, and a broken channel is in nobody's way."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pytest
from fakes import FakeClock

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.notices import ProjectRule
from mtctl.core.states import Outcome, TaskState, Transition, Trigger, WorkflowState
from mtctl.core.workflow import CommandSpec, NoticeRule, Occasion, TaskKind, WorkflowDefinition, WorkflowTask
from mtctl.ports import NewInstance, NewTask, NewWorkflow
from mtctl.services.notices import MOST_TRIES, NEWS, Notices
from mtctl.services.telling import Teller
from mtctl.store.connection import create, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mtctl.ports import Message
    from mtctl.store.sqlite import SqliteStore

MINUTE = 60_000_000
EVERY = tuple(Occasion)


@dataclass
class FakeChannel:
    """Keeps what it is told, or raises."""

    told: list[Message] = field(default_factory=list)
    trouble: Exception | None = None
    asked: int = 0
    gate: threading.Event | None = None

    def send(self, message: Message, now: int) -> None:  # noqa: ARG002 - as channels are asked
        self.asked += 1
        if self.gate is not None:
            self.gate.wait(30)
        if self.trouble is not None:
            raise self.trouble
        self.told.append(message)


def unreachable() -> MtctlError:
    return MtctlError("channel_unreachable", "nobody there", kind=Kind.BUSY)


def refused() -> MtctlError:
    return MtctlError("notice_refused", "400: no", kind=Kind.FAILED)


@dataclass
class Kit:
    """A project's store with one workflow whose instances run by hand."""

    store: SqliteStore
    clock: FakeClock
    path: Path
    holder: int
    channels: dict[str, FakeChannel]
    rules: tuple[ProjectRule, ...] = ()
    on: tuple[Occasion, ...] = ()
    serial: count[int] = field(default_factory=lambda: count(1))

    def notices(self, store: SqliteStore | None = None, *, seconds: float = 5.0) -> Notices:
        return Notices(
            store or self.store,
            self.clock,
            project="shop",
            rules=self.rules,
            channels=tuple(self.channels),
            open_channel=self.channels.__getitem__,
            seconds=seconds,
        )

    def workflow(self, *, on: tuple[Occasion, ...] = EVERY, task_on: tuple[Occasion, ...] = (), **more: object) -> int:
        self.on = on
        task = WorkflowTask(
            name="load",
            kind=TaskKind.COMMAND,
            spec=CommandSpec(argv=("true",)),
            tags=(("pii", "yes"),),
            notify=(NoticeRule(channel="ops", on=task_on),) if task_on else (),
        )
        rules = (NoticeRule(channel="ops", on=on),) if on else ()
        definition = WorkflowDefinition(name="nightly", tasks=(task,), zone="UTC", notify=rules)
        with self.store.write() as tx:
            new = NewWorkflow(definition=definition, state=WorkflowState.ENABLED, origin="command", **more)
            return tx.put_workflow(new)

    def instance(self, workflow_id: int | None, *, tries: int = 1, **more: object) -> int:
        on = self.on if workflow_id is not None else ()
        task = NewTask(key=0, name="load", kind=TaskKind.COMMAND, max_tries=tries)
        asked = NewInstance(
            ulid=f"I{next(self.serial):025d}",
            title="run nightly",
            trigger=Trigger.MANUAL,
            manifest={},
            tasks=(task,),
            holder_id=self.holder,
            detached=False,
            workflow_id=workflow_id,
            version=None if workflow_id is None else 1,
            notify=(("ops", tuple(on)),) if on else (),
            **more,
        )
        with self.store.write() as tx:
            return tx.add_instance(asked)

    def run(self, instance_id: int, outcome: Outcome, to: TaskState) -> None:
        """One try of the instance's task."""
        with self.store.write() as tx:
            claimed = tx.claim(self.holder, attempt_ulid=f"A{next(self.serial):025d}", instance_id=instance_id)
        assert claimed is not None
        move = Transition(
            task_id=claimed.task.task_id,
            from_state=TaskState.RUNNING,
            to_state=to,
            attempt_id=claimed.attempt_id,
            outcome=outcome,
        )
        with self.store.write() as tx:
            error = ("command_exit", "exit code 3") if outcome is Outcome.FAILED else ("", "")
            assert tx.finish(claimed, outcome, error_code=error[0], error=error[1], transition=move)

    def fail(self, instance_id: int) -> None:
        self.run(instance_id, Outcome.FAILED, TaskState.FAILED)

    def succeed(self, instance_id: int) -> None:
        self.run(instance_id, Outcome.SUCCESS, TaskState.SUCCESS)

    def retry(self, instance_id: int) -> None:
        with self.store.write() as tx:
            [task] = tx.tasks(instance_id)
            tx.apply([Transition(task_id=task.task_id, from_state=task.state, to_state=TaskState.CREATED)])
            tx.advance(instance_id)

    def made(self) -> list[str]:
        """Every notice there is: occasion and what it is about, in the order they were made."""
        found = self.store._connection.execute("SELECT channel, occasion, key FROM notice ORDER BY notice_id")
        return [f"{channel}:{occasion}" for channel, occasion, _ in found]

    def row(self) -> tuple[int, int | None, int | None, str | None]:
        """Tries, next_at, sent_at and error of the only notice."""
        [found] = self.store._connection.execute("SELECT tries, next_at, sent_at, error FROM notice").fetchall()
        return found


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    clock = FakeClock()
    path = tmp_path / ".mtctl" / "state.db"
    store = create(path, clock, "shop", str(tmp_path / "lake" / "data"))
    with store.write() as tx:
        holder = tx.add_holder(ulid="H" * 26, kind="cli", pid=1, pid_started=1, command="run")
    made = Kit(store, clock, path, holder, {"ops": FakeChannel(), "all": FakeChannel()})
    made.notices().gather()  # from here on
    yield made
    store.close()


def test_start_failure_and_recovery_are_told_in_order(kit: Kit) -> None:
    workflow_id = kit.workflow()
    kit.fail(kit.instance(workflow_id))
    kit.succeed(kit.instance(workflow_id))
    kit.succeed(kit.instance(workflow_id))
    assert kit.notices().gather() == 6
    assert kit.made() == ["ops:start", "ops:failure", "ops:start", "ops:recovery", "ops:start", "ops:success"]
    report = kit.notices().send_due()
    assert (report.sent, report.postponed, report.given_up) == (6, 0, 0)
    told = [one.occasion for one in kit.channels["ops"].told]
    assert told == ["start", "failure", "start", "recovery", "start", "success"]
    failure = kit.channels["ops"].told[1]
    assert "- load [command_exit] exit code 3" in failure.text
    assert kit.notices().send_due().sent == 0


def test_a_try_that_is_repeated_is_no_failure(kit: Kit) -> None:
    instance_id = kit.instance(kit.workflow(), tries=3)
    kit.run(instance_id, Outcome.FAILED, TaskState.PENDING)
    kit.run(instance_id, Outcome.LOST, TaskState.PENDING)
    kit.succeed(instance_id)
    kit.notices().gather()
    assert kit.made() == ["ops:start", "ops:success"]


def test_a_cancelled_instance_says_nothing_and_hides_no_failure(kit: Kit) -> None:
    workflow_id = kit.workflow(on=(Occasion.FAILURE, Occasion.RECOVERY))
    kit.fail(kit.instance(workflow_id))
    kit.run(kit.instance(workflow_id), Outcome.CANCELLED, TaskState.CANCELLED)
    kit.succeed(kit.instance(workflow_id))
    kit.notices().gather()
    assert kit.made() == ["ops:failure", "ops:recovery"]


def test_what_was_retried_by_hand_and_ends_well_is_a_recovery(kit: Kit) -> None:
    instance_id = kit.instance(kit.workflow())
    kit.fail(instance_id)
    kit.retry(instance_id)
    kit.succeed(instance_id)
    kit.notices().gather()
    assert kit.made() == ["ops:start", "ops:failure", "ops:recovery"]


def test_an_instance_that_flaps_is_told_of_once(kit: Kit) -> None:
    instance_id = kit.instance(kit.workflow())
    for _ in range(30):
        kit.fail(instance_id)
        kit.notices().gather()
        kit.retry(instance_id)
    assert kit.made() == ["ops:start", "ops:failure"]


def test_the_state_told_is_that_of_the_event(kit: Kit) -> None:
    instance_id = kit.instance(kit.workflow())
    kit.fail(instance_id)
    kit.retry(instance_id)  # nobody has looked meanwhile
    kit.notices().gather()
    assert kit.made() == ["ops:start", "ops:failure"]


def test_a_task_tells_by_its_own_rule_and_by_its_tag(kit: Kit) -> None:
    kit.rules = (ProjectRule(channel="all", on=(Occasion.FAILURE,), tag="pii=yes"),)
    workflow_id = kit.workflow(on=(), task_on=(Occasion.FAILURE, Occasion.RECOVERY))
    kit.fail(kit.instance(workflow_id))
    kit.succeed(kit.instance(workflow_id))
    kit.notices().gather()
    assert kit.made() == ["ops:failure", "all:failure", "ops:recovery"]
    kit.notices().send_due()
    assert kit.channels["all"].told[0].subject == "[shop] nightly: load failed"


def test_a_rule_of_the_project_tells_of_workflows_by_name(kit: Kit) -> None:
    kit.rules = (ProjectRule(channel="all", on=(Occasion.FAILURE,), workflow="night*"),)
    kit.fail(kit.instance(kit.workflow(on=())))
    kit.fail(kit.instance(None))  # a command of a person, who sees its end
    kit.notices().gather()
    assert kit.made() == ["all:failure"]


def test_who_has_never_looked_is_not_told_of_the_past(kit: Kit) -> None:
    kit.store._connection.execute("DELETE FROM reader_mark")
    workflow_id = kit.workflow()
    kit.fail(kit.instance(workflow_id))
    assert kit.notices().gather() == 0
    kit.fail(kit.instance(workflow_id))
    assert kit.notices().gather() == 2


def test_what_happened_long_ago_is_no_news(kit: Kit) -> None:
    kit.fail(kit.instance(kit.workflow()))
    kit.clock.advance(NEWS / 1e6 + 1)
    assert kit.notices().gather() == 0


def test_many_events_are_read_to_the_end(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtctl.services.notices._BATCH", 3)
    workflow_id = kit.workflow()
    for _ in range(5):
        kit.fail(kit.instance(workflow_id))
    assert kit.notices().gather() == 10


def test_two_processes_that_look_and_send_tell_each_thing_once(kit: Kit) -> None:
    workflow_id = kit.workflow()
    for _ in range(4):
        kit.fail(kit.instance(workflow_id))

    def work(made: list[int], sent: list[int]) -> None:
        store = open_store(kit.path, kit.clock)
        try:
            made.append(kit.notices(store).gather())
            sent.append(kit.notices(store).send_due().sent)
        finally:
            store.close()

    made: list[int] = []
    sent: list[int] = []
    threads = [threading.Thread(target=work, args=(made, sent)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.append(kit.notices().send_due().sent)
    assert (sum(made), sum(sent)) == (8, 8)
    told = [message.key for message in kit.channels["ops"].told]
    assert len(told) == len(set(told)) == 8


# --- late -----------------------------------------------------------------------------------------------------------


def test_an_instance_that_does_not_begin_is_late_once(kit: Kit) -> None:
    now = kit.clock.now()
    kit.instance(kit.workflow(), logical_date=now - MINUTE, fire_at=now, rank=1)
    assert kit.notices().late() == 0
    kit.clock.advance(61)
    assert kit.notices().late() == 1
    assert kit.notices().late() == 0
    assert kit.made() == ["ops:late"]


def test_what_has_begun_or_catches_up_is_not_late(kit: Kit) -> None:
    workflow_id = kit.workflow()
    now = kit.clock.now()
    begun = kit.instance(workflow_id, logical_date=now - 2 * MINUTE, fire_at=now - MINUTE, rank=1)
    kit.fail(begun)
    kit.instance(workflow_id, logical_date=now - MINUTE, fire_at=now, rank=2)
    kit.clock.advance(120)
    assert kit.notices().late() == 0


def test_a_fire_that_nobody_made_is_late(kit: Kit) -> None:
    now = kit.clock.now()
    kit.rules = (ProjectRule(channel="all", on=(Occasion.LATE,)),)
    kit.workflow(on=(), task_on=(Occasion.LATE,), next_fire_at=now, due_at=now + MINUTE)
    kit.clock.advance(119)
    assert kit.notices().late() == 0
    kit.clock.advance(2)
    assert kit.notices().late() == 2
    assert kit.made() == ["ops:late", "all:late"]


# --- sending --------------------------------------------------------------------------------------------------------


def one_failure(kit: Kit, **channel: object) -> FakeChannel:
    kit.channels["ops"] = FakeChannel(**channel)  # type: ignore[arg-type]
    kit.fail(kit.instance(kit.workflow(on=(Occasion.FAILURE,))))
    kit.notices().gather()
    return kit.channels["ops"]


def test_a_failed_sending_is_tried_again_later_and_given_up_after_ten_tries(kit: Kit) -> None:
    channel = one_failure(kit, trouble=unreachable())
    waits = []
    while (report := kit.notices().send_due()).postponed:
        tries, next_at, _, error = kit.row()
        assert error == "nobody there"
        assert tries == channel.asked
        assert next_at is not None
        waits.append((next_at - kit.clock.now()) / 1e6)
        assert kit.notices().send_due().postponed == 0  # not before its time
        kit.clock.advance(waits[-1])
    assert report.given_up == 1
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900, 900]
    assert channel.asked == MOST_TRIES
    assert kit.row() == (MOST_TRIES, None, None, "nobody there")
    kit.clock.advance(86_400)
    assert kit.notices().send_due().sent == 0


def test_a_channel_that_works_again_is_told(kit: Kit) -> None:
    channel = one_failure(kit, trouble=unreachable())
    kit.notices().send_due()
    channel.trouble = None
    kit.clock.advance(30)
    assert kit.notices().send_due().sent == 1
    tries, next_at, sent_at, error = kit.row()
    assert (tries, next_at, sent_at, error) == (2, None, kit.clock.now(), None)


def test_a_broken_channel_is_asked_once_a_round_and_others_are_told(kit: Kit) -> None:
    kit.rules = (ProjectRule(channel="all", on=(Occasion.FAILURE,)),)
    workflow_id = kit.workflow(on=(Occasion.FAILURE,))
    for _ in range(15):
        kit.fail(kit.instance(workflow_id))
    kit.notices().gather()
    kit.channels["ops"].trouble = unreachable()
    report = kit.notices().send_due()
    assert (report.sent, report.postponed) == (15, 15)
    assert kit.channels["ops"].asked == 1


def test_one_message_that_is_refused_does_not_stop_the_next(kit: Kit) -> None:
    workflow_id = kit.workflow(on=(Occasion.FAILURE,))
    for _ in range(3):
        kit.fail(kit.instance(workflow_id))
    kit.notices().gather()
    kit.channels["ops"].trouble = refused()
    assert kit.notices().send_due().postponed == 3
    assert kit.channels["ops"].asked == 3


def test_a_channel_that_never_answers_is_left_behind(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtctl.services.notices._GRACE", 0.0)
    gate = threading.Event()
    channel = one_failure(kit, gate=gate)
    report = kit.notices(seconds=0.1).send_due()
    assert report.postponed == 1
    assert "no answer" in (kit.row()[3] or "")
    with kit.store.write() as tx:  # nothing is locked meanwhile
        tx.add_note("table_noted", actor="me")
    gate.set()
    assert channel.asked == 1


def test_a_bug_in_a_channel_is_kept_without_its_words(kit: Kit) -> None:
    one_failure(kit, trouble=RuntimeError("the password is hunter2hunter2"))
    assert kit.notices().send_due().postponed == 1
    assert "RuntimeError" in (kit.row()[3] or "")
    assert "hunter2" not in (kit.row()[3] or "")


def test_a_channel_that_is_gone_is_an_error_in_the_row(kit: Kit) -> None:
    one_failure(kit)
    del kit.channels["ops"]
    assert kit.notices().send_due().postponed == 1
    assert "there is no channel 'ops'" in (kit.row()[3] or "")


def test_a_round_ends_when_its_time_is_over_or_when_told(kit: Kit) -> None:
    one_failure(kit)
    stop = threading.Event()
    stop.set()
    assert kit.notices().send_due(stop=stop).sent == 0
    assert kit.notices().send_due(seconds=0).sent == 0
    assert kit.notices().send_due().sent == 1


def test_who_dies_while_sending_leaves_the_notice_to_others(kit: Kit) -> None:
    channel = one_failure(kit)
    assert kit.notices()._take() is not None  # and then dies
    assert kit.notices().send_due().sent == 0
    kit.clock.advance(61)
    assert kit.notices().send_due().sent == 1
    assert len(channel.told) == 1


def test_a_channel_is_tested_at_once_and_leaves_no_row(kit: Kit) -> None:
    found = kit.notices().test_channel("ops")
    assert found.error is None
    assert kit.channels["ops"].told[0].subject == "[shop] test of the channel ops"
    kit.channels["ops"].trouble = unreachable()
    trouble = kit.notices().test_channel("ops").error
    assert trouble is not None
    assert trouble.code == "channel_unreachable"
    assert kit.made() == []
    with pytest.raises(MtctlError, match="no channel"):
        kit.notices().test_channel("opps")


# --- the daemon's thread --------------------------------------------------------------------------------------------


def test_the_teller_tells_what_is_left_when_it_ends_and_says_trouble_once(kit: Kit) -> None:
    said: list[str] = []
    teller = Teller(lambda: nullcontext(kit.notices()), kit.clock, said.append)
    one_failure(kit)
    teller.close()  # never started: the last round is made all the same
    assert len(kit.channels["ops"].told) == 1

    def broken() -> nullcontext[Notices]:
        raise unreachable()

    teller = Teller(broken, kit.clock, said.append)
    for _ in range(3):
        teller.close()
    assert said == ["notices: nobody there"]


def test_the_teller_works_in_a_thread_of_its_own(kit: Kit) -> None:
    from contextlib import contextmanager

    from mtctl.clock import SystemClock

    gate = threading.Event()
    channel = one_failure(kit, gate=gate)

    @contextmanager
    def opened() -> Iterator[Notices]:
        store = open_store(kit.path, kit.clock)
        try:
            yield kit.notices(store)
        finally:
            store.close()

    teller = Teller(opened, SystemClock(), lambda _: None)
    teller.start()
    teller.poke()  # returns at once, however long the channel takes
    kit.succeed(kit.instance(None))  # work goes on
    gate.set()
    teller.close()
    assert len(channel.told) == 1
