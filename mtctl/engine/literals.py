"""Floor 2. The one place that writes a value into SQL text, for where DuckDB takes no bound parameter.

File lists, COPY targets and interval edges of mtctl itself come here; values of users are bound.
"""

# ruff: noqa: S608 - names are quoted by core.names, values written here

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.model import Column
from mtctl.core.names import quote
from mtctl.engine.types import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.ports.engine import Relation


def text(value: str) -> str:
    """Return a string literal."""
    if "\0" in value:
        raise ValueError("a literal cannot hold NUL")
    return "'" + value.replace("'", "''") + "'"


def text_list(values: Iterable[str]) -> str:
    """Return a list of string literals."""
    return f"[{', '.join(text(value) for value in values)}]"


def parquet(files: Sequence[str], columns: Sequence[Column], *, row_numbers: bool = False) -> str:
    """Return the `read_parquet` call that reads these files by field id, in the order of the columns."""
    entries = ", ".join(
        f"{c.field_id}: {{name: {text(c.name)}, type: {text(c.stored_type)}, default_value: NULL}}" for c in columns
    )
    extra = ", file_row_number = true" if row_numbers else ""
    return f"read_parquet({text_list(files)}, schema = MAP {{{entries}}}{extra})"


def rows_of(relation: Relation) -> str:
    """Return the SELECT of a relation's files; of those that it sees a part of, the rows that had come by then."""
    if not relation.partial:
        return f"SELECT * FROM {parquet(relation.files, relation.columns)}"
    partial = [path for path in relation.files if path in relation.partial]
    whole = [path for path in relation.files if path not in relation.partial]
    if not partial:
        return f"SELECT * FROM {parquet(whole, relation.columns)}"
    came = Column(name=_CAME, type="BIGINT", stored_type="BIGINT", lake_type="int64", field_id=_CAME_ID)
    source = parquet(partial, [*relation.columns, came])
    part = f"SELECT {names(relation.columns)} FROM {source} WHERE {quote(_CAME)} <= {relation.snapshot_id}"
    return f"{part} UNION ALL SELECT * FROM {parquet(whole, relation.columns)}" if whole else part


_CAME, _CAME_ID = "_ducklake_internal_snapshot_id", 2147483539


def names(columns: Sequence[Column]) -> str:
    """Return the quoted column names, comma separated."""
    return ", ".join(quote(column.name) for column in columns)


def stored(columns: Sequence[Column]) -> str:
    """Return the select list that casts the columns of `q` to what is stored, or fails where that is not exact."""
    return ", ".join(
        f"{exact(f'CAST(q.{quote(c.name)} AS {c.stored_type})', c.name, c.stored_type)} AS {quote(c.name)}"
        for c in columns
    )
