"""Floor 2. Reads and writes the mark in a lake's folder."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

from mtctl.ports.lake_mark import FILE, LakeMark

if TYPE_CHECKING:
    from pathlib import Path


def read_mark(root: Path) -> LakeMark | None:
    """Return the mark of a lake's folder, None where it has none or one that nobody can read."""
    try:
        found = json.loads((root / FILE).read_text(encoding="utf-8"))
        return LakeMark(project=str(found["project"]), state=str(found["state"]), lake=str(found["lake"]))
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def write_mark(root: Path, mark: LakeMark) -> None:
    """Write the mark beside its place and rename it there."""
    draft = root / f".{FILE}.{os.getpid()}.{threading.get_ident()}"  # workers of one process claim at the same time
    text = json.dumps({"project": mark.project, "state": mark.state, "lake": mark.lake}, indent=1)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    draft.replace(root / FILE)
