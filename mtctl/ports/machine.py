"""Floor 1. What the machine tells about the files of a project: facts for `doctor`, none of them judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mtctl.ports.backup import Opener


@frozen
class PathFacts:
    """A file or folder: whether it is there, its permission bits, its file system, bytes free on it, its size."""

    path: str
    exists: bool
    mode: int
    owner: int
    device: int
    file_system: str
    free_bytes: int
    bytes: int


@frozen
class StateFacts:
    """What the state file says of itself: its schema and catalog versions, the guard, the first damage found."""

    sqlite: str
    schema: int
    schema_known: int
    catalog: str
    guards: int
    guards_wanted: int
    foreign_writes: bool
    damage: str


class Machine(Protocol):
    """The facts of one project."""

    def look(self, path: Path) -> PathFacts:
        """Return the facts of a path; one that does not exist has those of the nearest folder above."""

    def state(self) -> StateFacts:
        """Return what the state file says of itself; it is read on a connection of its own."""

    def openers(self) -> Sequence[Opener]:
        """Return the other processes that have the state file open, as far as this user may see them."""

    def readers(self) -> Sequence[Opener]:
        """Return the processes that are inside a read transaction now."""

    def user(self) -> int:
        """Return the user id of this process."""
