"""Floor 2. Looks at one file of the lake without reading its data: is it there, is it whole, is it the same.

Size and the last eight bytes tell of a file that is missing, cut or another one; only the checksum of it all tells of a
changed byte in the middle.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

_MAGIC = b"PAR1"
_TAIL = 8


def examine(path: str, *, size: int, footer: int | None, sha256: str | None) -> tuple[str, str] | None:
    """Return what is wrong with a file, (check, detail), None where nothing is.

    The checks: `missing`, `unreadable`, `truncated`, `replaced` (another file stands there), `changed` (the same size
    and end, other bytes). `sha256` is compared where it is given: that reads the file.
    """
    try:
        return _size(os.stat(path), size) or _content(path, size, footer, sha256)  # noqa: PTH116 - 100,000 texts
    except FileNotFoundError:
        return "missing", "is not there"
    except OSError as error:
        return "unreadable", f"cannot be read: {error.strerror or error}"


def _size(found: os.stat_result, size: int) -> tuple[str, str] | None:
    if not stat.S_ISREG(found.st_mode):
        return "replaced", "this is not a file"
    if found.st_size == size:
        return None
    return "truncated" if found.st_size < size else "replaced", f"has {found.st_size:,} bytes of {size:,}"


def _content(path: str, size: int, footer: int | None, sha256: str | None) -> tuple[str, str] | None:
    with open(path, "rb") as file:  # noqa: PTH123 - the same
        file.seek(max(size - _TAIL, 0))
        if not _is_same_end(file.read(_TAIL), footer):
            return "replaced", "its end is not the one that was published"
        if sha256 is not None and _digest(file) != sha256:
            return "changed", "its bytes are not those that were published"
    return None


def _is_same_end(tail: bytes, footer: int | None) -> bool:
    return tail[4:] == _MAGIC and (footer is None or int.from_bytes(tail[:4], "little") == footer)


def _digest(file: BinaryIO) -> str:
    import hashlib  # noqa: PLC0415 - only a deep check

    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a file does all it asks
