"""Floor 2. The one place that writes a value into SQL text, for where DuckDB takes no bound parameter.

File lists, COPY targets and interval edges of mtctl itself come here; values of users are bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.names import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Column


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


def names(columns: Sequence[Column]) -> str:
    """Return the quoted column names, comma separated."""
    return ", ".join(quote(column.name) for column in columns)


def stored(columns: Sequence[Column]) -> str:
    """Return the select list that casts the columns of `q` to what is stored."""
    return ", ".join(f"CAST(q.{quote(c.name)} AS {c.stored_type}) AS {quote(c.name)}" for c in columns)
