"""Floor 2. Workflows put in force, enabled and dropped; the generated workflow of a table among them.

A change makes a new version and keeps the mark: what runs ends on its own version, no fire is lost or made twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import MtctlError, conflict, not_found
from mtctl.core.states import WorkflowState
from mtctl.core.workflow import RefreshSpec, TaskKind, WorkflowDefinition, WorkflowTask
from mtctl.ports.workflows import Mark, NewWorkflow
from mtctl.store.events import add_event

if TYPE_CHECKING:
    from mtctl.core.model import TableDefinition
    from mtctl.store.session import Row, Session

_NO_FIRE = Mark(last_fire_at=None, next_fire_at=None, due_at=None)


def encode(definition: WorkflowDefinition) -> str:
    """Return a workflow as JSON; equal definitions give equal texts."""
    from mtctl.core.workflow_json import workflow_json  # noqa: PLC0415 - only where a definition is written

    return json.dumps(workflow_json(definition), ensure_ascii=False, separators=(",", ":"))


def decode(text: str) -> WorkflowDefinition:
    """Return the workflow that `encode` wrote."""
    from mtctl.core.workflow_json import workflow_of  # noqa: PLC0415 - only where a definition is read

    return workflow_of(json.loads(text))


def put_workflow(session: Session, new: NewWorkflow, *, table_id: int | None = None) -> int:
    """Put a workflow in force and return its id; a new version only where the definition is another.

    Raises `workflow_exists` (CONFLICT) for a name that another live workflow has, `workflow_unknown` (NOT_FOUND).
    """
    name = new.definition.name
    taken = session.row("workflows.id_of", {"name": name})
    if taken is not None and taken[0] != new.workflow_id:
        what = f"workflow {name} exists already" if taken[1] is None else f"table {name} has a workflow of that name"
        raise conflict("workflow_exists", what, fix="choose another name")
    if new.workflow_id is not None:
        return _change(session, new, new.workflow_id)

    workflow_id: int = session.value("workflows.add", _row(session, new) | {"table_id": table_id})
    _add_version(session, workflow_id, 1, encode(new.definition))
    add_event(session, "workflow_created", table_id=table_id, workflow_id=workflow_id, name=name)
    return workflow_id


def put_table_workflow(session: Session, table_id: int, definition: TableDefinition) -> None:
    """Make or change a table's own workflow: one task, named like the table, with the table's schedule.

    It is enabled when it gets a schedule or freshness, disabled when it loses both; in between a person decides. An
    unchanged schedule keeps the mark and the next fire, a new one begins now. Raises `workflow_exists`.
    """
    from mtctl.core.table_workflow import table_workflow  # noqa: PLC0415 - only where a definition is written

    workflow = table_workflow(definition) or _idle(definition)
    workflow_id: int | None = session.value("workflows.of_table", {"table_id": table_id})
    if workflow_id is not None:
        _change_of_table(session, workflow_id, workflow)
        return
    state = WorkflowState.DISABLED if workflow.schedule is None else WorkflowState.ENABLED
    new = NewWorkflow(definition=workflow, state=state, origin="table")
    workflow_id = put_workflow(session, new, table_id=table_id)
    if workflow.schedule is not None:
        _begin(session, workflow_id, workflow)


def derive_again(session: Session) -> None:
    """Write the table workflows anew from the tables: how they were written down before nobody reads any more.

    One that cannot be derived (an older mtctl took the schedule) is disabled, with an event that says why.
    """
    from mtctl.core.table_workflow import table_workflow  # noqa: PLC0415 - once in an upgrade
    from mtctl.store import rows  # noqa: PLC0415 - the same

    session.run("workflows.forget_versions")
    for table in rows.tables(session.rows("tables.tables")):
        found = session.row("workflows.of_table", {"table_id": table.table_id})
        if found is None:
            continue
        workflow, why = _idle(table.definition), ""
        try:
            workflow = table_workflow(table.definition) or workflow
        except MtctlError as error:
            why = str(error)
        # Every version of before is gone, so that the numbers may go on from the one in force.
        version, state = session.row("workflows.version_of", {"workflow_id": found[0]}) or (1, "disabled")
        _add_version(session, found[0], version, encode(workflow))
        if why or workflow.schedule is None:
            session.run("workflows.set_state", _state_row(found[0], WorkflowState.DISABLED, _NO_FIRE))
            if why:
                add_event(session, "workflow_disabled", workflow_id=found[0], table_id=table.table_id, why=why)
        elif state == WorkflowState.ENABLED:
            _begin(session, found[0], workflow)


def set_state(session: Session, workflow_id: int, state: WorkflowState, mark: Mark) -> bool:
    """Enable, disable or complete, with the mark that goes with it; False, and no change, when it was so already."""
    found = session.row("workflows.in_force", {"workflow_id": workflow_id})
    if found is None:
        raise _unknown(workflow_id)
    if not session.run("workflows.set_state", _state_row(workflow_id, state, mark)):
        return False
    _log_state(session, workflow_id, found[1], state)
    return True


def drop_workflow(session: Session, workflow_id: int) -> None:
    """Drop a workflow: it fires no more; its versions stay for the instances that ran. Raises `workflow_unknown`."""
    if not session.run("workflows.drop", {"workflow_id": workflow_id, "now": session.now}):
        raise _unknown(workflow_id)
    add_event(session, "workflow_dropped", workflow_id=workflow_id)


def drop_table_workflow(session: Session, table_id: int) -> None:
    """Drop the workflow of a table that is dropped."""
    workflow_id = session.value("workflows.of_table", {"table_id": table_id})
    if workflow_id is not None:
        drop_workflow(session, workflow_id)


def _change(session: Session, new: NewWorkflow, workflow_id: int) -> int:
    found = session.row("workflows.in_force", {"workflow_id": workflow_id})
    if found is None:
        raise _unknown(workflow_id)
    _, old_state, version, old_text, *_ = found
    text = encode(new.definition)
    if text != old_text:
        version += 1
        _add_version(session, workflow_id, version, text)
        add_event(
            session, "workflow_changed", workflow_id=workflow_id, name=new.definition.name, version=version
        )
    session.run("workflows.change", _row(session, new) | {"workflow_id": workflow_id, "version": version})
    if new.state != old_state:
        _log_state(session, workflow_id, old_state, new.state)
    return workflow_id


def _change_of_table(session: Session, workflow_id: int, workflow: WorkflowDefinition) -> None:
    found: Row = session.row("workflows.in_force", {"workflow_id": workflow_id}) or ()
    _, old_state, _, old_text, _, next_fire_at, due_at = found
    if encode(workflow) == old_text:
        return
    old = decode(old_text)
    state, schedule = WorkflowState(old_state), workflow.schedule
    if schedule is None:
        state = WorkflowState.DISABLED
    elif old.schedule is None or (state is WorkflowState.COMPLETED and schedule != old.schedule):
        state = WorkflowState.ENABLED
    kept = schedule is not None and schedule == old.schedule
    new = NewWorkflow(
        definition=workflow,
        state=state,
        origin="table",
        workflow_id=workflow_id,
        next_fire_at=next_fire_at if kept else None,
        due_at=due_at if kept else None,
    )
    _change(session, new, workflow_id)
    if schedule is not None and not kept and state is WorkflowState.ENABLED:
        _begin(session, workflow_id, workflow)


def _begin(session: Session, workflow_id: int, workflow: WorkflowDefinition) -> None:
    """Let a workflow's schedule begin now: its first fire is the next one.

    The mark stays, so that the next data interval begins where the last one ended. A workflow whose schedule has no
    fire left is completed.
    """
    from mtctl.core.schedule import due_at, next_fire  # noqa: PLC0415 - only where one begins

    schedule = workflow.schedule
    fire = next_fire(schedule, session.now) if schedule is not None else None
    if schedule is None or fire is None:
        set_state(session, workflow_id, WorkflowState.COMPLETED, _NO_FIRE)
        return
    due = due_at(schedule, fire, workflow.name)
    row = {"workflow_id": workflow_id, "last_fire_at": None, "next_fire_at": fire, "due_at": due}
    session.run("workflows.set_mark", row)


def _idle(definition: TableDefinition) -> WorkflowDefinition:
    """Return the workflow of a table that is refreshed on demand only."""
    task = WorkflowTask(name=definition.name, kind=TaskKind.REFRESH, spec=RefreshSpec(table=definition.name))
    return WorkflowDefinition(
        name=definition.name, tasks=(task,), zone=definition.zone, table=definition.name, enabled=False
    )


def _row(session: Session, new: NewWorkflow) -> dict[str, Any]:
    return {
        "name": new.definition.name,
        "state": new.state.value,
        "origin": new.origin,
        "file": new.file,
        "file_sha256": new.file_sha256,
        "file_size": new.file_size,
        "file_mtime_ns": new.file_mtime_ns,
        "last_fire_at": new.last_fire_at,
        "next_fire_at": new.next_fire_at,
        "due_at": new.due_at,
        "now": session.now,
    }


def _state_row(workflow_id: int, state: WorkflowState, mark: Mark) -> dict[str, Any]:
    return {
        "workflow_id": workflow_id,
        "state": state.value,
        "last_fire_at": mark.last_fire_at,
        "next_fire_at": mark.next_fire_at,
        "due_at": mark.due_at,
    }


def _add_version(session: Session, workflow_id: int, version: int, text: str) -> None:
    row = {"workflow_id": workflow_id, "version": version, "definition": text, "now": session.now}
    session.run("workflows.add_version", row)


def _log_state(session: Session, workflow_id: int, old: str, new: WorkflowState) -> None:
    add_event(session, "workflow_state", workflow_id=workflow_id, detail={"from": old, "to": new.value})


def _unknown(workflow_id: int) -> Exception:
    return not_found("workflow_unknown", f"there is no workflow with id {workflow_id}", fix="see `mtctl workflow list`")
