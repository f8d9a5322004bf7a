"""Floor 3. Which definition files differ from what was applied, told without parsing any.

A file's mark is the hash of its bytes and of the project settings that bear on it, so that a change of `mtctl.toml`
counts as a change of every file. Status compares size, mtime and the settings' part only.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from mtctl.core.errors import MtctlError
from mtctl.text_files import read_text_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.config import Project


def unapplied(
    project: Project, applied: Mapping[str, tuple[int, str, int | None, int | None]]
) -> tuple[list[str], list[str]]:
    """Return the files that differ from what was applied, and the applied files that are gone, by stat then hash."""
    settings = settings_mark(project)
    ending = f":{settings}"
    changed: list[str] = []
    seen: set[str] = set()
    root = f"{project.root}/"
    for path in file_paths(project):
        relative = path.removeprefix(root)
        seen.add(relative)
        known = applied.get(relative)
        if known is None or not known[1].endswith(ending):
            changed.append(relative)
            continue
        try:
            found = os.stat(path)  # noqa: PTH116 - a thousand paths: plain strings cost a quarter
            same = found.st_size == known[2] and found.st_mtime_ns == known[3]
            if not same and mark(read_text_file(Path(path), what="table file"), settings) != known[1]:
                changed.append(relative)
        except (OSError, MtctlError):
            changed.append(relative)
    return changed, sorted(set(applied) - seen)


def mark(text: str, settings: str) -> str:
    """Return the mark of a definition text under settings."""
    from hashlib import sha256  # noqa: PLC0415 - only a file that has moved is read

    return f"{sha256(text.encode()).hexdigest()}:{settings}"


def settings_mark(project: Project) -> str:
    """Return 8 hex digits of the project settings that bear on definitions."""
    parts = (
        project.name,
        project.zone,
        project.defaults,
        tuple((s.name, s.type, s.path) for s in project.sources),
        tuple(map(str, project.allowed)),
    )
    return f"{crc32(repr(parts).encode()):08x}"


def file_paths(project: Project) -> list[str]:
    """Return the absolute paths of the definition files in name order."""
    found: list[str] = []
    for folder, folders, names in os.walk(project.tables_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [f"{folder}/{name}" for name in names if name.endswith(".sql") and not name.startswith(".")]
    return sorted(found, key=lambda path: path.split("/"))
