"""Floor 2. The transaction that brings back what a clock that was ahead has written: marks, waiting tasks, the time.

Only `Store.rewind` opens it. Everywhere else a mark only moves forward and a clock that is behind is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import not_found
from mtctl.store.events import add_event
from mtctl.store.turns import RANK_STEPS, STEP
from mtctl.store.tx import SqliteTx

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.core.states import WorkflowState
    from mtctl.ports.workflows import Mark


class SqliteRewindTx(SqliteTx):
    """Implements `ports.RewindTx`."""

    def take_back(self, workflow_id: int, state: WorkflowState, mark: Mark) -> None:
        """Put a workflow's state and mark where they would be; raises `workflow_unknown` (not found)."""
        found = self.session.row("workflows.version_of", {"workflow_id": workflow_id})
        row = {
            "workflow_id": workflow_id,
            "state": state.value,
            "last_fire_at": mark.last_fire_at,
            "next_fire_at": mark.next_fire_at,
            "due_at": mark.due_at,
        }
        if found is None or not self.session.run("rewind.take_back", row):
            raise not_found("workflow_unknown", f"there is no workflow with id {workflow_id}")
        if found[1] != state.value:
            arrow = {"from": found[1], "to": state.value}
            add_event(self.session, "workflow_state", workflow_id=workflow_id, detail=arrow)

    def hasten(self, after: Instant) -> int:
        """Let open tasks that wait longer than until an instant be ready now; return how many."""
        limits = {"now": self.now, "after": after, "step": STEP, "rank_steps": RANK_STEPS}
        return self.session.run("rewind.hasten", limits)
