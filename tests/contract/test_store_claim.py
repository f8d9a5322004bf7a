"""A claim of the task that was looked at before is the same claim, only cheaper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, kit_at, new_instance, noop

from mtctl.core.states import Outcome, TaskState, Transition

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.ports import Claimed


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return kit_at(tmp_path)


def _claim_known(kit: Kit, ulid: str) -> Claimed:
    with kit.store.write() as tx:
        claimed = tx.claim(kit.holder, attempt_ulid=ulid, instance_id=None, task=tx.next_task(None))
    assert claimed is not None
    return claimed


def test_a_known_task_comes_as_a_look_after_the_claim_tells_it(kit: Kit) -> None:
    spec = {"waits": True, "zone": "UTC"}
    one = kit.add(noop(0, spec=spec, timeout=5_000_000, retry_lost=False), variables={"a": "1"})
    claimed = _claim_known(kit, "A" * 26)
    [seen] = kit.tasks(one)
    assert claimed.task == seen
    assert claimed.task.state is TaskState.RUNNING
    assert claimed.task.holder == "refresh"
    assert (claimed.spec, claimed.variables) == (spec, {"a": "1"})


def test_a_second_try_tells_nothing_of_the_first(kit: Kit) -> None:
    one = kit.add(noop(0))
    kit.end(kit.claim(None), Outcome.FAILED)
    kit.clock.advance(3_600)
    claimed = _claim_known(kit, "B" * 26)
    [seen] = kit.tasks(one)
    assert claimed.task == seen
    assert (claimed.task.tries, claimed.task.error_code, claimed.task.why) == (2, None, "")


def test_both_claims_write_the_same(kit: Kit) -> None:
    rows = []
    for known in (False, True):
        one = kit.add(noop(0))
        if known:
            claimed = _claim_known(kit, "C" * 26)
        else:
            found = kit.claim(one)
            assert found is not None
            claimed = found
        tasks = kit.sql("SELECT state, tries, started_at, why FROM task_instance WHERE instance_id = ?", one)
        instances = kit.sql("SELECT state, started_at, ended_at FROM workflow_instance WHERE instance_id = ?", one)
        events = kit.sql("SELECT kind, actor, detail FROM event WHERE instance_id = ? ORDER BY event_id", one)
        attempts = kit.sql(
            "SELECT number, holder_id, pinned_snapshot, lease_until, started_at FROM attempt WHERE attempt_id = ?",
            claimed.attempt_id,
        )
        rows.append((tasks, instances, events, attempts, claimed.snapshot_id))
        kit.end(claimed)
    assert rows[0] == rows[1]


def test_a_holder_that_was_ended_claims_no_known_task_either(kit: Kit) -> None:
    kit.add(noop(0))
    with kit.store.write() as tx:
        tx.end_holder(kit.holder)
    with kit.store.write() as tx:
        assert tx.claim(kit.holder, attempt_ulid="D" * 26, instance_id=None, task=tx.next_task(None)) is None


def test_a_retried_instance_starts_again_without_its_end(kit: Kit) -> None:
    with kit.store.write() as tx:
        one = tx.add_instance(new_instance(noop(0)))
    kit.end(kit.claim(None), Outcome.FAILED, retryable=False)
    [failed] = kit.tasks(one)
    back = Transition(task_id=failed.task_id, from_state=TaskState.FAILED, to_state=TaskState.CREATED)
    with kit.store.write() as tx:
        tx.apply((back,))
        tx.advance(one)
    _claim_known(kit, "E" * 26)
    assert kit.sql("SELECT state, ended_at FROM workflow_instance WHERE instance_id = ?", one) == [("running", None)]
