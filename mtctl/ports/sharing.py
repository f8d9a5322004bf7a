"""Floor 1. A copy of the catalog alone, for readers who may not see the state file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

FILE = "catalog.db"
"""The copy's name in the lake's folder."""

FILE_MODES = {"group": 0o640, "all": 0o644}
"""Who may read the files of a lake, by the word in the settings; without one only its owner."""

FOLDER_MODES = {"group": 0o750, "all": 0o755}
"""Who may enter the folders of a lake, by the same words."""


class SharesCatalog(Protocol):
    """A store that can copy its catalog."""

    def copy_catalog(self, target: Path, mode: int) -> int:
        """Write a copy of the catalog's tables to a file of this mode, whole and in one step; return its snapshot."""
