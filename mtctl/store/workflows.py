"""Floor 2. The generated workflow of a table: one task, named like the table, with the table's own schedule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.states import WorkflowState

if TYPE_CHECKING:
    from mtctl.core.model import TableDefinition
    from mtctl.store.session import Session


def put_workflow(session: Session, table_id: int, definition: TableDefinition) -> None:
    """Make or change a table's workflow; a new version only where its schedule or name changed.

    It is enabled when it gets a schedule or freshness, disabled when it loses both; in between a person decides.
    """
    text = _document(definition)
    fires = definition.schedule is not None or definition.freshness is not None
    found = session.row("tables.workflow_of", {"table_id": table_id})
    if found is None:
        state = _state(fires=fires)
        row = {"name": definition.name, "table_id": table_id, "state": state.value, "now": session.now}
        _put_version(session, session.value("tables.add_workflow", row), 1, text)
        return

    workflow_id, _, old_state, version, old_text = found
    if text == old_text:
        return
    old = json.loads(old_text)
    fired = old["schedule"] is not None or old["freshness"] is not None
    state = WorkflowState(old_state) if fires == fired else _state(fires=fires)
    changed = {"workflow_id": workflow_id, "name": definition.name, "state": state.value, "version": version + 1}
    session.run("tables.change_workflow", changed)
    _put_version(session, workflow_id, version + 1, text)


def drop_workflow(session: Session, table_id: int) -> None:
    """Drop a table's workflow: it fires no more; its versions stay for the instances that ran."""
    session.run("tables.drop_workflow", {"table_id": table_id, "now": session.now})


def _document(definition: TableDefinition) -> str:
    document = {
        "tasks": [{"name": definition.name, "kind": "refresh", "table": definition.name}],
        "schedule": definition.schedule,
        "freshness": definition.freshness,
        "refresh_mode": definition.refresh_mode,
        "zone": definition.zone,
    }
    return json.dumps(document, ensure_ascii=False)


def _state(*, fires: bool) -> WorkflowState:
    return WorkflowState.ENABLED if fires else WorkflowState.DISABLED


def _put_version(session: Session, workflow_id: int, version: int, text: str) -> None:
    row = {"workflow_id": workflow_id, "version": version, "definition": text, "now": session.now}
    session.run("tables.add_workflow_version", row)
