"""Floor 2. Fires: what a look at a schedule makes goes in with the mark that says that it was made.

The mark is compared and set in one statement. Two that looked at the same moment both want to insert fires that lie
behind it; whoever comes second finds the mark moved to them or past them, and does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import MAX_INSTANT
from mtctl.core.states import Trigger, WorkflowState
from mtctl.store import instances
from mtctl.store.events import add_event

if TYPE_CHECKING:
    from mtctl.ports.changes import NewInstance
    from mtctl.ports.workflows import Fired
    from mtctl.store.session import Session


def fire(session: Session, fired: Fired) -> list[int]:
    """Insert instances and skipped fires and move the mark; return the ids of the instances made.

    Nothing happens where the version is no longer in force, the workflow does not fire any more, or the mark has come
    to one of the fires: somebody was faster. An instance that exists by its logical date or key is left out.
    """
    session.connection.execute("SAVEPOINT fire")
    try:
        made = _fire(session, fired)
    except BaseException:
        # The mark must not move without the instances, whatever the caller does about it.
        session.connection.execute("ROLLBACK TO fire")
        session.connection.execute("RELEASE fire")
        raise
    session.connection.execute("RELEASE fire")
    return made


def _fire(session: Session, fired: Fired) -> list[int]:
    if not _move_mark(session, fired):
        return []
    made = [instances.insert(session, one) for one in fired.instances if not _exists(session, one)]
    for skipped in fired.skipped:
        row = {
            "workflow_id": fired.workflow_id,
            "first": skipped.first_fire_at,
            "last": skipped.last_fire_at,
            "fires": skipped.fires,
            "reason": skipped.reason,
            "now": session.now,
        }
        session.run("workflows.add_skipped", row)
    if fired.completed:
        arrow = {"from": "enabled", "to": "completed"}
        add_event(session, "workflow_state", workflow_id=fired.workflow_id, detail=arrow)
    return made


def _move_mark(session: Session, fired: Fired) -> bool:
    fires = [one.fire_at for one in fired.instances if one.fire_at is not None and one.trigger is Trigger.SCHEDULE]
    fires += [one.first_fire_at for one in fired.skipped]
    mark = {
        "workflow_id": fired.workflow_id,
        "version": fired.version,
        "last_fire_at": fired.mark.last_fire_at,
        "next_fire_at": fired.mark.next_fire_at,
        "due_at": fired.mark.due_at,
        "state": WorkflowState.COMPLETED.value if fired.completed else WorkflowState.ENABLED.value,
        "earliest": min(fires, default=MAX_INSTANT),
    }
    return bool(session.run("workflows.move_mark", mark))


def _exists(session: Session, instance: NewInstance) -> bool:
    if instances.existing(session, instance) is not None:
        return True
    if instance.trigger is not Trigger.SCHEDULE:
        return False
    place = {"workflow_id": instance.workflow_id, "logical_date": instance.logical_date}
    return session.row("work.is_fired", place) is not None
