"""Floor 1. What a clock that was ahead has left in the state file, and the transaction that brings it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen
from mtctl.ports.store import Tx

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.core.states import WorkflowState
    from mtctl.ports.workflows import Mark


@frozen
class Ahead:
    """How many open tasks wait longer than until an instant, and how many scheduled instances fire after now."""

    tasks: int
    instances: int


class RewindTx(Tx, Protocol):
    """A write transaction that a clock behind the file does not stop; at its end the newest time is its own."""

    def take_back(self, workflow_id: int, state: WorkflowState, mark: Mark) -> None:
        """Put a workflow's state and mark where they would be had the clock not been ahead."""

    def hasten(self, after: Instant) -> int:
        """Let open tasks that wait longer than until an instant be ready now; return how many."""
