"""Floor 3. Asks database sources for their version, as the tables that were built from them say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.source_version import VERSION_ZONE, version_found, version_path, version_query
from mtctl.services.source_names import reached

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from mtctl.config import Project
    from mtctl.core.model import Source, SourceFile, Table
    from mtctl.ports.engine import Engine


def ask(
    engine: Callable[[], Engine], project: Project, tables: Iterable[Table], known: Collection[str]
) -> tuple[list[SourceFile], tuple[str, ...]]:
    """Return the present versions of databases of which one is known, and in words which could not be asked."""
    wanted = {
        version_path(source.text, source.version): source
        for table in tables
        for source in table.definition.sources
        if source.version is not None
    }
    found: list[SourceFile] = []
    troubles: dict[str, None] = {}
    for path, source in wanted.items():
        if path not in known:
            continue
        try:
            found.append(_version(engine(), project, source))
        except MtctlError as error:
            if error.code == "cancelled":
                raise
            troubles[f"the source {source.text!r} could not be asked for its version: {error}"] = None
    return found, tuple(troubles)


def _version(engine: Engine, project: Project, source: Source) -> SourceFile:
    select = source.version or ""
    result = engine.query(version_query(select), (), reached((source,), project), VERSION_ZONE, 2, {})
    rows = [row for chunk in result.chunks for row in chunk]
    if len(rows) != 1:
        what = f"its SELECT yields {'no row' if not rows else 'more than one row'}"
        raise MtctlError("source_version", what, kind=Kind.ENGINE)
    return version_found(source.text, select, rows[0][0])
