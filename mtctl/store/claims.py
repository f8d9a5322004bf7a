"""Floor 2. Attempts: claimed, finished, kept alive, lost with their holder, and the pins of readers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.advance import MAX_LOST, Ending, settle
from mtctl.core.states import InstanceState, Outcome, TaskState
from mtctl.core.workflow import TaskKind
from mtctl.ports.changes import Claimed
from mtctl.store import rows, turns, work, work_rows
from mtctl.store.events import add_event, add_move
from mtctl.store.troubles import bug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import Table
    from mtctl.core.states import Transition
    from mtctl.ports.work import TaskRow
    from mtctl.store.session import Row, Session

OWNER_LOST = "owner lost"
"""Why the tasks of an undetached instance end with the process that asked for them."""

UNKNOWN_OUTCOME = "outcome unknown: its worker died, and it must not run twice"
"""Why a task that may not be tried again after a lost attempt has failed."""


def claim(
    session: Session, holder_id: int, *, attempt_ulid: str, instance_id: int | None, turn: TaskRow | None = None
) -> Claimed | None:
    """Take the task whose turn it is under a fresh attempt with a lease of 60 s; None when there is none.

    `turn` is that task where it is known already, as it stands.
    """
    task_id = turns.pick(session, instance_id) if turn is None else turn.task_id
    if task_id is None:
        return None

    attempt = {
        "task_id": task_id,
        "ulid": attempt_ulid,
        "holder_id": holder_id,
        "lease_until": session.lease_until,
        "boot_id": session.boot_id,
        "now": session.now,
    }
    added = session.row("work.add_attempt", attempt)
    if added is None:
        return None  # the holder was ended by a sweep: it has to notice and stop
    return _claimed(session, attempt | {"attempt_id": added[0], "snapshot": added[1]}, turn)


def finish(
    session: Session,
    held: Claimed,
    outcome: Outcome,
    error: tuple[str, str],
    transition: Transition,
    rows_out: int | None = None,
) -> bool:
    """End an attempt that did not publish (`error` is code and text) and move its task; False when it is not mine.

    What follows for the other tasks is done in the same transaction. A refresh succeeds by publishing only.
    """
    if outcome is Outcome.SUCCESS and held.task.kind is TaskKind.REFRESH:
        raise bug("finish_unpublished", f"task {held.task.task_id} refreshes a table and has not published")
    bindings = {
        "attempt_id": held.attempt_id,
        "ulid": held.attempt_ulid,
        "outcome": outcome.value,
        "rows": rows_out,
        "error_code": error[0] or None,
        "error": error[1] or None,
        "now": session.now,
    }
    ended = session.row("work.finish_attempt", bindings)
    if ended is None:
        return False
    work.apply(session, [transition], is_attempt_ended=True)
    match transition.to_state:
        case TaskState.SUCCESS | TaskState.SKIPPED:
            if ended[0]:
                work.advance_below(session, transition.task_id)
        case TaskState.PENDING:
            _let_go_of_dropped(session, held.task)
        case _:
            work.advance_instance(session, held.task.instance_id)
            _let_go_of_dropped(session, held.task)
    return True


def beat(session: Session, holder_id: int) -> list[int] | None:
    """Renew the leases and pins of a holder; return the attempts that are still its own, None when it was ended."""
    lease = {"holder_id": holder_id, "lease_until": session.lease_until, "boot_id": session.boot_id}
    if not session.run("leases.beat_holder", {"holder_id": holder_id, "boottime": session.boottime}):
        return None
    session.run("leases.beat_leases", lease)
    session.run("leases.beat_pins", lease)
    return [attempt_id for (attempt_id,) in session.rows("leases.beat_attempts", lease)]


def lose(session: Session, holder_id: int) -> None:
    """End the open attempts of a dead holder as `lost`, settle their tasks and end the holder.

    Instances that a person waited for are cancelled (owner lost); detached ones lose their owner and go on.
    """
    instances: dict[int, None] = {}
    for row in session.rows("leases.open_attempts", {"holder_id": holder_id}):
        work.apply(session, [settle(_lost(row), session.now)])
        instances[row[5]] = None

    for instance_id, detached in session.rows("leases.owned_instances", {"holder_id": holder_id}):
        if detached:
            session.run("leases.disown", {"instance_id": instance_id})
            continue
        session.run("work.request_cancel", {"instance_id": instance_id, "now": session.now})
        work.cancel_idle(session, instance_id, OWNER_LOST)
    for instance_id in instances:
        work.advance_instance(session, instance_id)

    end_holder(session, holder_id)
    add_event(session, "holder_lost", holder=holder_id)


def end_holder(session: Session, holder_id: int) -> None:
    """Mark a holder as gone; its pins, roles and process groups go with it."""
    session.run("leases.drop_pins", {"holder_id": holder_id})
    session.run("leases.drop_leases", {"holder_id": holder_id})
    session.run("leases.drop_groups", {"holder_id": holder_id})
    session.run("leases.end_holder", {"holder_id": holder_id, "now": session.now})


def _claimed(session: Session, attempt: Mapping[str, Any], turn: TaskRow | None) -> Claimed:
    """Let the task and its instance run, and return the claim as its holder sees it."""
    task_id, attempt_id = attempt["task_id"], attempt["attempt_id"]
    instance_id, table_id, tries, began = _found(session.row("work.take", attempt))
    instance = {"instance_id": instance_id, "holder_id": attempt["holder_id"], "now": session.now}
    requested_at, variables, cancelled, state, started, holder = _found(session.row("work.requested", instance))
    add_move(
        session,
        "task_state",
        TaskState.PENDING.value,
        TaskState.RUNNING.value,
        table_id=table_id,
        instance_id=instance_id,
        task_id=task_id,
        attempt_id=attempt_id,
    )
    if state != InstanceState.RUNNING or not started:
        session.run("work.start_instance", instance)
    if state != InstanceState.RUNNING:
        add_move(session, "instance_state", state, InstanceState.RUNNING.value, instance_id=instance_id)

    if turn is None:
        task = work_rows.task(_found(session.row("views.task", {"task_id": task_id})))
    else:
        task = work_rows.running(turn, attempt_id, tries=tries, started_at=began, holder=holder)
    return Claimed(
        attempt_id=attempt_id,
        attempt_ulid=attempt["ulid"],
        task=task,
        snapshot_id=attempt["snapshot"],
        requested_at=requested_at,
        table_or_none=_table_of(session, task),
        spec=task.spec,
        variables={} if variables == "{}" else json.loads(variables),
        cancel_requested=bool(cancelled),
    )


def _lost(row: Row) -> Ending:
    """Return how a try ended whose holder died: what may not run twice has no other try."""
    attempt_id, task_id, tries, max_tries, cancelled, _, lost, retry_lost, dropped = row
    why = "lost its holder"
    if dropped:
        why = "table dropped"
    elif not retry_lost:
        why = UNKNOWN_OUTCOME
    elif lost >= MAX_LOST:
        why = f"quarantined: {lost} workers died with it"
    return Ending(
        task_id=task_id,
        attempt_id=attempt_id,
        outcome=Outcome.LOST,
        tries=tries,
        max_tries=max_tries if retry_lost else tries,
        lost=lost,
        cancel_requested=bool(cancelled or dropped),
        why=why,
    )


def _let_go_of_dropped(session: Session, task: TaskRow) -> None:
    """Cancel the other tries of a task whose table was dropped meanwhile: nobody could ever claim it."""
    if task.table_id is not None and session.value("tables.is_live", {"table_id": task.table_id}) is None:
        work.cancel_tasks_of(session, [task.table_id], "table dropped")


def _table_of(session: Session, task: TaskRow) -> Table | None:
    """Return the table that a task refreshes; dropped ones too: an attempt may outlive its table."""
    if task.table_id is None:
        if task.kind is TaskKind.REFRESH:
            raise bug("task_without_table", f"task {task.task_id} has no table")
        return None
    return rows.table(_found(session.row("tables.table", {"table_id": task.table_id})))


def _found(row: Row | None) -> Row:
    if row is None:
        raise bug("row_missing", "a row that must exist is missing")
    return row
