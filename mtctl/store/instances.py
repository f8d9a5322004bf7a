"""Floor 2. Instances are inserted here, with their tasks and edges, and what is ready is pending at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import apsw

from mtctl.core.errors import conflict, not_found
from mtctl.core.states import TaskState
from mtctl.store import rows
from mtctl.store.events import add_event
from mtctl.store.turns import turn_at

if TYPE_CHECKING:
    from mtctl.core.errors import MtctlError
    from mtctl.ports.changes import NewInstance, NewTask
    from mtctl.store.session import Session

DEFAULT_QUEUE = "default"
"""The queue of all that names none; it is there from the first script on and cannot be deleted."""


def add_instance(session: Session, instance: NewInstance) -> int:
    """Insert an instance with its tasks and edges, let what is ready become pending, return its id.

    Where an instance with its key exists, that one's id is returned and nothing is inserted. Raises `instance_exists`
    (CONFLICT) where the fire was made already, `queue_unknown` (NOT_FOUND).
    """
    known = existing(session, instance)
    return insert(session, instance) if known is None else known


def existing(session: Session, instance: NewInstance) -> int | None:
    """Return the instance that was made with the same idempotency key, None when there is none or no key."""
    if instance.key is None:
        return None
    found: int | None = session.value("work.instance_with_key", {"key": instance.key})
    return found


def insert(session: Session, instance: NewInstance) -> int:
    """Insert an instance that is not there yet and return its id; raises as `add_instance`."""
    ready = bool(instance.tasks)
    _check_queues(session, instance)
    try:
        instance_id: int = session.value("work.add_instance", _row(session, instance, ready=ready))
        add_event(
            session,
            "instance_created",
            workflow_id=instance.workflow_id,
            instance_id=instance_id,
            title=instance.title,
            tasks=len(instance.tasks),
        )
        _add_tasks(session, instance_id, instance)
    except apsw.ConstraintError as error:
        raise _explained(session, instance) from error
    if not ready:
        add_event(session, "instance_state", instance_id=instance_id, detail={"from": "pending", "to": "success"})
    return instance_id


def _check_queues(session: Session, instance: NewInstance) -> None:
    """Raise where work names a queue that does not exist or was deleted; the default one is always there."""
    for queue in {instance.queue, *(task.queue for task in instance.tasks)} - {DEFAULT_QUEUE}:
        if session.row("queues.live", {"name": queue}) is None:
            raise not_found("queue_unknown", f"there is no queue {queue}", fix=f"`mtctl queue create {queue}`")


def _add_tasks(session: Session, instance_id: int, instance: NewInstance) -> None:
    ids: dict[int, int] = {}
    for task in instance.tasks:
        # What waits for nothing is pending from the start; the event is that of the arrow all the same.
        state = TaskState.CREATED if task.after else TaskState.PENDING
        ids[task.key] = task_id = session.value("work.add_task", _task_row(session, instance_id, instance, task, state))
        if state is TaskState.PENDING:
            add_event(
                session,
                "task_state",
                table_id=task.table_id,
                instance_id=instance_id,
                task_id=task_id,
                detail={"from": "created", "to": "pending"},
            )
    edges = [{"upstream_id": ids[key], "task_id": ids[task.key]} for task in instance.tasks for key in task.after]
    if edges:
        session.run_many("work.add_edge", edges)


def _row(session: Session, instance: NewInstance, *, ready: bool) -> dict[str, object]:
    return {
        "ulid": instance.ulid,
        "workflow_id": instance.workflow_id,
        "version": instance.version,
        "trigger": instance.trigger.value,
        "logical_date": instance.logical_date,
        "fire_at": instance.fire_at,
        "batch": instance.batch,
        "key": instance.key,
        "title": instance.title,
        "manifest": json.dumps(instance.manifest),
        "state": "pending" if ready else "success",
        "queue": instance.queue,
        "priority": instance.priority,
        "rank": instance.rank,
        "serial": int(instance.serial),
        "max_parallel": instance.max_parallel,
        "variables": json.dumps(dict(instance.variables), ensure_ascii=False),
        "notify": json.dumps(instance.notify, ensure_ascii=False),
        "tags": json.dumps(dict(instance.tags), ensure_ascii=False),
        "holder_id": instance.holder_id,
        "detached": int(instance.detached),
        "now": session.now,
        "ended_at": None if ready else session.now,
    }


def _task_row(
    session: Session, instance_id: int, instance: NewInstance, task: NewTask, state: TaskState
) -> dict[str, object]:
    span = task.batch or (task.intervals.span if task.intervals else None)
    return {
        "instance_id": instance_id,
        "name": task.name,
        "kind": task.kind.value,
        "table_id": task.table_id,
        "start": None if span is None else span.start,
        "end": None if span is None else span.end,
        "intervals": None if task.intervals is None else rows.intervals_json(task.intervals),
        "count": task.count,
        "reasons": json.dumps(task.reasons),
        "forced": int(task.forced),
        "state": state.value,
        "queue": task.queue,
        "priority": task.priority,
        "max_tries": task.max_tries,
        "timeout": task.timeout,
        "retry_lost": int(task.retry_lost),
        "spec": json.dumps(dict(task.spec), ensure_ascii=False) if task.spec else "{}",
        "now": session.now,
        "turn_at": turn_at(session.now, instance.rank, task.priority),
    }


def _explained(session: Session, instance: NewInstance) -> MtctlError:
    """Return what a broken constraint means to whoever asked."""
    fire = {"workflow_id": instance.workflow_id, "logical_date": instance.logical_date}
    if session.row("work.is_fired", fire) is not None:
        what = f"{instance.title} was made already for this logical date"
        return conflict("instance_exists", what, fix="look at the workflow's history")
    return conflict("instance_exists", f"an instance {instance.ulid} exists already", fix="ask with another key")
