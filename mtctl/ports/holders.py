"""Floor 1. The processes that hold leases, and which of them live."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderInfo:
    """A process that may hold leases.

    `groups` are the process groups that it has started: id, and start of the leader in clock ticks since boot.
    """

    holder_id: int
    ulid: str
    kind: str
    pid: int
    pid_started: int
    boot_id: str
    command: str
    runner_group: int | None
    ended: bool
    groups: tuple[tuple[int, int], ...] = ()


class Liveness(Protocol):
    """Who of the holders on this machine is alive."""

    def hold(self, ulid: str) -> None:
        """Show this process as alive under a holder ulid, until it dies."""

    def release(self) -> None:
        """Stop doing so."""

    def is_alive(self, holder: HolderInfo) -> bool:
        """Return whether a holder lives."""

    def bury(self, holder: HolderInfo) -> None:
        """End what a dead holder left running."""
