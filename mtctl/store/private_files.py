"""Floor 2. Private files and folders of the state: 0600 and 0700 whatever the umask, one creator at a time, on disk."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mtctl.store import check
from mtctl.store.troubles import state_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter; raises kind STATE where it cannot be or is elsewhere."""
    try:
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
    except FileExistsError:
        if not folder.is_dir():
            fix = "move the file aside"
            raise state_error("state_directory", "the state folder is a file", folder, fix) from None
    except (FileNotFoundError, NotADirectoryError):
        fix = f"create {folder.parent} first"
        raise state_error("state_missing", "the folder above the state folder is missing", folder, fix) from None
    except PermissionError:
        fix = f"give this user write access to {folder.parent}"
        raise state_error("state_permission", "the state folder cannot be made", folder, fix) from None
    check.check_file_system(folder, check.mounts())


def make_private(path: Path) -> None:
    """Create an empty file that only its owner may touch, whatever the umask is; SQLite's side files follow it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


@contextmanager
def creation_lock(folder: Path) -> Iterator[None]:
    """Hold the lock that makes one process the creator, or the one that upgrades; the kernel frees it at any death."""
    lock = folder / "create.lock"
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        fix = "give this user write access to the folder"
        raise state_error("state_permission", "the state folder cannot be written", folder, fix) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
