"""Floor 3. What the names of a query mean at one snapshot: tables with their files, and sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.model import Source
from mtctl.ports.engine import Relation
from mtctl.services.naming import unknown_table
from mtctl.services.sources import located

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.errors import MtctlError
    from mtctl.core.model import Table
    from mtctl.ports.engine import Parsed
    from mtctl.ports.store import View


def pinned(
    project: Project, view: View, parsed: Parsed, snapshot: int
) -> tuple[tuple[Relation, ...], tuple[Source, ...]]:
    """Return the tables and sources that a query names, the tables as of a snapshot; error `table_unknown`."""
    tables = {table.definition.name: table for table in view.tables()}
    wanted, sources = _named(project, parsed, tables)
    paths = view.file_paths([tables[name].table_id for name in wanted], snapshot)
    return tuple(_relation(project, tables[name], paths.get(tables[name].table_id, ())) for name in wanted), sources


def _named(project: Project, parsed: Parsed, tables: Mapping[str, Table]) -> tuple[Sequence[str], tuple[Source, ...]]:
    configured = {source.name: source for source in project.sources}
    sources = [Source(text=literal, paths=(literal,)) for literal in parsed.literals]
    if parsed.tables is None:
        every = (Source(text=name, paths=(item.path,)) for name, item in configured.items())
        return list(tables), located((*sources, *every), project)
    wanted: dict[str, None] = {}
    for relation in parsed.tables:
        parts = relation.lower().split(".")
        name = parts[-1]
        qualified = parts[:-1] in ([], ["main"], [project.name, "main"])
        if qualified and name in tables:
            wanted[name] = None
        elif relation in configured:
            sources.append(Source(text=relation, paths=(configured[relation].path,)))
        else:
            raise _unknown(project, relation, {*tables, *configured})
    return list(wanted), located(tuple(sources), project)


def _unknown(project: Project, relation: str, known: set[str]) -> MtctlError:
    error = unknown_table(relation, known)
    file = project.tables_folder / f"{relation.lower().rpartition('.')[2]}.sql"
    if file.is_file():
        error.fix = f"tables/{file.name} is not applied yet: `mtctl apply`, or `mtctl up --once`"
    return error


def _relation(project: Project, table: Table, files: tuple[str, ...]) -> Relation:
    name = table.definition.name
    return Relation(
        names=(name, f"main.{name}", f"{project.name}.main.{name}"),
        columns=table.definition.columns,
        files=files,
    )
