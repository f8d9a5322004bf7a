"""Floor 2. Makes a query's names mean something in a session: relations, sources and file literals.

Relations become views that read pinned files by field id (or empty tables, to describe). File literals are replaced,
at the parser's own positions, by the frozen list of files; DuckDB itself never expands a pattern.
"""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals
# ruff: noqa: PTH119, PTH122 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb

from mtctl.core.names import MAIN, quote, split_name
from mtctl.core.values import frozen
from mtctl.engine import literals
from mtctl.engine.compare import ranged
from mtctl.engine.finder import READERS, Literal
from mtctl.engine.sandbox import Seen, freeze, reader_of
from mtctl.engine.troubles import Edit, Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.model import Column, Source
    from mtctl.engine.session import Session
    from mtctl.engine.settings import RunnerSettings
    from mtctl.engine.syntax import Syntax
    from mtctl.ports.engine import Relation


_CHEAPER_ANEW = 50
"""Dropping this many relations costs as much as opening a new instance."""


@frozen
class Frozen:
    """The sources of one query: what their texts stand for, and the files found."""

    patterns: Mapping[str, tuple[str, ...]]
    files: Mapping[str, tuple[Seen, ...]]

    @property
    def paths(self) -> list[str]:
        """All files, each once."""
        return list(dict.fromkeys(seen.path for files in self.files.values() for seen in files))

    @property
    def seen(self) -> tuple[Seen, ...]:
        """All files by stat, each once, sorted by path."""
        by_path = {seen.path: seen for files in self.files.values() for seen in files}
        return tuple(by_path[path] for path in sorted(by_path))


@frozen
class Bound:
    """A query whose names are bound: the SQL to run, and how its positions map back to what was written.

    `relations` is the WITH clause that the query stands behind, empty where views stand for its relations.
    """

    sql: str
    text: Text
    relations: str = ""

    def inside(self, before: str, after: str) -> tuple[str, Text]:
        """Return the query between two pieces of SQL, and the text that maps positions in that."""
        if self.relations:
            # Not straight behind WITH: there the parser takes no query that begins with a WITH of its own.
            before, after = f"{before}{self.relations} SELECT * FROM (\n", f"\n){after}"
        offset = len(before.encode())
        text = Text(original=self.text.original, offset=offset, edits=self.text.edits)
        return f"{before}{self.sql}{after}", text


def freeze_sources(
    settings: RunnerSettings, syntax: Syntax, sources: Sequence[Source], relations: Sequence[Relation] = ()
) -> Frozen:
    """Look up the files of every source that the query names; a literal without a source stands for itself."""
    known = {source.text: source.paths for source in sources if source.kind == "files"}
    taken = _by_name(relations)
    patterns = {literal.value: known.get(literal.value, (literal.value,)) for literal in syntax.literals}
    if syntax.parsed.tables is None:
        named = [text for text in known if text.lower() in syntax.words and text.lower() not in taken]
    else:
        words = {t.parts[0].lower() for t in syntax.tables if len(t.parts) == 1}
        named = [text for text in known if text.lower() in words and text.lower() not in taken]
    patterns |= {text: known[text] for text in named}
    return Frozen(patterns=patterns, files={text: freeze(settings, text, paths) for text, paths in patterns.items()})


