"""Floor 3. Which source a name in a query means, and how an engine reaches it.

A files source is named by itself, a database by its tables: `shop.orders`, `shop.main.orders`. What is secret of a
source is read here, at the moment it is used, and handed to the engine only.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.model import Source
from mtctl.core.values import replace
from mtctl.services.sources import located

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.config import Project
    from mtctl.config_sources import SourceConfig


def source_named(relation: str, project: Project) -> SourceConfig | None:
    """Return the source that a relation of a query belongs to, None where it belongs to none.

    Error `source_table` (INVALID) for a database named without a table.
    """
    parts = relation.lower().split(".")
    for source in project.sources:
        if not source.is_database:
            if relation == source.name:
                return source
        elif parts[0] == source.name:
            if len(parts) == 1:
                what = f"the source {source.name!r} is a database, not a table"
                raise invalid("source_table", what, fix=f"name a table of it: {source.name}.<table>")
            return source
    return None


def source_of(config: SourceConfig, *, restate: bool = False, version: str | None = None) -> Source:
    """Return a configured source as definitions keep it: nothing secret, paths as written."""
    paths = (config.path,) if config.path else ()
    return Source(text=config.name, paths=paths, restate=restate, version=version, kind=config.type)


def known_names(relation: str, tables: Iterable[str], project: Project) -> set[str]:
    """Return what an unknown name may have meant."""
    _, dot, rest = relation.partition(".")
    databases = {f"{source.name}.{rest}" for source in project.sources if source.is_database and dot}
    return {*tables, *databases, *(source.name for source in project.sources if not source.is_database)}


def not_a_source(relation: str, project: Project) -> str:
    """Return what to do about a name of several parts that names nothing, '' where it has only one."""
    first, *rest = relation.split(".")
    if not rest:
        return ""
    if any(source.name == first for source in project.sources if not source.is_database):
        return f"the source {first!r} is files: read it by its own name, it has no tables"
    if len(rest) == 1:
        return ""
    known = ", ".join(source.name for source in project.sources if source.is_database)
    declared = f"declared are {known}" if known else "none is declared"
    return f"name the database in [sources.{first.lower()}] of mtctl.toml (type duckdb, sqlite or postgres); {declared}"


def reached(sources: tuple[Source, ...], project: Project) -> tuple[Source, ...]:
    """Return the sources as an engine needs them: absolute paths, and how to connect to servers.

    Raises invalid `source_unknown` for a server that the project names no more, and the errors of `read_secret`.
    """
    found = located(sources, project)
    if all(source.kind != "postgres" for source in found):
        return found
    return tuple(
        replace(source, dsn=_dsn(source, project)) if source.kind == "postgres" else source for source in found
    )


def every_source(project: Project) -> tuple[Source, ...]:
    """Return all sources that can be reached, for a query of which nobody can tell what it reads."""
    found: list[Source] = []
    for config in project.sources:
        with suppress(MtctlError):  # a secret that is not there: whoever names that source hears that nothing is
            found += reached((source_of(config),), project)
    return tuple(found)


def _dsn(source: Source, project: Project) -> str:
    from mtctl.core.secret import Hidden, is_reference  # noqa: PLC0415 - only servers have secrets
    from mtctl.secret import read_secret  # noqa: PLC0415 - the same

    where = f"mtctl.toml: [sources.{source.text}]"
    config = next((one for one in project.sources if one.name == source.text and one.dsn), None)
    if config is None:
        raise invalid("source_unknown", f"the source {source.text!r} is gone", where=where, fix="put it back")
    if not is_reference(config.dsn):
        return Hidden(config.dsn)
    return Hidden(read_secret(config.dsn, root=project.root, where=where))

