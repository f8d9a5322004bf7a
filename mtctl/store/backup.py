"""Floor 2. The copies of a project's state file: a child process takes and checks them, this one names and keeps them.

A copy is private like the file itself, and has its name only once it is whole and on the disk.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import Kind, MtctlError
from mtctl.ports.backup import Copy
from mtctl.store.holding import openers
from mtctl.store.private_files import creation_lock, make_folder, sync_folder

if TYPE_CHECKING:
    from mtctl.ports.backup import Opener
    from mtctl.ports.clock import Clock

FOLDER = "backups"
"""The folder beside the state file that holds the copies."""

_DAILY = re.compile(r"-\d{8}T\d{6}Z\.db$")
_BEFORE_UPGRADE = re.compile(r"-v\d+-\d{8}T\d{6}Z\.db$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIDES = ("", "-wal", "-shm")


class StateBackups:
    """Implements `ports.Backups` for the state file at a path, which need not exist."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Keep the path; nothing is touched."""
        self._path = path
        self._clock = clock
        self._folder = path.parent / FOLDER

    def take(self, target: Path | None, *, keep: int) -> Copy:
        """Copy the state file while others use it, whole and checked; see the port."""
        if target is not None:
            return _copy_of(_child("take", self._path, target))
        make_folder(self._folder)
        found = _child("take", self._path, self._next())
        for old in self._daily()[keep:]:
            old.unlink(missing_ok=True)
        return _copy_of(found)

    def inspect(self, path: Path) -> Copy:
        """Return what a copy holds, after a check of all its pages."""
        return _copy_of(_child("inspect", path))

    def copies(self) -> list[Path]:
        """Return the copies in the folder for them, the newest first."""
        return sorted(self._folder.glob("*.db"), key=lambda path: _stamp_of(path.name), reverse=True)

    def openers(self) -> list[Opener]:
        """Return the other processes that have the state file open, as far as this user may see them."""
        return openers(self._path)

    def put(self, source: Path) -> Path | None:
        """Put a copy in the place of the state file; see the port."""
        make_folder(self._path.parent)
        make_folder(self._folder)
        with creation_lock(self._path.parent):
            draft = self._path.with_name(self._path.name + ".restoring")
            for end in (*_SIDES, "-journal"):
                Path(f"{draft}{end}").unlink(missing_ok=True)
            _child("ready", source, draft, self._path, self._clock.now())
            aside = self._move_aside()
            draft.rename(self._path)
            sync_folder(self._path.parent)
        return aside

    def _move_aside(self) -> Path | None:
        """Keep what stands in the place, whatever it is, with the log that belongs to it."""
        if not (self._path.exists() or self._path.is_symlink()):
            for end in _SIDES[1:]:
                Path(f"{self._path}{end}").unlink(missing_ok=True)
            return None
        aside = self._folder / f"replaced-{self._stamp()}"
        os.rename(self._path, aside)  # noqa: PTH104 - a link is moved, not what it leads to
        for end in _SIDES[1:]:
            side = Path(f"{self._path}{end}")
            if side.exists():
                side.rename(f"{aside}{end}")
        return aside

    def _daily(self) -> list[Path]:
        return [path for path in self.copies() if _DAILY.search(path.name) and not _BEFORE_UPGRADE.search(path.name)]

    def _next(self) -> Path:
        return self._folder / f"{self._path.stem}-{self._stamp()}.db"

    def _stamp(self) -> str:
        return (_EPOCH + timedelta(microseconds=self._clock.now())).strftime("%Y%m%dT%H%M%SZ")


def _stamp_of(name: str) -> str:
    return name.removesuffix(".db").rpartition("-")[2]


def _command(verb: str, *paths: Path | int) -> list[str]:
    return [sys.executable, "-m", "mtctl.store.copying", verb, *map(str, paths)]


def _environment() -> dict[str, str]:
    package = str(Path(__file__).resolve().parents[2])  # the child runs this very mtctl
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))}


def _child(verb: str, *paths: Path | int) -> dict[str, Any]:
    done = subprocess.run(_command(verb, *paths), stdout=subprocess.PIPE, text=True, check=False, env=_environment())
    return _answer(done.stdout)


def _answer(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        what = "the process that copies the state file ended without an answer"
        raise MtctlError("state_backup", what, kind=Kind.STATE, fix="check the disk, try again") from None
    if "error" in found:
        parts = found["error"]
        kind = Kind(parts.pop("kind"))
        raise MtctlError(parts.pop("code"), parts.pop("what"), kind=kind, **parts)
    return found


def _copy_of(found: dict[str, Any]) -> Copy:
    return Copy(**found)
