"""Workflows in force: versions, marks, the workflow of a table, and fires that go in exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes import NOON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_kit import DAY, Kit, definition, kit_at, new_instance, noop, program, reopened, workflow

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.schedule import fires
from mtctl.core.states import InstanceState, Trigger, WorkflowState
from mtctl.core.values import replace
from mtctl.ports import Fired, Mark, NewInstance, NewWorkflow, SkippedFires, WorkflowRow

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.store.sqlite import SqliteStore

MIDNIGHT = NOON - NOON % DAY
"""The last midnight before the clock of the tests."""


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def row(kit: Kit, name: str) -> WorkflowRow:
    with kit.store.read() as view:
        return view.workflows([name])[0]


def scheduled(workflow_id: int, fire: int, *tasks: object, **changes: object) -> NewInstance:
    parts = {
        "workflow_id": workflow_id,
        "version": 1,
        "trigger": Trigger.SCHEDULE,
        "logical_date": fire - DAY,
        "fire_at": fire,
        "rank": 1,
    }
    return new_instance(*(tasks or (noop(),)), **(parts | changes))


def look(seen: WorkflowRow, now: int) -> Fired:
    """What somebody who saw the workflow at a moment makes of all that is due."""
    assert seen.definition.schedule is not None
    found = list(fires(seen.definition.schedule, seen.last_fire_at or seen.created_at, now))
    last = found[-1] if found else seen.last_fire_at
    following = next(fires(seen.definition.schedule, now, now + 3 * DAY))
    return Fired(
        workflow_id=seen.workflow_id,
        version=seen.version,
        instances=tuple(scheduled(seen.workflow_id, fire, version=seen.version) for fire in found),
        skipped=(),
        mark=Mark(last_fire_at=last, next_fire_at=following, due_at=following),
    )


def fire(store: SqliteStore, what: Fired) -> list[int]:
    with store.write() as tx:
        return tx.fire(what)


# --- in force -------------------------------------------------------------------------------------------------------


def test_a_workflow_is_told_as_it_was_put(kit):
    one = kit.workflow("nightly", program("x"), program("y", upstream=("x",)), schedule="0 2 * * *", priority=-3)

    found = row(kit, "NIGHTLY")

    assert found.workflow_id == one
    assert found.definition == workflow(
        "nightly", program("x"), program("y", upstream=("x",)), schedule="0 2 * * *", priority=-3
    )
    assert (found.state, found.version, found.origin, found.table_id) == (WorkflowState.ENABLED, 1, "command", None)
    assert (found.created_at, found.changed_at, found.last_fire_at) == (NOON, NOON, None)
    assert found.due_at == found.next_fire_at == MIDNIGHT + DAY + 2 * 3_600_000_000


def test_one_name_belongs_to_one_live_workflow_of_whatever_origin(kit):
    kit.put(definition("a"))
    taken = kit.workflow("b")

    for name in ("a", "B"):
        with pytest.raises(MtctlError) as caught:
            kit.workflow(name)
        assert (caught.value.code, caught.value.kind) == ("workflow_exists", Kind.CONFLICT)
    with pytest.raises(MtctlError, match="workflow b exists"):
        kit.put(definition("b"))

    with kit.store.write() as tx:
        tx.drop_workflow(taken)
    kit.workflow("b")
    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        tx.drop_workflow(taken)
    assert caught.value.code == "workflow_unknown"


def test_a_change_makes_a_version_and_keeps_the_mark(kit):
    one = kit.workflow("w", schedule="@daily")
    kit.clock.advance(86_400)
    fire(kit.store, look(row(kit, "w"), kit.clock.now()))
    before = row(kit, "w")
    changed = NewWorkflow(
        definition=replace(before.definition, retries=5),
        state=WorkflowState.ENABLED,
        origin="command",
        workflow_id=one,
        next_fire_at=before.next_fire_at,
        due_at=before.due_at,
    )
    for _ in range(2):
        with kit.store.write() as tx:
            assert tx.put_workflow(changed) == one

    after = row(kit, "w")
    assert (after.version, after.definition.retries) == (2, 5), "the same meaning twice is one version"
    assert (after.last_fire_at, after.due_at) == (before.last_fire_at, before.due_at)
    with kit.store.read() as view:
        assert [(number, what.retries) for number, what, _ in view.workflow_versions(one)] == [(1, 2), (2, 5)]


def test_enabling_and_disabling_say_whether_anything_changed(kit):
    one = kit.workflow("w", schedule="@daily")
    off = Mark(last_fire_at=None, next_fire_at=None, due_at=None)
    with kit.store.write() as tx:
        assert tx.set_workflow_state(one, WorkflowState.DISABLED, off) is True
        assert tx.set_workflow_state(one, WorkflowState.DISABLED, off) is False
        assert tx.next_due() is None
        on = Mark(last_fire_at=MIDNIGHT, next_fire_at=MIDNIGHT + DAY, due_at=MIDNIGHT + DAY + 5)
        assert tx.set_workflow_state(one, WorkflowState.ENABLED, on) is True
        assert tx.next_due() == MIDNIGHT + DAY + 5
        back = replace(on, last_fire_at=MIDNIGHT - DAY)
        tx.set_workflow_state(one, WorkflowState.COMPLETED, back)
    assert row(kit, "w").last_fire_at == MIDNIGHT, "the mark never goes back"
    with pytest.raises(MtctlError, match="no workflow"), kit.store.write() as tx:
        tx.set_workflow_state(99, WorkflowState.DISABLED, off)


def test_workflow_files_are_known_by_name(kit):
    one = kit.workflow("w")
    with kit.store.write() as tx:
        tx.touch_workflow_file(one, file="workflows/w.toml", sha256="ab", size=7, mtime_ns=9)
        assert tx.applied_workflow_files() == {"workflows/w.toml": (one, "ab", 7, 9)}
        assert tx.workflows()[0].origin == "file"


# --- the workflow of a table ----------------------------------------------------------------------------------------


def test_an_unchanged_schedule_keeps_the_mark_and_the_next_fire(kit):
    table = kit.put(definition("a", schedule="0 6 * * *"))["a"]
    first = row(kit, "a")
    kit.clock.advance(2 * 86_400)
    fire(kit.store, look(first, kit.clock.now()))
    before = row(kit, "a")

    kit.change(table, definition("a", schedule="0 6 * * *", comment="words", fingerprint="f2"))

    after = row(kit, "a")
    assert after.last_fire_at == before.last_fire_at == MIDNIGHT + 2 * DAY + 6 * 3_600_000_000
    assert (after.next_fire_at, after.due_at) == (before.next_fire_at, before.due_at)


def test_a_new_schedule_begins_now(kit):
    table = kit.put(definition("a"))["a"]
    assert row(kit, "a").due_at is None
    kit.clock.advance(10 * 86_400)

    kit.change(table, definition("a", schedule="@hourly"))

    found = row(kit, "a")
    assert found.state is WorkflowState.ENABLED
    assert found.last_fire_at is None
    assert kit.clock.now() < found.due_at <= kit.clock.now() + 3_600_000_000


def test_a_table_that_loses_its_schedule_fires_no_more(kit):
    table = kit.put(definition("a", schedule="@hourly"))["a"]
    assert row(kit, "a").last_fire_at is None, "nothing has fired yet"
    kit.change(table, definition("a"))

    found = row(kit, "a")
    assert (found.state, found.due_at, found.definition.schedule) == (WorkflowState.DISABLED, None, None)
    assert found.definition.table == "a"


def test_due_workflows_come_by_how_long_they_are_due(kit):
    kit.workflow("b", schedule="@daily")
    kit.workflow("a", schedule="0 6 * * *")
    kit.workflow("c")
    with kit.store.read() as view:
        assert view.due_workflows(kit.clock.now(), 10) == []
        assert view.next_due() == MIDNIGHT + DAY
        assert [one.name for one in view.due_workflows(MIDNIGHT + 2 * DAY, 10)] == ["b", "a"]
        assert [one.name for one in view.due_workflows(MIDNIGHT + 2 * DAY, 1)] == ["b"]


# --- fires ----------------------------------------------------------------------------------------------------------


def test_a_fire_puts_in_instances_skips_and_the_mark_together(kit):
    one = kit.workflow("w", schedule="@daily")
    first, second, third = (MIDNIGHT + number * DAY for number in (1, 2, 3))
    what = Fired(
        workflow_id=one,
        version=1,
        instances=(scheduled(one, third, variables={"x": "ä"}, tags=(("k", "v"),)),),
        skipped=(SkippedFires(first_fire_at=first, last_fire_at=second, fires=2, reason="misfire latest"),),
        mark=Mark(last_fire_at=third, next_fire_at=third + DAY, due_at=third + DAY + 7),
    )

    (made,) = fire(kit.store, what)

    found = row(kit, "w")
    assert (found.last_fire_at, found.next_fire_at, found.due_at) == (third, third + DAY, third + DAY + 7)
    with kit.store.read() as view:
        (opened,) = view.open_instances(one)
        rows, skipped = view.history(one, 10)
        counted = view.workflows(["w"], counts=True)[0].counts
    assert (opened.instance_id, opened.fire_at, opened.started) == (made, third, False)
    assert skipped == [replace(what.skipped[0], at=kit.clock.now())]
    assert counted == ((InstanceState.PENDING, 1),)
    (told,) = rows
    assert (told.workflow, told.version, told.logical_date, told.fire_at) == ("w", 1, second, third)
    assert (told.variables, told.tags, told.rank) == ({"x": "ä"}, (("k", "v"),), 1)


def test_the_same_look_twice_fires_once(kit):
    kit.workflow("w", schedule="@daily")
    seen = row(kit, "w")
    kit.clock.advance(3 * 86_400)
    other = reopened(kit)

    assert len(fire(kit.store, look(seen, kit.clock.now()))) == 3
    assert fire(other, look(seen, kit.clock.now())) == []
    assert kit.sql("SELECT count(*) FROM workflow_instance") == [(3,)]


@pytest.mark.parametrize("verb", ["version", "disabled", "dropped"])
def test_a_look_at_what_is_no_longer_in_force_fires_nothing(kit, verb):
    one = kit.workflow("w", schedule="@daily")
    seen = row(kit, "w")
    kit.clock.advance(86_400)
    with kit.store.write() as tx:
        match verb:
            case "version":
                changed = replace(seen.definition, retries=9)
                tx.put_workflow(
                    NewWorkflow(definition=changed, state=WorkflowState.ENABLED, origin="command", workflow_id=one)
                )
            case "disabled":
                off = Mark(last_fire_at=None, next_fire_at=None, due_at=None)
                tx.set_workflow_state(one, WorkflowState.DISABLED, off)
            case "dropped":
                tx.drop_workflow(one)

    assert fire(kit.store, look(seen, kit.clock.now())) == []
    assert kit.sql("SELECT count(*) FROM workflow_instance") == [(0,)]


def test_an_instance_that_exists_is_left_out_without_a_word(kit):
    one = kit.workflow("w", schedule="@daily")
    first, second = MIDNIGHT + DAY, MIDNIGHT + 2 * DAY
    kit.add(noop(), workflow_id=one, trigger=Trigger.SCHEDULE, logical_date=first - DAY, fire_at=first)
    kit.add(noop(), key="k")
    what = Fired(
        workflow_id=one,
        version=1,
        instances=(scheduled(one, first), scheduled(one, second, key="k")),
        skipped=(),
        mark=Mark(last_fire_at=second, next_fire_at=None, due_at=None),
    )

    assert fire(kit.store, what) == []
    assert row(kit, "w").last_fire_at == second


def test_a_workflow_without_another_fire_is_completed(kit):
    one = kit.workflow("w", schedule="@daily")
    what = Fired(
        workflow_id=one,
        version=1,
        instances=(),
        skipped=(),
        mark=Mark(last_fire_at=MIDNIGHT + DAY, next_fire_at=None, due_at=None),
        completed=True,
    )

    fire(kit.store, what)

    assert row(kit, "w").state is WorkflowState.COMPLETED
    with kit.store.read() as view:
        assert view.next_due() is None


def test_a_manual_instance_may_have_the_logical_date_of_a_fire(kit):
    one = kit.workflow("w", schedule="@daily")
    kit.add(noop(), workflow_id=one, logical_date=MIDNIGHT, fire_at=MIDNIGHT + DAY)
    seen = row(kit, "w")
    kit.clock.advance(86_400)

    assert len(fire(kit.store, look(seen, kit.clock.now()))) == 1


def test_fired_finds_by_the_end_of_the_data_interval(kit):
    one = kit.workflow("w", schedule="@daily")
    seen = row(kit, "w")
    kit.clock.advance(6 * 86_400)
    fire(kit.store, look(seen, kit.clock.now()))

    def found(start: int, end: int) -> list[int]:
        with kit.store.read() as view:
            return [(each.fire_at - MIDNIGHT) // DAY for each in view.fired(one, MIDNIGHT + start, MIDNIGHT + end)]

    assert found(0, 10 * DAY) == [1, 2, 3, 4, 5, 6]
    assert found(2 * DAY, 4 * DAY) == [2, 3]
    assert found(2 * DAY + 1, 4 * DAY + 1) == [3, 4]
    assert found(20 * DAY, 40 * DAY) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.integers(0, 1)),
        st.tuples(st.just("fire"), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 3)),
        st.tuples(st.just("edit"), st.just(0)),
    ),
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_every_fire_is_made_exactly_once_however_two_interleave(tmp_path_factory, steps):
    kit = kit_at(tmp_path_factory.mktemp("fires"))
    one = kit.workflow("w", schedule="@daily")
    stores = (kit.store, reopened(kit))
    seen: dict[int, Fired] = {}
    for verb, number in [*steps, ("look", 0), ("fire", 0)]:
        match verb:
            case "look":
                with stores[number].read() as view:
                    seen[number] = look(view.workflows(["w"])[0], kit.clock.now())
            case "fire" if number in seen:
                fire(stores[number], seen[number])
            case "wait":
                kit.clock.advance(number * 86_400)
            case "edit":
                before = row(kit, "w")
                changed = NewWorkflow(
                    definition=replace(before.definition, retries=before.version),
                    state=WorkflowState.ENABLED,
                    origin="command",
                    workflow_id=one,
                    next_fire_at=before.next_fire_at,
                    due_at=before.due_at,
                )
                with kit.store.write() as tx:
                    tx.put_workflow(changed)

    made = [fire_at for (fire_at,) in kit.sql("SELECT fire_at FROM workflow_instance ORDER BY instance_id")]
    assert made == [MIDNIGHT + (number + 1) * DAY for number in range((kit.clock.now() - MIDNIGHT) // DAY)]
    for store in stores:
        store.close()
