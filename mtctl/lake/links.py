"""Floor 2. Second names for files of the lake: hard links, or copies where the file system has none.

The new name is on the disk before anybody may publish it. A link shares its file's age with the old name, so the file
is touched first: `gc` spares what is young.
"""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV, errno.ENOSYS})


def link_all(pairs: Iterable[tuple[str, str]], folder: Path) -> frozenset[str]:
    """Give each file (absolute path) a second name in an existing folder; return those paths that had a file.

    A name that is there already is left. The folder is brought to the disk.
    """
    done = {path for path, name in pairs if _link(path, folder / name)}
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return frozenset(done)


def _link(path: str, target: Path) -> bool:
    try:
        os.utime(path)
        os.link(path, target)
    except FileNotFoundError:
        return False
    except FileExistsError:
        return True
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _copy(path, target)
    return True


def _copy(path: str, target: Path) -> None:
    """Write a copy, whole and on the disk, under its name."""
    draft = target.with_name(target.name + ".part")
    with open(path, "rb") as source, draft.open("wb") as copy:  # noqa: PTH123 - a plain path of the catalog
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        os.fsync(copy.fileno())
    draft.rename(target)
