"""Floor 0. Which recorded sources are versions of databases; apart, since every look at sources asks it."""

from __future__ import annotations

VERSION_START = "[sources."
"""How the name of a database's version begins; no absolute path does."""


def is_version(path: str) -> bool:
    """Return whether a recorded source is a database's version instead of a file."""
    return path.startswith(VERSION_START)
