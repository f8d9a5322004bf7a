"""Floor 3. Puts versions of workflows in force: the one place that decides what a change does to state and mark.

A change of an enabled workflow first fires what is due under the version in force, in the same transaction; the mark
stays, and the new version's next fire is counted from now. So no fire is lost and none is made twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.errors import conflict
from mtctl.core.schedule import previous_fire
from mtctl.core.states import WorkflowState
from mtctl.ports.workflows import Mark, NewWorkflow
from mtctl.services.scheduler import begin, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.ports.store import Tx
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.workflow_files import WorkflowFile

_NONE = Mark(last_fire_at=None, next_fire_at=None, due_at=None)


class Versions:
    """New workflows and new versions of them, within a caller's transaction."""

    def __init__(self, new_ulid: Callable[[], str]) -> None:
        """Keep the source of instance ids, for what fires before a change."""
        self._new_ulid = new_ulid

    def settle(self, tx: Tx, row: WorkflowRow) -> WorkflowRow:
        """Fire what is due of a workflow; return it as it is then."""
        return settled(tx, row, self._new_ulid)

    def create(self, tx: Tx, definition: WorkflowDefinition, *, file: WorkflowFile | None = None) -> WorkflowRow:
        """Put a new workflow in force; conflict `workflow_exists` where the name is taken."""
        state = WorkflowState.ENABLED if definition.enabled else WorkflowState.DISABLED
        mark = begin(definition, tx.now) if definition.enabled else _NONE
        if definition.enabled and definition.schedule is not None and mark.next_fire_at is None:
            state = WorkflowState.COMPLETED
        workflow_id = tx.put_workflow(
            NewWorkflow(
                definition=definition,
                state=state,
                origin="command" if file is None else "file",
                next_fire_at=mark.next_fire_at,
                due_at=mark.due_at,
                **_file_facts(file),
            )
        )
        return next(row for row in tx.workflows([definition.name]) if row.workflow_id == workflow_id)

    def change(
        self, tx: Tx, row: WorkflowRow, definition: WorkflowDefinition, *, file: WorkflowFile | None = None
    ) -> WorkflowRow:
        """Put a new version of a workflow in force.

        It stays enabled or disabled as a person left it, unless the definition's own `enabled` changes. A completed one
        whose new schedule fires again is enabled. Conflict `workflow_behind` where fires of a schedule that changes
        are due and have no room.
        """
        row = self.settle(tx, row)
        _refuse_behind(tx, row, definition)
        state = _state_after(row, definition)
        mark = self._mark(row, definition, tx.now) if state is WorkflowState.ENABLED else _NONE
        if state is WorkflowState.ENABLED and definition.schedule is not None and mark.next_fire_at is None:
            state = WorkflowState.COMPLETED
        tx.put_workflow(
            NewWorkflow(
                workflow_id=row.workflow_id,
                definition=definition,
                state=state,
                origin=row.origin,
                last_fire_at=_begun_while_disabled(row, definition, tx.now),
                next_fire_at=mark.next_fire_at,
                due_at=mark.due_at,
                **_file_facts(file),
            )
        )
        return next(one for one in tx.workflows([definition.name]) if one.workflow_id == row.workflow_id)

    def _mark(self, row: WorkflowRow, definition: WorkflowDefinition, now: int) -> Mark:
        """Return what comes next: what was to come where the schedule is the same, else the first fire from now."""
        same = definition.schedule == row.definition.schedule and row.state is WorkflowState.ENABLED
        if same and row.next_fire_at is not None:
            return Mark(last_fire_at=None, next_fire_at=row.next_fire_at, due_at=row.due_at)
        return begin(definition, now)


def settled(tx: Tx, row: WorkflowRow, new_ulid: Callable[[], str]) -> WorkflowRow:
    """Fire what is due of a workflow, in as many steps as its cap asks for; return it as it is then."""
    while row.state is WorkflowState.ENABLED and row.next_fire_at is not None and row.next_fire_at <= tx.now:
        settle(tx, [row], new_ulid)
        before, row = row, again(tx, row)
        if row.next_fire_at == before.next_fire_at:  # no room for more while so many instances are open
            break
    return row


def again(tx: Tx, row: WorkflowRow) -> WorkflowRow:
    """Return a workflow as it is now."""
    return next(one for one in tx.workflows([row.name]) if one.workflow_id == row.workflow_id)


def _refuse_behind(tx: Tx, row: WorkflowRow, definition: WorkflowDefinition) -> None:
    """Refuse to change a schedule while fires of it are due that could not be made: they would be lost."""
    if definition.schedule == row.definition.schedule or row.state is not WorkflowState.ENABLED:
        return
    if row.next_fire_at is not None and row.next_fire_at <= tx.now and row.due_at is not None:
        opened = len(tx.open_instances(row.workflow_id))
        raise conflict(
            "workflow_behind",
            f"fires of {row.name!r} are due and wait until some of its {opened} open instances have ended",
            fix="change its schedule after that, or cancel them",
        )


def _begun_while_disabled(row: WorkflowRow, definition: WorkflowDefinition, now: int) -> int | None:
    """Return the mark of a schedule that changes while nothing fires: it begins now, and nothing before was missed."""
    schedule = definition.schedule
    if row.state is not WorkflowState.DISABLED or schedule is None or schedule == row.definition.schedule:
        return None
    found = previous_fire(schedule, now + 1)
    return found if found is not None and found >= row.created_at else None


def _state_after(row: WorkflowRow, definition: WorkflowDefinition) -> WorkflowState:
    if definition.enabled != row.definition.enabled:
        return WorkflowState.ENABLED if definition.enabled else WorkflowState.DISABLED
    return WorkflowState.ENABLED if row.state is WorkflowState.COMPLETED else row.state


def _file_facts(file: WorkflowFile | None) -> dict[str, Any]:
    if file is None:
        return {}
    return {
        "file": file.file,
        "file_sha256": file.mark,
        "file_size": file.size,
        "file_mtime_ns": file.mtime_ns,
    }
