"""Floor 2. Queues: put, paused, deleted. A deleted queue stays in the file for the history that names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.errors import conflict, not_found
from mtctl.core.workflow import queue_of
from mtctl.store.events import add_event
from mtctl.store.instances import DEFAULT_QUEUE
from mtctl.store.workflows import decode

if TYPE_CHECKING:
    from mtctl.store.session import Session


def put_queue(session: Session, name: str, *, slots: int, memory: str | None, threads: int | None) -> bool:
    """Create or change a queue; True when it is new."""
    is_new = session.row("queues.live", {"name": name}) is None
    session.run("queues.put", {"name": name, "slots": slots, "memory": memory, "threads": threads})
    kind = "queue_created" if is_new else "queue_changed"
    add_event(session, kind, name=name, slots=slots, memory=memory, threads=threads)
    return is_new


def pause_queue(session: Session, name: str, *, paused: bool, why: str) -> bool:
    """Pause or resume; False, and no change, when it was so already. Raises `queue_unknown` (NOT_FOUND)."""
    if _is_paused(session, name) == paused:
        return False
    session.run("queues.pause", {"name": name, "paused": int(paused), "why": why if paused else ""})
    add_event(session, "queue_paused" if paused else "queue_resumed", name=name, why=why)
    return True


def delete_queue(session: Session, name: str) -> None:
    """Delete a queue; raises `queue_unknown` (NOT_FOUND), `queue_in_use` (CONFLICT) while something needs it."""
    _is_paused(session, name)
    user = _user_of(session, name)
    if user:
        raise conflict("queue_in_use", f"queue {name} is in use: {user}", fix="move that to another queue first")
    session.run("queues.drop", {"name": name, "now": session.now})
    add_event(session, "queue_deleted", name=name)


def _is_paused(session: Session, name: str) -> bool:
    found = session.row("queues.live", {"name": name})
    if found is None:
        raise not_found("queue_unknown", f"there is no queue {name}", fix="see `mtctl queue list`")
    return bool(found[0])


def _user_of(session: Session, name: str) -> str:
    """Return what needs a queue in words, '' when nothing does."""
    if name == DEFAULT_QUEUE:
        return "work that names no queue goes there"
    ulid = session.value("queues.open_work", {"name": name})
    if ulid is not None:
        return f"instance {ulid} has open work in it"
    for (text,) in session.rows("queues.workflows_naming", {"text": json.dumps(name, ensure_ascii=False)}):
        workflow = decode(text)
        if name == workflow.queue or any(queue_of(workflow, task) == name for task in workflow.tasks):
            return f"workflow {workflow.name} names it"
    return ""
