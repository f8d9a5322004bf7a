"""Floor 1. Copies of the state file: taken, looked at, and put in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mtctl.core.model import Instant


@frozen
class Copy:
    """What is known of one state file or copy of it: `written_at` is the newest time in it, to the minute."""

    path: str
    bytes: int
    schema: int
    uuid: str
    project: str
    snapshot_id: int
    written_at: Instant
    tables: int


@frozen
class Opener:
    """A process that has the state file open: its id and its command line."""

    pid: int
    program: str


class Backups(Protocol):
    """The copies of one project's state file."""

    def take(self, target: Path | None, *, keep: int) -> Copy:
        """Copy the state file while others use it, whole and checked, and remove all but `keep` of the daily copies.

        Without a target it becomes a daily copy in the folder for them. Errors `backup_exists` (CONFLICT),
        `state_backup` (STATE) where the copy is not whole: no file is left then.
        """

    def inspect(self, path: Path) -> Copy:
        """Return what a copy holds, after a check of all its pages; the errors of opening a state file."""

    def copies(self) -> Sequence[Path]:
        """Return the copies in the folder for them, the newest first."""

    def openers(self) -> Sequence[Opener]:
        """Return the other processes that have the state file open, as far as this user may see them."""

    def put(self, source: Path) -> Path | None:
        """Put a copy in the place of the state file; return where the former one has been moved, None without one.

        Ids go on behind those of the former file, far behind those of the copy where that cannot be read.
        """
