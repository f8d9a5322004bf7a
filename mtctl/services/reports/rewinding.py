"""Floor 3. What `scheduler rewind` answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.model import Instant


@frozen
class MarkBack:
    """A workflow whose marks lie ahead: the newest fire that is dealt with and the next one, as they are and will be.

    `again` says that its schedule had ended by the wrong clock and goes on.
    """

    workflow: str
    last_fire_at: Instant | None
    next_fire_at: Instant | None
    back_to: Instant | None
    fires_at: Instant | None
    again: bool = False


@frozen
class RewindReport:
    """What lies ahead of the clock; `done` says that it was brought back.

    `written_at` is the newest time in the state file. `tasks` wait more than a day longer. `instances` fire after now
    and exist already: they stay, and their fires are not made again.
    """

    at: Instant
    written_at: Instant
    workflows: tuple[MarkBack, ...]
    tasks: int
    instances: int
    done: bool = False

    @property
    def ahead(self) -> int:
        """How far the state file is ahead of the clock, in whole seconds, 0 where it is not."""
        return max(0, self.written_at - self.at) // 1_000_000