class Binder:
    """Creates and drops what queries read, in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._made: dict[str, str] = {}
        self._generation = session.generation

    def bind(self, syntax: Syntax, relations: Sequence[Relation], frozen: Frozen, *, empty: bool = False) -> Bound:
        """Create the views that the query needs and return it with its literals replaced."""
        self._follow()
        by_name = _by_name(relations)
        if syntax.parsed.tables is None:
            for relation in relations:
                if _place(relation)[1].lower() in syntax.words:
                    self.relation(relation, empty=empty)
        for table in syntax.tables:
            found = by_name.get(".".join(table.parts).lower())
            if found is not None:
                self.relation(found, empty=empty)
        literal_texts = {literal.value for literal in syntax.literals}
        for text, files in frozen.files.items():
            if text not in literal_texts:
                self._source(text, files)
        return _spliced(syntax, by_name, frozen)

    def bind_once(self, syntax: Syntax, relations: Sequence[Relation], frozen: Frozen) -> Bound:
        """Do as `bind` for a query that runs once: common table expressions stand for its relations.

        DuckDB takes their SQL apart wherever it meets their name, views too; a view costs its making and its end
        besides. Names that have more than one part, or that nobody knows, take the views.
        """
        by_name = _by_name(relations)
        if syntax.parsed.tables is None or any(len(table.parts) > 1 for table in syntax.tables):
            return self.bind(syntax, relations, frozen)
        named = {table.parts[0].lower(): by_name.get(table.parts[0].lower()) for table in syntax.tables}
        found = [relation for relation in named.values() if relation is not None]
        bound = self.bind(syntax, (), frozen)
        if not found:
            return bound
        parts = ", ".join(
            f"{quote(_place(relation)[1])} AS NOT MATERIALIZED ({_rows(relation)})" for relation in found
        )
        return Bound(sql=bound.sql, text=bound.text, relations=f"WITH {parts}")

    def relation(self, relation: Relation, *, empty: bool) -> None:
        """Create the relation unless it exists just so."""
        name = _quoted(relation)
        files = () if empty else relation.files
        if relation.ranges is not None:
            sql = f"CREATE VIEW {name} AS {ranged(relation)}"
        elif files:
            sql = f"CREATE VIEW {name} AS {literals.rows_of(relation)}"
        else:
            sql = _empty_table(name, relation.columns)
        schema, _ = _place(relation)
        if schema != MAIN:  # it stays, empty
            self._session.run(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}")
        self._make(name, sql)

    def clear(self) -> None:
        """Drop everything that was made; after very many a fresh instance costs less."""
        self._follow()
        if len(self._made) > _CHEAPER_ANEW:
            self._session.reopen()
            self._follow()
        if self._made:
            drops = [_drop_sql(key, made) for key, made in self._made.items()]
            self._made.clear()
            self._session.connection.execute("; ".join(drops))

    def _follow(self) -> None:
        """Forget what went away with an older instance of the session."""
        if self._generation != self._session.generation:
            self._generation = self._session.generation
            self._made.clear()

    def _source(self, name: str, files: Sequence[Seen]) -> None:
        paths = [seen.path for seen in files]
        reader = reader_of(name, paths[0])
        where = f"{MAIN}.{quote(name)}"
        self._make(where, f"CREATE VIEW {where} AS SELECT * FROM {reader}({literals.text_list(paths)})")

    def _make(self, name: str, sql: str) -> None:
        key = name.lower()
        if self._made.get(key) == sql:
            return
        if key in self._made:
            self._drop(key)
        self._session.run(sql)
        self._made[key] = sql

    def _drop(self, key: str) -> None:
        self._session.connection.execute(_drop_sql(key, self._made.pop(key)))


def bind_values(params: Mapping[str, object], wanted: Sequence[str]) -> dict[str, object]:
    """Return DuckDB values for the tagged parameters that the query names."""
    values: dict[str, object] = {}
    for name in wanted:
        tagged = params.get(name)
        if isinstance(tagged, dict):
            values[name] = duckdb.Value(tagged["value"], duckdb.type(tagged["type"]))
    return values


def _drop_sql(key: str, made: str) -> str:
    kind = "VIEW" if made.startswith("CREATE VIEW") else "TABLE"
    return f"DROP {kind} IF EXISTS {key}"


def _by_name(relations: Sequence[Relation]) -> dict[str, Relation]:
    return {name.lower(): relation for relation in relations for name in relation.names}


def _rows(relation: Relation) -> str:
    """Return the SELECT of a relation's rows."""
    if relation.ranges is not None:
        return ranged(relation)
    if relation.files:
        return literals.rows_of(relation)
    typed = ", ".join(f"CAST(NULL AS {column.stored_type}) AS {quote(column.name)}" for column in relation.columns)
    return f"SELECT {typed} LIMIT 0"


def _empty_table(name: str, columns: Sequence[Column]) -> str:
    typed = ", ".join(f"{quote(column.name)} {column.stored_type}" for column in columns)
    return f"CREATE TABLE {name} ({typed})"


def _place(relation: Relation) -> tuple[str, str]:
    """Return schema and name under which a relation is made: of its names the shortest says both."""
    return split_name(min(relation.names, key=len))


def _quoted(relation: Relation) -> str:
    """Return where a relation is made, as SQL names it."""
    schema, name = _place(relation)
    return f"{schema if schema == MAIN else quote(schema)}.{quote(name)}"


def _spliced(syntax: Syntax, by_name: Mapping[str, Relation], frozen: Frozen) -> Bound:
    """Replace literals by file lists, and names of more than one part by the view that stands for them."""
    pieces: list[tuple[int, int, str]] = [
        (literal.start, literal.end, _literal_sql(literal, frozen)) for literal in syntax.literals
    ]
    for table in syntax.tables:
        relation = by_name.get(".".join(table.parts).lower())
        if relation is not None and len(table.parts) > 1:
            pieces.append((table.start, table.end, _quoted(relation)))
    raw, out, edits, last = syntax.query[: syntax.end], bytearray(), [], 0  # a closing semicolon stays out
    for start, end, new in sorted(pieces):
        out += raw[last:start]
        encoded = new.encode()
        edits.append(Edit(start=start, end=end, at=len(out), length=len(encoded)))
        out += encoded
        last = end
    out += raw[last:]
    return Bound(sql=out.decode("utf-8", "surrogatepass"), text=Text(original=syntax.query, edits=tuple(edits)))


def _literal_sql(literal: Literal, frozen: Frozen) -> str:
    files = literals.text_list(seen.path for seen in frozen.files[literal.value])
    if literal.reader is not None:
        return files
    reader = reader_of(literal.value, frozen.files[literal.value][0].path)
    alias = "" if literal.aliased else f" AS {quote(os.path.splitext(os.path.basename(literal.value))[0] or 'source')}"
    return f"{READERS[reader]}({files}){alias}"
