"""Floor 2. Turns apsw's exceptions into the one error that a user may see."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import apsw

from mtctl.core.errors import Kind, MtctlError

if TYPE_CHECKING:
    from pathlib import Path

_RESTORE = "restore the file from a backup; do not copy over it while mtctl runs"

_LOG_INDEX_BYTES = 32 << 10

_KNOWN: tuple[tuple[type[apsw.Error], str, str, Kind, str], ...] = (
    (apsw.BusyError, "state_busy", "the state file stayed locked for 30 s", Kind.BUSY, "try again"),
    (apsw.LockedError, "state_busy", "the state file is locked", Kind.BUSY, "try again"),
    (apsw.NotADBError, "state_not_sqlite", "the state file is not an SQLite database", Kind.STATE, _RESTORE),
    (apsw.CorruptError, "state_corrupt", "the state file is damaged", Kind.STATE, _RESTORE),
    (apsw.FullError, "state_full", "no space is left for the state file", Kind.STATE, "free some space, try again"),
    (apsw.ReadOnlyError, "state_permission", "the state file cannot be written", Kind.STATE, "check its permissions"),
    (apsw.PermissionsError, "state_permission", "the state file may not be used", Kind.STATE, "check its permissions"),
    (apsw.CantOpenError, "state_permission", "the state file cannot be opened", Kind.STATE, "check its permissions"),
    (apsw.IOError, "state_io", "the state file cannot be read or written", Kind.STATE, "check the disk, try again"),
)


def state_error(code: str, what: str, path: Path | str, fix: str) -> MtctlError:
    """Return an error about the state file at `path`."""
    return MtctlError(code, what, kind=Kind.STATE, where=str(path), fix=fix)


def translated(error: apsw.Error, path: Path) -> MtctlError:
    """Return what a user should hear about an error of the driver; what is left is a bug of ours."""
    if isinstance(error, apsw.IOError) and _is_full(path):
        error = apsw.FullError(str(error))
    for kind, code, what, sort, fix in _KNOWN:
        if isinstance(error, kind):
            return MtctlError(code, what, kind=sort, where=str(path), fix=fix, details={"sqlite": str(error)})
    what = f"a statement on the state file failed: {error}"
    return MtctlError("state_bug", what, kind=Kind.INTERNAL, where=str(path))


def _is_full(path: Path) -> bool:
    """Whether there is not even room for the index of the log: SQLite calls that trouble of another kind."""
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _LOG_INDEX_BYTES


def bug(code: str, what: str) -> MtctlError:
    """Return an error that says that a caller or this store broke a rule."""
    return MtctlError(code, what, kind=Kind.INTERNAL)
