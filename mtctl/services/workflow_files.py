"""Floor 3. Workflow files: `workflows/*.toml`, one workflow each, read and recognised again.

A file's mark is the hash of its bytes and of the project's zone, the one setting that bears on it.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, invalid
from mtctl.services.unapplied import mark
from mtctl.text_files import read_text_file, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtctl.config import Project
    from mtctl.core.workflow import WorkflowDefinition

FOLDER = "workflows"
"""The folder of workflow files, beside `tables/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowFile:
    """One file of `workflows/`: its place relative to the root, its text and marks, and what it says."""

    file: str
    text: str
    mark: str
    size: int
    mtime_ns: int
    definition: WorkflowDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowScan:
    """Every readable workflow, and the errors of the other files."""

    files: tuple[WorkflowFile, ...]
    problems: tuple[MtctlError, ...]


def workflow_paths(project: Project) -> list[str]:
    """Return the absolute paths of the workflow files in name order; hidden ones are left out."""
    found: list[str] = []
    for folder, folders, names in os.walk(project.root / FOLDER):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [f"{folder}/{name}" for name in names if name.endswith(".toml") and not name.startswith(".")]
    return sorted(found, key=lambda path: path.split("/"))


def scan_workflows(project: Project) -> WorkflowScan:
    """Read all workflow files; two that define one workflow are an error naming both places."""
    files: list[WorkflowFile] = []
    problems: list[MtctlError] = []
    for path in workflow_paths(project):
        try:
            files.append(read_workflow_file(project, Path(path)))
        except MtctlError as error:
            problems.append(error)
    return WorkflowScan(files=tuple(files), problems=(*problems, *_duplicates(files)))


def read_workflow_file(project: Project, path: Path) -> WorkflowFile:
    """Read one workflow file; errors are those of TOML and of `read_workflow`, with the line where one is found."""
    from mtctl.core.workflow_file import read_workflow  # noqa: PLC0415 - who compares marks only reads nothing

    relative = str(path.relative_to(project.root)) if path.is_relative_to(project.root) else str(path)
    text = read_text_file(path, what="workflow file")
    found = path.stat()
    document = read_toml(path)
    try:
        definition = read_workflow(document, name=path.stem, file=relative, zone=project.zone)
    except MtctlError as error:
        error.where = _with_line(error.where, relative, text)
        raise
    return WorkflowFile(
        file=relative,
        text=text,
        mark=mark(text, workflow_settings_mark(project)),
        size=found.st_size,
        mtime_ns=found.st_mtime_ns,
        definition=definition,
    )


def unapplied_workflows(
    project: Project, applied: Mapping[str, tuple[int, str, int | None, int | None]]
) -> tuple[list[str], list[str]]:
    """Return the files that differ from what was applied, and the applied files that are gone, by stat then hash."""
    settings = workflow_settings_mark(project)
    changed: list[str] = []
    seen: set[str] = set()
    for path in workflow_paths(project):
        relative = path.removeprefix(f"{project.root}/")
        seen.add(relative)
        known = applied.get(relative)
        if known is None or not _is_same(path, known, settings):
            changed.append(relative)
    return changed, sorted(set(applied) - seen)


def workflow_settings_mark(project: Project) -> str:
    """Return 8 hex digits of the project settings that bear on workflow files."""
    return hashlib.sha256(project.zone.encode()).hexdigest()[:8]


def _is_same(path: str, known: tuple[int, str, int | None, int | None], settings: str) -> bool:
    if not known[1].endswith(f":{settings}"):
        return False
    try:
        found = os.stat(path)  # noqa: PTH116 - a thousand paths: plain strings cost a quarter
        if (found.st_size, found.st_mtime_ns) == (known[2], known[3]):
            return True
        return mark(read_text_file(Path(path), what="workflow file"), settings) == known[1]
    except (OSError, MtctlError):
        return False


def _with_line(where: str, file: str, text: str) -> str:
    """Return the place with its line, where the last key of it is written exactly once in the file."""
    head, colon, place = where.partition(": ")
    key = re.split(r"[.\]]", place)[-1]
    if not colon or head != file or not key:
        return where
    pattern = re.compile(rf"^[^#\n]*?(?<![\w.-])(\w+\.)*\"?{re.escape(key)}\"?[ \t]*=", re.MULTILINE)
    found = list(pattern.finditer(text))
    if len(found) != 1:
        return where
    return f"{file}:{text.count(chr(10), 0, found[0].end()) + 1}: {place}"


def _duplicates(files: Iterable[WorkflowFile]) -> list[MtctlError]:
    first: dict[str, str] = {}
    found = []
    for file in files:
        name = file.definition.name.lower()
        if name in first:
            found.append(
                invalid(
                    "workflow_duplicate", f"workflow '{file.definition.name}' is defined twice",
                    where=f"{first[name]} and {file.file}", fix="remove or rename one of them",
                )
            )  # fmt: skip
        first.setdefault(name, file.file)
    return found
