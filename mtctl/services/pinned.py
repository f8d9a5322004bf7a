"""Floor 3. What the names of a query mean at one snapshot: tables with their files, and sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.model import Source
from mtctl.core.names import spellings, table_meant
from mtctl.core.values import replace
from mtctl.ports.engine import Relation
from mtctl.services.deletions import deleted
from mtctl.services.naming import unknown_table
from mtctl.services.pruning import pruned
from mtctl.services.source_names import every_source, known_names, not_a_source, reached, source_named, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.errors import MtctlError
    from mtctl.core.model import Table
    from mtctl.core.pruning import Sight
    from mtctl.ports.engine import Parsed
    from mtctl.ports.store import View


def pinned(
    project: Project,
    view: View,
    parsed: Parsed,
    snapshot: int,
    sight: Callable[[], Sight],
    params: Mapping[str, object] | None = None,
) -> tuple[tuple[Relation, ...], tuple[Source, ...]]:
    """Return the tables and sources that a query names, the tables as of a snapshot.

    Errors `table_unknown`, and `foreign_rows` where another client has deleted rows in a form that cannot be read.

    `sight` tells what the query, with these parameters, can see of them: files without any such row are left out.
    """
    tables = {table.definition.name: table for table in view.rebuilds().shown(view.tables())}
    wanted, sources = named(project, parsed, tables)
    paths = view.file_paths([tables[name].table_id for name in wanted], snapshot)
    partial = view.partial_paths(snapshot)
    gone = deleted(view, {tables[name].lake_table_id: name for name in wanted}, snapshot)
    found = {
        tables[name].table_id: replace(
            _relation(project, tables[name], paths.get(tables[name].table_id, ()), partial, snapshot),
            deleted=gone.get(tables[name].lake_table_id, ()),
        )
        for name in wanted
    }
    return pruned(view, found, sight, lambda: [params or {}]), sources


def named(project: Project, parsed: Parsed, tables: Collection[str]) -> tuple[Sequence[str], tuple[Source, ...]]:
    """Return which of these tables a query names, and its sources; error `table_unknown`."""
    sources = [Source(text=literal, paths=(literal,)) for literal in parsed.literals]
    if parsed.tables is None:
        return list(tables), (*reached(tuple(sources), project), *every_source(project))
    wanted: dict[str, None] = {}
    for relation in parsed.tables:
        name = table_meant(relation, project.name)
        if name is not None and name in tables:
            wanted[name] = None
        elif (source := source_named(relation, project)) is not None:
            sources.append(source_of(source))
        else:
            raise _unknown(project, relation, known_names(relation, tables, project))
    return list(wanted), reached(tuple(dict.fromkeys(sources)), project)


def _unknown(project: Project, relation: str, known: set[str]) -> MtctlError:
    error = unknown_table(relation, known)
    file = project.tables_folder / f"{relation.lower().rpartition('.')[2]}.sql"
    if file.is_file():
        error.fix = f"tables/{file.name} is not applied yet: `mtctl apply`, or `mtctl up --once`"
    elif otherwise := not_a_source(relation, project):
        error.fix = f"{error.fix} Otherwise {otherwise}" if "did_you_mean" in error.details else otherwise
    return error


def _relation(
    project: Project, table: Table, files: tuple[str, ...], partial: frozenset[str], snapshot: int
) -> Relation:
    name = table.definition.name
    return Relation(
        names=spellings(name, project.name),
        columns=table.definition.columns,
        files=files,
        partial=tuple(path for path in files if path in partial),
        snapshot_id=snapshot,
    )
