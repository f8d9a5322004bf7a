"""Floor 2. Who is alive: a lock file per holder, freed by the kernel at any death, and the ending of orphaned runners.

The lock's descriptor is not inherited: a runner that outlives its holder would keep the lock and with it the appearance
of a living holder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtctl.ports.holders import HolderInfo


_MOST_TRIES = 10_000
"""How often a lock is tried for: who tidies holds it for microseconds."""


class LockFolder:
    """The `run/` folder beside the state file, one lock file per holder."""

    def __init__(self, folder: Path, boot_id: str) -> None:
        """Keep the folder and the id of this boot."""
        self._folder = folder
        self._boot_id = boot_id
        self._descriptor: int | None = None
        self._path: Path | None = None

    def hold(self, ulid: str) -> None:
        """Lock this process's own file for the rest of its life."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tidy()
        self._path = self._path_of(ulid)
        for _ in range(_MOST_TRIES):
            self._descriptor = _locked(self._path)
            if self._descriptor is not None:
                return
        raise BlockingIOError(f"{self._path} is locked by another process")

    def release(self) -> None:
        """Free and remove the own lock file."""
        if self._descriptor is None or self._path is None:
            return
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def is_alive(self, holder: HolderInfo) -> bool:
        """Return whether a holder still lives: same boot, and its lock is held."""
        if holder.boot_id != self._boot_id:
            return False
        path = self._path_of(holder.ulid)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def bury(self, holder: HolderInfo) -> None:
        """End what a dead holder left behind: its runner's process group, those of its programs, its lock file."""
        if holder.boot_id == self._boot_id:
            if holder.runner_group is not None and _is_runner(holder.runner_group):
                _kill(holder.runner_group)
            for group, started in holder.groups:
                if _is_ours(group, started):
                    _kill(group)
        self._path_of(holder.ulid).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove files that nobody locks: who was killed before it had registered is in no book that names its file."""
        for path in self._folder.glob("*.lock"):
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink(missing_ok=True)
                finally:
                    os.close(descriptor)

    def _path_of(self, ulid: str) -> Path:
        return self._folder / f"{ulid}.lock"


def process_start() -> int:
    """Return when this process started, in clock ticks since boot (0 where the system does not tell)."""
    return _start_of(os.getpid())


def _locked(path: Path) -> int | None:
    """Return the descriptor of a file that is locked and still in its place; None where somebody just tidied it up."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    os.close(descriptor)
    return None


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _start_of(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])


def _is_runner(group: int) -> bool:
    """Whether the leader of a group is one of our runners: a recycled pid must not be killed."""
    try:
        command = Path(f"/proc/{group}/cmdline").read_bytes()
    except OSError:
        return False
    return b"mtctl.engine.runner" in command


def _is_ours(group: int, started: int) -> bool:
    """Whether a group is the one that was recorded: a recycled id must not be killed.

    While a group has members its id is given to no new process. So where the leader is gone, a member that carries the
    mark of our attempts tells.
    """
    leader = _start_of(group)
    return leader == started != 0 if leader else any(map(_is_marked, _members(group)))


def _members(group: int) -> list[Path]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[2]) == group:
            found.append(folder)
    return found


def _is_marked(folder: Path) -> bool:
    try:
        return b"MTCTL_ATTEMPT=" in (folder / "environ").read_bytes()
    except OSError:
        return False
