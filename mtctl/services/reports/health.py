"""Floor 3. What `health` answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.core.pulse import Tally, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """Whether the project makes progress, and how its tables and workflows are.

    `troubles` empty means healthy. `looked_at` is when somebody last looked for work, `next_due` when a workflow fires
    next; None: never. `running` and `waiting` count tasks.
    """

    troubles: tuple[Trouble, ...]
    tables: Tally
    workflows: Tally
    looked_at: Instant | None
    next_due: Instant | None
    running: int
    waiting: int
    at: Instant

    @property
    def healthy(self) -> bool:
        """Whether nothing stands still that should move."""
        return not self.troubles
