"""Floor 2. Attempts: claimed, finished, kept alive, lost with their holder, and the pins of readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.advance import Ending, settle
from mtctl.core.states import Outcome
from mtctl.ports.changes import Claimed
from mtctl.store import rows, work, work_rows
from mtctl.store.events import add_event
from mtctl.store.troubles import bug

if TYPE_CHECKING:
    from mtctl.core.model import Table
    from mtctl.core.states import Transition
    from mtctl.ports.work import TaskRow
    from mtctl.store.session import Row, Session

OWNER_LOST = "owner lost"
"""Why the tasks of an undetached instance end with the process that asked for them."""


def claim(session: Session, holder_id: int, *, attempt_ulid: str, instance_id: int | None) -> Claimed | None:
    """Take the next claimable task under a fresh attempt with a lease of 60 s; None when there is none."""
    asked = {
        "instance_id": instance_id,
        "now": session.now,
        "boottime": session.boottime,
        "boot_id": session.boot_id,
    }
    task_id = session.value("work.pick", asked)
    if task_id is None:
        return None

    snapshot: int = session.value("catalog.newest")
    attempt = {
        "task_id": task_id,
        "ulid": attempt_ulid,
        "holder_id": holder_id,
        "snapshot": snapshot,
        "lease_until": session.lease_until,
        "boot_id": session.boot_id,
        "now": session.now,
    }
    attempt_id: int | None = session.value("work.add_attempt", attempt)
    if attempt_id is None:
        return None  # the holder was ended by a sweep: it has to notice and stop
    _take(session, task_id, attempt_id)
    return claimed(session, attempt_id, attempt_ulid, task_id, snapshot)


def finish(session: Session, held: Claimed, outcome: Outcome, error: tuple[str, str], transition: Transition) -> bool:
    """End an attempt that did not publish (`error` is code and text) and move its task; False when it is not mine.

    Tasks that wait for this one follow in the same transaction.
    """
    bindings = {
        "attempt_id": held.attempt_id,
        "ulid": held.attempt_ulid,
        "outcome": outcome.value,
        "error_code": error[0] or None,
        "error": error[1] or None,
        "now": session.now,
    }
    if not session.run("work.fail_attempt", bindings):
        return False
    work.apply(session, [transition])
    work.advance_instance(session, held.task.instance_id)
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
        instances[row[-1]] = None

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
    """Mark a holder as gone; its pins and roles go with it."""
    session.run("leases.drop_pins", {"holder_id": holder_id})
    session.run("leases.drop_leases", {"holder_id": holder_id})
    session.run("leases.end_holder", {"holder_id": holder_id, "now": session.now})


def claimed(session: Session, attempt_id: int, ulid: str, task_id: int, snapshot: int) -> Claimed:
    """Return a claim as its holder sees it."""
    task = work_rows.task(_found(session.row("views.task", {"task_id": task_id})))
    return Claimed(
        attempt_id=attempt_id,
        attempt_ulid=ulid,
        task=task,
        table=_table_of(session, task),
        snapshot_id=snapshot,
        requested_at=session.value("work.requested_at", {"instance_id": task.instance_id}),
    )


def _take(session: Session, task_id: int, attempt_id: int) -> None:
    bindings = {"task_id": task_id, "attempt_id": attempt_id, "now": session.now}
    instance_id, table_id = _found(session.row("work.take", bindings))
    session.run("work.start_instance", {"instance_id": instance_id, "now": session.now})
    add_event(
        session,
        "task_state",
        table_id=table_id,
        instance_id=instance_id,
        task_id=task_id,
        attempt_id=attempt_id,
        **{"from": "pending", "to": "running"},
    )
    work.roll_up(session, instance_id)


def _lost(row: Row) -> Ending:
    attempt_id, task_id, tries, max_tries, cancelled, lost, _ = row
    return Ending(
        task_id=task_id,
        attempt_id=attempt_id,
        outcome=Outcome.LOST,
        tries=tries,
        max_tries=max_tries,
        lost=lost,
        cancel_requested=bool(cancelled),
        why="lost its holder",
    )


def _table_of(session: Session, task: TaskRow) -> Table:
    if task.table_id is None:
        raise bug("task_without_table", f"task {task.task_id} has no table")
    return rows.table(_found(session.row("tables.table", {"table_id": task.table_id})))


def _found(row: Row | None) -> Row:
    if row is None:
        raise bug("row_missing", "a row that must exist is missing")
    return row
