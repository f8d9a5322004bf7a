"""Floor 2. The version of a database source that an attempt reads, asked for where it is attached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from mtctl.core.errors import invalid
from mtctl.core.source_version import VERSION_ZONE, version_found, version_query
from mtctl.engine.syntax import read_select
from mtctl.engine.troubles import translate

if TYPE_CHECKING:
    from mtctl.core.model import Source, SourceFile
    from mtctl.engine.session import Session


def version_of(session: Session, database: Source, select: str) -> SourceFile:
    """Return the version of an attached database; error `source_version` unless the SELECT yields one row."""
    name = database.text
    query = version_query(select)
    read_select(session.connection, query, session.syntaxes)
    session.use_zone(VERSION_ZONE)
    try:
        rows = session.run(query)
    except duckdb.Error as error:
        trouble = translate(error)
        trouble.what = f"the version of the source {name!r}: {trouble.what}"
        raise trouble from None
    if len(rows) != 1:
        what = f"the version of the source {name!r} yields {'no row' if not rows else 'more than one row'}"
        raise invalid("source_version", what, fix=f"let 'source.{name}.version' be a SELECT of one row")
    return version_found(name, select, rows[0][0])
