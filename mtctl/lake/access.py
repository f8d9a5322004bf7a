"""Floor 2. Who may read a lake: the modes of its folders and files, for its owner alone, a group or everybody."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mtctl.ports.sharing import FILE_MODES, FOLDER_MODES

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def file_mode(share: str) -> int:
    """Return the mode of a lake's files for a word of the settings."""
    return FILE_MODES.get(share, PRIVATE_FILE)


def folder_mode(share: str) -> int:
    """Return the mode of a lake's folders for a word of the settings."""
    return FOLDER_MODES.get(share, PRIVATE_FOLDER)


def open_to(root: Path, data: Path, share: str) -> None:
    """Give a lake's folder and all that is published the modes of a word; what is staged stays private."""
    if not root.is_dir():
        return
    root.chmod(folder_mode(share))
    for folder, _, names in os.walk(data):
        os.chmod(folder, folder_mode(share))  # noqa: PTH101 - texts of a walk
        for name in names:
            os.chmod(os.path.join(folder, name), file_mode(share))  # noqa: PTH101, PTH118 - the same
