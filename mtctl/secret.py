"""Floor 1. Reading the secrets that a project names, at the moment they are used.

A value goes from here to the one who uses it and nowhere else: no error of this module repeats it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mtctl.core.errors import invalid
from mtctl.core.names import printable
from mtctl.core.secret import LONGEST, check_secret, parse_reference


def read_secret(reference: str, *, root: Path, where: str) -> str:
    """Return the secret that `env:NAME` or `file:PATH` names; a path is taken from the project's root.

    A file must be a regular one that only its owner can read; its last line end does not count. Raises invalid
    `secret_missing`, `secret_file`, `secret_mode`, and those of `parse_reference` and `check_secret`.
    """
    kind, name = parse_reference(reference, where=where)
    if kind == "env":
        value = os.environ.get(name)
        if value is None:
            raise invalid("secret_missing", f"the variable {name} is not set", where=where, fix=f"export {name}")
        return check_secret(value, label=f"the variable {name}", where=where)
    path = root / Path(name)
    return check_secret(_text(path, where), label=f"the file {printable(str(path))}", where=where)


def _text(path: Path, where: str) -> str:
    shown = printable(str(path))
    try:
        # Opened first and looked at after: another file cannot take its place, and a FIFO does not hang.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise invalid("secret_missing", f"there is no file {shown}", where=where, fix="create it, mode 0600") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is no path"
        raise invalid("secret_file", f"{shown} cannot be read: {reason}", where=where, fix="check the path") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise invalid("secret_file", f"{shown} is not a regular file", where=where, fix="name a file")
        if stat.S_IMODE(found.st_mode) & 0o077:
            what = f"others can read {shown} (mode {stat.S_IMODE(found.st_mode):04o})"
            raise invalid("secret_mode", what, where=where, fix=f"chmod 600 {shown}")
        if found.st_size > LONGEST:
            what = f"{shown} has more than {LONGEST:,} bytes"
            raise invalid("secret_long", what, where=where, fix="check its source")
        raw = os.read(descriptor, LONGEST + 1)
    finally:
        os.close(descriptor)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise invalid("secret_text", f"{shown} is not UTF-8", where=where, fix="save it as UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")
