"""Floor 3. Definition files: `tables/*.sql`, one statement each, read and recognised again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, invalid
from mtctl.services.unapplied import file_paths, mark, settings_mark
from mtctl.text_files import read_text_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.config import Project
    from mtctl.core.model import TableDefinition
    from mtctl.core.statement import TableStatement
    from mtctl.ports.changes import NewTable
    from mtctl.services.changes import Comparison


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
    return [Path(path) for path in file_paths(project)]


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


def put_of(
    definition: TableDefinition, file: TableFile | None, table_id: int | None, comparison: Comparison | None = None
) -> NewTable:
    """Return what puts a definition in force: from a file or by command, new where there is no `table_id`."""
    from mtctl.core.model import Origin  # noqa: PLC0415 - who compares marks only puts nothing in force
    from mtctl.ports.changes import NewTable  # noqa: PLC0415 - the same

    return NewTable(
        definition=definition,
        origin=Origin.COMMAND if file is None else Origin.FILE,
        file=file.file if file is not None else None,
        file_sha256=file.mark if file is not None else None,
        file_size=file.size if file is not None else None,
        file_mtime_ns=file.mtime_ns if file is not None else None,
        table_id=table_id,
        rebuild=comparison is not None and comparison.rebuild,
        keeps=comparison is not None and comparison.keeps,
        abandon=comparison is not None and comparison.abandon,
    )


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
