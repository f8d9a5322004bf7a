"""Floor 2. The one place that writes a value into SQL text, for where DuckDB takes no bound parameter.

File lists, COPY targets and interval edges of mtctl itself come here; values of users are bound.
"""

# ruff: noqa: S608 - names are quoted by core.names, values written here

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.model import Column
from mtctl.core.names import quote
from mtctl.core.values import replace
from mtctl.engine.types import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.ports.engine import DeleteFile, Relation


def text(value: str) -> str:
    """Return a string literal."""
    if "\0" in value:
        raise ValueError("a literal cannot hold NUL")
    return "'" + value.replace("'", "''") + "'"


def text_list(values: Iterable[str]) -> str:
    """Return a list of string literals."""
    return f"[{', '.join(text(value) for value in values)}]"


def parquet(files: Sequence[str], columns: Sequence[Column]) -> str:
    """Return the `read_parquet` call that reads these files by field id, in the order of the columns."""
    entries = ", ".join(
        f"{c.field_id}: {{name: {text(c.name)}, type: {text(c.stored_type)}, default_value: NULL}}" for c in columns
    )
    return f"read_parquet({text_list(files)}, schema = MAP {{{entries}}})"


def rows_of(relation: Relation) -> str:
    """Return the SELECT of a relation's files: of those that it sees a part of, the rows that had come by then.

    Rows that another client has deleted are left out.
    """
    cut, partial = {one.data for one in relation.deleted}, set(relation.partial)
    parts = []
    for is_partial in (True, False):
        files = [path for path in relation.files if (path in partial) == is_partial]
        kept = [path for path in files if path not in cut]
        parts += [_whole(relation, kept, is_partial=is_partial)] if kept else []
        parts += [_rest(relation, files, is_partial=is_partial)] if len(kept) < len(files) else []
    return " UNION ALL ".join(parts)


def _whole(relation: Relation, files: Sequence[str], *, is_partial: bool) -> str:
    if not is_partial:
        return f"SELECT * FROM {parquet(files, relation.columns)}"
    source = parquet(files, [*relation.columns, _came(_CAME)])
    return f"SELECT {names(relation.columns)} FROM {source} WHERE {quote(_CAME)} <= {relation.snapshot_id}"


def _rest(relation: Relation, files: Sequence[str], *, is_partial: bool) -> str:
    """Return the rows of those of the files from which another client has deleted some."""
    asked = set(files)
    deleted = [one for one in relation.deleted if one.data in asked]
    # Under names of our own: a table may have a column that is called like one of those that DuckDB adds.
    named = [replace(column, name=f"c{place}") for place, column in enumerate(relation.columns)]
    shown = ", ".join(f"d.c{place} AS {quote(column.name)}" for place, column in enumerate(relation.columns))
    source = parquet(list(dict.fromkeys(one.data for one in deleted)), [*named, _came("came")] if is_partial else named)
    since = f" WHERE d.came <= {relation.snapshot_id}" if is_partial else ""
    return f"SELECT {shown} FROM {source} d {without(deleted, relation.snapshot_id)}{since}"


def without(deleted: Sequence[DeleteFile], snapshot_id: int) -> str:
    """Return the join that leaves out of `d` what delete files list; `d` reads the data files by these very paths."""
    pieces = []
    for is_partial in (True, False):
        listed = [one for one in deleted if one.is_partial == is_partial]
        if listed:
            pairs = ", ".join(f"({text(one.path)}, {text(one.data)})" for one in listed)
            since = f" WHERE x.{quote(_CAME)} <= {snapshot_id}" if is_partial else ""
            pieces.append(
                f"SELECT m.f, x.pos FROM read_parquet({text_list(dict.fromkeys(one.path for one in listed))}) x "
                f"JOIN (VALUES {pairs}) AS m(l, f) ON x.filename = m.l{since}"
            )
    return f"ANTI JOIN ({' UNION ALL '.join(pieces)}) AS g ON d.filename = g.f AND d.file_row_number = g.pos"


def _came(name: str) -> Column:
    return Column(name=name, type="BIGINT", stored_type="BIGINT", lake_type="int64", field_id=_CAME_ID)


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
