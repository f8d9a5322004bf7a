"""Floor 1. What a dispatcher asks of the store between two tasks: cheap, however many tasks an instance has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mtctl.ports.work import TaskRow


class Turns(Protocol):
    """Whose turn it is, and what holds up the others."""

    def next_task(self, instance_id: int | None) -> TaskRow | None:
        """Return the task that `claim` would take now: of one instance, or of any ownerless one."""

    def running(self) -> dict[int, TaskRow]:
        """Return the running task by table id, with the words of its holder."""

    def is_open(self, instance_id: int) -> bool:
        """Return whether anything of an instance has not ended."""

    def held_up(self, instance_id: int) -> tuple[str, str] | None:
        """Return the first pending task whose table somebody refreshes, and who does, in words; None without one."""
