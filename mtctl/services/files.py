"""Floor 3. Definition files: `tables/*.sql`, one statement each, read and recognised again.

A file's mark is the hash of its bytes and of the project settings that bear on it, so that a change of `mtctl.toml`
counts as a change of every file. Status compares size, mtime and the settings' part only; it never parses.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.config import read_text_file
from mtctl.core.errors import MtctlError, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtctl.config import Project
    from mtctl.core.statement import TableStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """One file of `tables/`: its place relative to the root, its text and its marks."""

    file: str
    text: str
    mark: str
    size: int
    mtime_ns: int
    statement: TableStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """Every readable statement, and the errors of the others."""

    files: tuple[TableFile, ...]
    problems: tuple[MtctlError, ...]


def table_paths(project: Project) -> list[Path]:
    """Return the definition files of a project in name order (hidden files are left out)."""
    return [Path(path) for path in _paths(project)]


def scan_files(project: Project) -> Scan:
    """Read and parse all definition files; two that define one table are an error naming both places."""
    settings = settings_mark(project)
    files: list[TableFile] = []
    problems: list[MtctlError] = []
    for path in table_paths(project):
        try:
            files.append(read_table_file(project, path, settings))
        except MtctlError as error:
            problems.append(error)
    return Scan(files=tuple(files), problems=(*problems, *_duplicates(files)))


def read_table_file(project: Project, path: Path, settings: str) -> TableFile:
    """Read and parse one definition file."""
    from mtctl.core.ddl import parse_statement  # noqa: PLC0415 - who compares marks only parses nothing

    relative = str(path.relative_to(project.root)) if path.is_relative_to(project.root) else str(path)
    text = read_text_file(path, what="table file")
    found = path.stat()
    return TableFile(
        file=relative,
        text=text,
        mark=mark(text, settings),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        statement=parse_statement(text, file=relative),
    )


def mark(text: str, settings: str) -> str:
    """Return the mark of a definition text under settings."""
    return f"{hashlib.sha256(text.encode()).hexdigest()}:{settings}"


def settings_mark(project: Project) -> str:
    """Return 8 hex digits of the project settings that bear on definitions."""
    parts = (
        project.name,
        project.zone,
        project.defaults,
        tuple((s.name, s.type, s.path) for s in project.sources),
        tuple(map(str, project.allowed)),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]


def unapplied(
    project: Project, applied: Mapping[str, tuple[int, str, int | None, int | None]]
) -> tuple[list[str], list[str]]:
    """Return the files that differ from what was applied, and the applied files that are gone, by stat then hash."""
    settings = settings_mark(project)
    changed: list[str] = []
    seen: set[str] = set()
    root = f"{project.root}/"
    for path in _paths(project):
        relative = path.removeprefix(root)
        seen.add(relative)
        known = applied.get(relative)
        if known is None or not known[1].endswith(f":{settings}"):
            changed.append(relative)
            continue
        try:
            found = os.stat(path)  # noqa: PTH116 - a thousand paths: plain strings cost a quarter
            same = (found.st_size, found.st_mtime_ns) == (known[2], known[3])
            if not same and mark(read_text_file(Path(path), what="table file"), settings) != known[1]:
                changed.append(relative)
        except (OSError, MtctlError):
            changed.append(relative)
    return changed, sorted(set(applied) - seen)


def _paths(project: Project) -> list[str]:
    """Return the absolute paths of the definition files in name order."""
    found: list[str] = []
    for folder, folders, names in os.walk(project.tables_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [f"{folder}/{name}" for name in names if name.endswith(".sql") and not name.startswith(".")]
    return sorted(found, key=lambda path: path.split("/"))


def _duplicates(files: Iterable[TableFile]) -> list[MtctlError]:
    first: dict[str, str] = {}
    found = []
    for file in files:
        name = file.statement.name
        if name in first:
            found.append(
                invalid(
                    "table_duplicate",
                    f"table {name!r} is defined twice",
                    where=f"{first[name]} and {file.file}",
                    fix="remove or rename one of them",
                )
            )
        first.setdefault(name, file.file)
    return found
