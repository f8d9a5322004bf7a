"""Floor 1. Text files of a project, read strictly."""

from __future__ import annotations

import stat
import tomllib
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import invalid, not_found

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 1 << 20
"""The longest text file that is read."""


def read_text_file(file: Path, *, what: str, limit: int = MAX_FILE_BYTES) -> str:
    """Return the text of a regular file: UTF-8, with or without BOM, any line ends kept as LF.

    Raises invalid `file_kind`, `file_too_large`, `file_encoding`, `file_nul`; not_found `file_missing`. Never hangs on
    a FIFO or a device.
    """
    try:
        found = file.stat()
    except FileNotFoundError:
        fix = "the link points nowhere" if file.is_symlink() else "check the path"
        raise not_found("file_missing", f"{what} does not exist", where=str(file), fix=fix) from None
    except OSError as error:
        raise invalid(
            "file_kind", f"{what} cannot be read: {error.strerror}", where=str(file), fix="check the path"
        ) from None
    if not stat.S_ISREG(found.st_mode):
        raise invalid("file_kind", f"{what} is not a regular file", where=str(file), fix="replace it by a text file")
    if found.st_size > limit:
        raise invalid(
            "file_too_large", f"{what} has {found.st_size:,} bytes", where=str(file), fix=f"at most {limit:,} are read"
        )
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise invalid(
            "file_kind", f"{what} cannot be read: {error.strerror}", where=str(file), fix="check its permissions"
        ) from None
    return decode_text(raw, what=what, where=str(file))


def decode_text(raw: bytes, *, what: str, where: str) -> str:
    """Return text that came as bytes: UTF-8, with or without BOM, line ends as LF.

    Raises invalid `file_encoding`, `file_nul`.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid(
            "file_encoding", f"{what} is not UTF-8 (byte {error.start})", where=where, fix="save it as UTF-8"
        ) from None
    if "\0" in text:
        raise invalid("file_nul", f"{what} contains a NUL character", where=where, fix="remove it")
    return text.replace("\r\n", "\n")


def read_toml(file: Path) -> dict[str, Any]:
    """Return a TOML file as a mapping; raises invalid `toml` with line and column, `toml_depth`, `toml_value`."""
    text = read_text_file(file, what=file.name)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid("toml", f"{error}", where=str(file), fix="mend the line") from None
    except RecursionError:
        raise invalid("toml_depth", "brackets are nested too deep", where=str(file), fix="flatten the file") from None
    _check_values(data, "", file)
    return data


def _check_values(value: Any, path: str, file: Path) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not key:
                raise invalid(
                    "key_unknown", "a key is empty", where=f"{file}: {path or 'top level'}", fix="name it or remove it"
                )
            _check_values(inner, f"{path}.{key}".lstrip("."), file)
    elif isinstance(value, list):
        for inner in value:
            _check_values(inner, path, file)
    elif isinstance(value, str):
        if "\0" in value:
            raise invalid("config_value", f"{path} contains a NUL character", where=str(file), fix="remove it")
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        raise invalid("config_value", f"{path} is not a finite number", where=str(file), fix="write a number")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise invalid("config_value", f"{path} does not fit 64 bits", where=str(file), fix="write a smaller number")
