"""Floor 0. A table statement as a value, and its canonical text.

`render` and `ddl.parse_statement` are inverse: parsing a rendered statement gives an equal one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mtctl.core.names import printable, quote, split_name

if TYPE_CHECKING:
    from mtctl.core.freshness import Freshness

CLAUSES = ("COMMENT", "PARTITIONED", "WITH", "FRESHNESS", "REFRESH_MODE", "AS")
"""The clauses behind the column list, in their order."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
# DuckDB's reserved words (`duckdb_keywords()`, version 1.5.5): as names they need quotes.
RESERVED_WORDS = frozenset(
    """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    default deferrable desc describe distinct do else end except false fetch for foreign from group having in
    initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer
    pivot_wider placing primary qualify references returning select show some summarize symmetric table then to
    trailing true union unique unpivot using variadic when where window with
    """.split()  # noqa: SIM905 - a list of 75 quoted words reads worse
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """One column of the column list: its name as written, its type if one is given, its comment."""

    name: str
    type: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One WITH pair as written, and where its key stands (line and column from 1; no part of equality)."""

    key: str
    value: str
    line: int = field(default=1, compare=False)
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatement:
    """One parsed statement. `name` is the one spelling (`schema.table` outside of main), `ddl` what the user wrote.

    `query` is the verbatim text behind AS, without the final `;` and outer white space; it begins in the file at
    `query_line`, `query_column` (from 1). Places and the raw text are no part of equality.
    """

    name: str
    query: str
    catalog: str | None = None
    or_alter: bool = False
    columns: tuple[ColumnSpec, ...] = ()
    primary_key: tuple[str, ...] = ()
    comment: str | None = None
    partition_columns: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    freshness: Freshness | None = None
    refresh_mode: str | None = None
    file: str = field(default="", compare=False)
    ddl: str = field(default="", compare=False)
    query_line: int = field(default=1, compare=False)
    query_column: int = field(default=1, compare=False)
    primary_key_at: tuple[int, int] = field(default=(1, 1), compare=False)

    def where(self, line: int = 1, column: int = 1) -> str:
        """Return `file:line:column` for an error."""
        return f"{printable(self.file)}:{line}:{column}"

    def query_position(self, line: int, column: int) -> tuple[int, int]:
        """Return where a place of the query (line and column from 1, as the engine says) stands in the file."""
        return self.query_line + line - 1, column + (self.query_column - 1 if line == 1 else 0)


def render(statement: TableStatement) -> str:
    """Return the canonical text of a statement; parsing it gives an equal statement."""
    schema, name = split_name(statement.name)
    parts = [statement.catalog, schema, name] if statement.catalog else statement.name.split(".")
    lines = [
        f"CREATE {'OR ALTER ' if statement.or_alter else ''}MATERIALIZED TABLE {'.'.join(map(_identifier, parts))}",
        *_render_columns(statement),
    ]
    if statement.comment is not None:
        lines.append(f"COMMENT {_string(statement.comment)}")
    if statement.partition_columns:
        lines.append(f"PARTITIONED BY ({', '.join(map(_identifier, statement.partition_columns))})")
    if statement.options:
        pairs = [f"  {_string(option.key)} = {_string(option.value)}" for option in statement.options]
        lines += ["WITH (", ",\n".join(pairs), ")"]
    if statement.freshness is not None:
        lines.append(f"FRESHNESS = {statement.freshness}")
    if statement.refresh_mode is not None:
        lines.append(f"REFRESH_MODE = {statement.refresh_mode}")
    return "\n".join([*lines, "AS", statement.query]) + "\n"


def _render_columns(statement: TableStatement) -> list[str]:
    items = [
        "  " + _identifier(column.name) + (f" {column.type}" if column.type else "")
        + (f" COMMENT {_string(column.comment)}" if column.comment is not None else "")
        for column in statement.columns
    ]  # fmt: skip
    if statement.primary_key:
        items.append(f"  PRIMARY KEY ({', '.join(map(_identifier, statement.primary_key))}) NOT ENFORCED")
    return ["(", ",\n".join(items), ")"] if items else []


def _identifier(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name not in RESERVED_WORDS and name.upper() not in {*CLAUSES, "WATERMARK"}
    return name if plain else quote(name)


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
