"""Queues are made, changed and deleted; notices are kept and told once; verbs of persons leave their line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, day, definition, kit_at, noop, program, reopened

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.workflow import Occasion

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def put(kit: Kit, name: str, slots: int = 1, memory: str | None = None, threads: int | None = None) -> bool:
    with kit.store.write() as tx:
        return tx.put_queue(name, slots=slots, memory=memory, threads=threads)


def delete(kit: Kit, name: str) -> None:
    with kit.store.write() as tx:
        tx.delete_queue(name)


def test_a_queue_is_new_once_and_then_changed(kit):
    assert put(kit, "big", 2, "4GB", 3) is True
    assert put(kit, "big", 5) is False

    with kit.store.read() as view:
        big = view.queues()[0]
    assert (big.name, big.slots, big.memory, big.threads) == ("big", 5, None, None)


@pytest.mark.parametrize("verb", ["pause", "delete"])
def test_a_queue_that_is_not_there_is_not_found(kit, verb):
    with pytest.raises(MtctlError) as caught, kit.store.write() as tx:
        _ = tx.pause_queue("no", paused=True, why="") if verb == "pause" else tx.delete_queue("no")
    assert (caught.value.code, caught.value.kind) == ("queue_unknown", Kind.NOT_FOUND)


def test_a_queue_in_use_cannot_be_deleted(kit):
    put(kit, "q")
    one = kit.add(noop(queue="q"))
    with pytest.raises(MtctlError, match="open work") as caught:
        delete(kit, "q")
    assert (caught.value.code, caught.value.kind) == ("queue_in_use", Kind.CONFLICT)
    kit.end(kit.claim(one))

    named = kit.workflow("w", program("p", queue="q"))
    with pytest.raises(MtctlError, match="workflow w"):
        delete(kit, "q")
    with kit.store.write() as tx:
        tx.drop_workflow(named)
    delete(kit, "q")

    with kit.store.read() as view:
        assert [found.name for found in view.queues()] == ["default"]
        assert view.tasks(one)[0].queue == "q", "history stays"
    with pytest.raises(MtctlError, match="there is no queue q"):
        kit.add(noop(queue="q"))
    with pytest.raises(MtctlError, match="default"):
        delete(kit, "default")
    assert put(kit, "q") is True


def test_a_text_that_only_looks_like_the_queue_is_no_use_of_it(kit):
    put(kit, "q")
    kit.workflow("w", program("q"))

    delete(kit, "q")


# --- events and notices ---------------------------------------------------------------------------------------------


def test_a_persons_verb_leaves_a_line_with_its_name(kit):
    one = kit.add(noop())
    with kit.store.write() as tx:
        tx.add_note("instance_cancel", actor="ada", instance_id=one, workflow_id=None, reason="wrong day")

    with kit.store.read() as view:
        note = view.events(one)[-1]
    assert (note.kind, note.actor, note.instance_id, note.detail) == (
        "instance_cancel",
        "ada",
        one,
        {"reason": "wrong day"},
    )


def test_events_are_read_on_from_a_mark(kit):
    kit.add(noop())
    with kit.store.write() as tx:
        assert tx.notice_mark("notices") is None
        found = tx.events_after(0, 100)
        assert [one.event_id for one in found] == sorted(one.event_id for one in found)
        assert tx.last_event() == found[-1].event_id
        tx.set_notice_mark("notices", found[0].event_id)
        assert tx.events_after(found[0].event_id, 1) == found[1:2]
        tx.set_notice_mark("notices", 0)
        assert tx.notice_mark("notices") == found[0].event_id, "it never goes back"


def test_a_notice_is_told_once(kit):
    def add(key: str, next_at: int) -> bool:
        with kit.store.write() as tx:
            return tx.add_notice(
                key=key, channel="ops", occasion=Occasion.FAILURE, body={"title": "ä"}, next_at=next_at
            )

    now = kit.clock.now()
    assert add("ops/failure/1", now) is True
    assert add("ops/failure/1", now) is False
    assert add("ops/failure/2", now - 5) is True
    assert add("ops/failure/3", now + 5) is True
    with kit.store.write() as tx:
        second, first = tx.due_notices(now, 9)
        assert (first.key, first.body, first.occasion, first.tries) == ("ops/failure/1", {"title": "ä"}, "failure", 0)
        tx.hold_notice(second.notice_id, now + 60)
        tx.notice_sent(first.notice_id)
        assert tx.due_notices(now, 9) == []
        tx.notice_failed(second.notice_id, "refused", now - 1)
        (again,) = tx.due_notices(now, 9)
        assert (again.tries, again.error) == (1, "refused")
        tx.notice_failed(second.notice_id, "refused again", None)
        tx.notice_failed(first.notice_id, "late trouble", now)
        assert tx.due_notices(now, 9) == [], "given up, and sent"
    assert kit.sql("SELECT tries, error, sent_at FROM notice ORDER BY notice_id") == [
        (1, None, now),
        (2, "refused again", None),
        (0, None, None),
    ]


def test_what_should_have_begun_is_found(kit):
    one = kit.workflow("w")
    waiting = kit.add(noop(), workflow_id=one, fire_at=100)
    kit.add(noop(), fire_at=90)
    begun = kit.add(noop(), workflow_id=one, fire_at=50)
    kit.claim(begun)

    with kit.store.read() as view:
        assert [found.instance_id for found in view.waiting_instances(101, 9)] == [waiting]
        assert view.waiting_instances(100, 9) == []


def test_a_change_by_somebody_else_shows_in_the_mark(kit):
    other = reopened(kit)
    before = other.change_mark()
    assert other.change_mark() == before
    kit.put(definition("a"))
    after = other.change_mark()
    assert after != before

    with other.write() as tx:
        tx.invalidate(1, tx.open_intervals(1), "x")
    assert other.change_mark() == after, "the own writes do not count"
    kit.refresh(1, {day(0): "x"})
    assert other.change_mark() != after
