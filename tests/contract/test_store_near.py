from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store_kit import Kit, kit_at

from mtctl.core.states import TaskState

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000_000_000
ULID = f"{7:026d}"
SECOND = 1_000_000


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    """One instance of twenty tasks, each tried twice; every fourth failed, the last one waits for the first."""
    kit = kit_at(tmp_path, NOW)
    with kit.store.write() as tx:
        run = tx.session.connection.execute
        run(
            "INSERT INTO holder (holder_id, ulid, kind, pid, pid_started, boot_id, command, beat_boottime, ended_at) "
            "VALUES (90, 'h', 'command', 1, 1, 'b', 'somebody', 0, 0)"
        )
        run(
            "INSERT INTO workflow_instance (instance_id, ulid, trigger, title, manifest, state, queue, created_at, "
            "started_at) VALUES (7, ?, 'manual', 'much', '{}', 'running', 'default', ?, ?)",
            (ULID, NOW, NOW),
        )
        for number in range(1, 21):
            state = "failed" if number % 4 == 0 else "success"
            run(
                "INSERT INTO task_instance (task_id, instance_id, name, kind, state, queue, tries, max_tries, "
                "ready_at, started_at, ended_at) VALUES (?, 7, ?, 'command', ?, 'default', 2, 2, ?, ?, ?)",
                (number, f"t{number}", state, NOW, NOW, NOW + number * SECOND),
            )
            for attempt, outcome in ((1, "failed"), (2, state)):
                error = f"broken {number}" if outcome == "failed" else None
                run(
                    "INSERT INTO attempt (ulid, task_id, number, holder_id, lease_until, boot_id, started_at, "
                    "ended_at, outcome, rows, error) VALUES (?, ?, ?, 90, 0, 'b', ?, ?, ?, ?, ?)",
                    (f"{number}-{attempt}", number, attempt, NOW, NOW + 1, outcome, 5, error),
                )
            run("INSERT INTO event (at, kind, instance_id, task_id) VALUES (?, 'task_state', 7, ?)", (NOW, number))
        run(
            "INSERT INTO task_instance (task_id, instance_id, name, kind, state, queue, ready_at, why) "
            "VALUES (21, 7, 'last', 'command', 'pending', 'default', ?, 'waits for a slot')",
            (NOW,),
        )
        run("INSERT INTO task_edge (upstream_id, task_id) VALUES (1, 21)")
    return kit


def test_windows_of_tasks_join_to_all_of_them(kit: Kit) -> None:
    with kit.store.read() as view:
        parts = [view.near().tasks(7, (), offset, 6) for offset in range(0, 24, 6)]
        failed = view.near().tasks(7, (TaskState.FAILED,), 0, 50)
        place = view.near().place(7, 21)
    assert [one.row.task_id for part in parts for one in part] == list(range(1, 22))
    assert [one.row.name for one in failed] == ["t4", "t8", "t12", "t16", "t20"]
    assert place == 20
    [first, *_] = parts[0]
    assert [(one.number, one.outcome) for one in first.tries] == [(1, "failed"), (2, "success")]
    last = parts[3][-1]
    assert last.ready_at == NOW + SECOND, "until the one above had ended, it did not wait for a turn"
    assert last.tries == ()


def test_an_instance_comes_with_its_numbers_and_its_first_failure(kit: Kit) -> None:
    with kit.store.read() as view:
        near = view.near().instance(ULID)
        assert view.near().instance("nobody") is None
        whole = view.instances_by_id([7])[7]
    assert near is not None
    assert sorted(near.row.tasks) == sorted(whole.tasks)
    assert near.row.rows == whole.rows == 15 * 5
    assert (near.failed_task, near.error) == ("t4", "broken 4")


def test_attempts_events_and_words_are_the_newest_and_no_more_than_asked(kit: Kit) -> None:
    with kit.store.read() as view:
        near = view.near()
        attempts, of_task = near.attempts(7, None, 5), near.attempts(7, 3, 5)
        events, of_one = near.events(7, None, 4), near.events(7, 9, 4)
        words = near.words(7, 50)
        assert near.definition(3) is None, "no refresh"
    assert [f"{one.task} {one.row.number}" for one in attempts] == ["t20 2", "t20 1", "t19 2", "t19 1", "t18 2"]
    assert [(one.task, one.row.number) for one in of_task] == [("t3", 2), ("t3", 1)]
    assert {one.row.holder for one in of_task} == {"somebody"}
    assert [one.task for one in events] == ["t20", "t19", "t18", "t17"]
    assert [one.task for one in of_one] == ["t9"]
    assert [(one.task, one.text) for one in words[:2]] == [("t4", "broken 4"), ("t8", "broken 8")]
    assert (words[-1].task, words[-1].text) == ("last", "waits for a slot")
