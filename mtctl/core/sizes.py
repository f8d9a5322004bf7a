"""Floor 0. Sizes of memory as people write them: '4GB', '512 MiB'."""

from __future__ import annotations

import re

from mtctl.core.errors import invalid

_WRITTEN = re.compile(r"([0-9]{1,15})[ ]?([KMGT]?i?B)?", re.IGNORECASE)
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def bytes_of(text: str) -> int:
    """Return the bytes of a size with a unit; error `config_value` (INVALID) for anything else."""
    number = text.rstrip("KMGTiIBbkmgt").strip()
    unit = text[len(number) :].strip().upper()
    if unit not in _UNITS:
        raise invalid("config_value", f"{text!r} is not a size", fix="write for example '4GB'")
    return int(float(number) * _UNITS[unit])


def size_of(text: str) -> int | None:
    """Return the bytes of a whole size, '500 MB', '2 GiB' or a bare number; None for anything else."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        return None
    return int(match[1]) * {"": 1, "B": 1, **_UNITS}[(match[2] or "").upper()]
