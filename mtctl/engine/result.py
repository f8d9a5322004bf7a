"""Floor 2. A query's rows as text, in chunks of at most a mebibyte, cast by DuckDB itself."""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core.values import frozen
from mtctl.engine.binding import Binder, bind_values, freeze_sources
from mtctl.engine.databases import databases_of
from mtctl.engine.describe import columns_of
from mtctl.engine.syntax import read_select
from mtctl.engine.troubles import translate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mtctl.core.model import Source
    from mtctl.engine.session import Session
    from mtctl.ports.engine import Relation

CHUNK_BYTES = 1 << 20
"""Most text in one chunk; a single longer row makes its own."""

_BLOCK_ROWS = 2048


@frozen
class Question:
    """One query to run: its SQL, what it may name, the session's zone, and the tagged parameters."""

    sql: str
    relations: tuple[Relation, ...]
    sources: tuple[Source, ...]
    zone: str
    limit: int | None
    params: Mapping[str, object]


class Result:
    """One running query: names and types at once, rows as they are asked for."""

    def __init__(self, session: Session, binder: Binder, question: Question) -> None:
        self._session = session
        syntax = read_select(session.connection, question.sql, session.syntaxes, allow_show=True)
        frozen = freeze_sources(session.settings, syntax, question.sources, question.relations)
        session.read_from(frozen.paths, databases_of(syntax, question.sources))
        session.use_zone(question.zone)
        bound = binder.bind(syntax, question.relations, frozen)
        columns = columns_of(session, bound, question.params, syntax, tell_null=False)
        self.columns = [name for name, _ in columns]
        self.types = [sql_type for _, sql_type in columns]
        aliases = [f'"c{index}"' for index in range(len(columns))]
        texts = ", ".join(f"CAST({alias} AS VARCHAR)" for alias in aliases)
        tail = "" if question.limit is None else f" LIMIT {int(question.limit)}"
        self._sql, self._text = bound.inside(f"SELECT {texts} FROM (\n", f"\n) AS q({', '.join(aliases)}){tail}")
        self._params = bind_values(question.params, syntax.parsed.params)

    def chunks(self) -> Iterator[list[list[Any]]]:
        """Yield the rows in chunks; MtctlError when the query fails on the way."""
        self._session.check()
        try:
            cursor = self._session.connection.execute(self._sql, self._params or None)
            chunk: list[list[Any]] = []
            size = 0
            while block := cursor.fetchmany(_BLOCK_ROWS):
                for row in block:
                    length = sum(4 if value is None else len(value) + 3 for value in row)
                    if chunk and size + length > CHUNK_BYTES:
                        yield chunk
                        chunk, size = [], 0
                    chunk.append(list(row))
                    size += length
            if chunk:
                yield chunk
        except duckdb.Error as error:
            raise translate(error, self._text) from None
