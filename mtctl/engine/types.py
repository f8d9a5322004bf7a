"""Floor 2. The one table of storage types: what a query yields, what Parquet holds, how DuckLake spells it.

What cannot be stored exactly is refused with the CAST to write. HUGEINT, which every `sum(integer)` is, would be
written to Parquet as DOUBLE and lose digits, so it becomes DECIMAL(38,0), and a value too big fails the attempt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.names import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredType:
    """How one DuckDB type is kept: the type in Parquet, DuckLake's spelling, and what the user should know."""

    stored: str
    lake: str
    note: str = ""


def stored_type(column: str, sql_type: str) -> StoredType:
    """Return how a column of this type is stored; error `type_unsupported` names the CAST to write."""
    found = _EXACT.get(sql_type)
    if found is not None:
        return found
    decimal = _DECIMAL.fullmatch(sql_type)
    if decimal is not None:
        precision, scale = decimal.groups()
        return StoredType(stored=sql_type, lake=f"decimal({precision},{scale})")
    if sql_type.startswith("ENUM("):
        return StoredType(stored="VARCHAR", lake="varchar", note="ENUM is stored as VARCHAR")
    raise _unsupported(column, sql_type)


def unknown_type(column: str) -> MtctlError:
    """Return the error for a column that is nothing but NULL, so that no type can be known."""
    return invalid(
        "type_unsupported",
        f"column {column!r} is NULL without a type",
        fix=f"say which type it has, for example CAST(NULL AS VARCHAR) AS {quote(column)}",
    )


def can_cast(source: str, target: str) -> bool:
    """Whether values of one type can become another without a query saying how: text to and from all, else kin."""
    kinds = (_kind(source), _kind(target))
    return "text" in kinds or kinds[0] == kinds[1]


_SAME = {
    "BOOLEAN": "boolean",
    "TINYINT": "int8",
    "SMALLINT": "int16",
    "INTEGER": "int32",
    "BIGINT": "int64",
    "UTINYINT": "uint8",
    "USMALLINT": "uint16",
    "UINTEGER": "uint32",
    "UBIGINT": "uint64",
    "FLOAT": "float32",
    "DOUBLE": "float64",
    "VARCHAR": "varchar",
    "JSON": "json",
    "UUID": "uuid",
    "BLOB": "blob",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp_s",
    "TIMESTAMP_MS": "timestamp_ms",
    "TIMESTAMP_NS": "timestamp_ns",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
_EXACT = {name: StoredType(stored=name, lake=lake) for name, lake in _SAME.items()} | {
    "HUGEINT": StoredType(
        stored="DECIMAL(38,0)", lake="decimal(38,0)", note="HUGEINT is stored as DECIMAL(38,0); more digits fail"
    )
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")

# The type that keeps most of a refused one; nested values keep all of theirs in JSON until the lake stores them.
_ADVICE = {
    "UHUGEINT": "DECIMAL(38,0)",
    "BIGNUM": "VARCHAR",
    "BIT": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "TIME_NS": "TIME",
    "INTERVAL": "VARCHAR",
}


_TEXT = ("VARCHAR", "JSON", "ENUM")
_TIMES = ("DATE", "TIMESTAMP")
_ALONE = ("BOOLEAN", "UUID", "BLOB", "TIME", "TIME WITH TIME ZONE", "INTERVAL", "BIT")


def _kind(sql_type: str) -> str:
    """Return the family of a type, within which DuckDB casts."""
    if sql_type.startswith(_TEXT):
        return "text"
    if sql_type.startswith(_TIMES):
        return "date"
    if sql_type in _ALONE or (sql_type.endswith(("]", ")")) and not sql_type.startswith("DECIMAL")):
        return sql_type
    return "number"


def _unsupported(column: str, sql_type: str) -> MtctlError:
    if sql_type in {"NULL", '"NULL"'}:
        return unknown_type(column)
    advice = _ADVICE.get(sql_type, "VARCHAR" if sql_type.startswith("GEOMETRY") else "JSON")
    name = quote(column)
    return invalid(
        "type_unsupported",
        f"column {column!r} has the type {sql_type}, which the lake does not store exactly",
        fix=f"write CAST({name} AS {advice}) AS {name} in the query",
    )
