"""Floor 0. What a statement must agree on with the columns that its query yields.

The texts are Flink's where it has one (its converter tests). Two of Flink's acts are refused instead: renaming a
doubled output column, and options whose mistakes would show only at the refresh.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtctl.core.errors import invalid
from mtctl.core.names import check_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtctl.core.statement import TableStatement

FORMATTER_PREFIX = "partition.fields."
FORMATTER_SUFFIX = ".date-formatter"

_ALIASES = {
    "INT": "INTEGER", "INT4": "INTEGER", "SIGNED": "INTEGER", "INT8": "BIGINT", "LONG": "BIGINT", "INT2": "SMALLINT",
    "SHORT": "SMALLINT", "INT1": "TINYINT", "STRING": "VARCHAR", "TEXT": "VARCHAR", "CHAR": "VARCHAR",
    "BPCHAR": "VARCHAR", "BOOL": "BOOLEAN", "LOGICAL": "BOOLEAN", "FLOAT4": "FLOAT", "REAL": "FLOAT",
    "FLOAT8": "DOUBLE", "NUMERIC": "DECIMAL", "DEC": "DECIMAL", "DATETIME": "TIMESTAMP", "BYTES": "BLOB",
    "BYTEA": "BLOB", "BINARY": "BLOB", "VARBINARY": "BLOB", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_LTZ": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
_NUMBERS = (
    "TINYINT", "UTINYINT", "SMALLINT", "USMALLINT", "INTEGER", "UINTEGER", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT",
    "DECIMAL", "FLOAT", "DOUBLE",
)  # fmt: skip
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def check_columns(statement: TableStatement, described: Sequence[tuple[str, str, bool]]) -> None:
    """Compare a statement with the described (name, type, nullable) columns of its query, in their order.

    Nullability is not compared: the engine does not know it before the data. Errors (kind INVALID):
    `schema_empty`, `schema_duplicate_column`, `schema_reserved_column`, `schema_column_count`,
    `schema_column_missing`, `schema_type`, `primary_key_missing`, `partition_column_missing`, `option_formatter`.
    """
    types = _described(statement, described)
    _check_list(statement, types)
    _check_primary_key(statement, types)
    _check_partition(statement, types)
    _check_formatters(statement, types)


def type_family(type_text: str) -> str:
    """Return a type without its parameters, in DuckDB's spelling: `varchar(3)` gives `VARCHAR`."""
    name = re.sub(r"\([^()]*\)", "", type_text)
    name = " ".join(name.upper().split())
    if "[" in name or name.startswith(("STRUCT", "MAP", "LIST", "ARRAY", "UNION", "ROW")):
        return name
    return _ALIASES.get(name, name)


def is_implicit_cast(source: str, target: str) -> bool:
    """Return whether a value of the source type may become the target type without losing kind or range."""
    old, new = type_family(source), type_family(target)
    if old in {new, '"NULL"'}:
        return True
    for ladder in (_NUMBERS, _TIMES):
        if old in ladder and new in ladder:
            return ladder.index(old) < ladder.index(new) and not (new.startswith("U") and not old.startswith("U"))
    return False


def formatter_options(options: Mapping[str, str]) -> dict[str, str]:
    """Return the date patterns among WITH pairs, by column name in lower case."""
    return {
        key[len(FORMATTER_PREFIX) : -len(FORMATTER_SUFFIX)].lower(): value
        for key, value in options.items()
        if key.startswith(FORMATTER_PREFIX) and key.endswith(FORMATTER_SUFFIX)
    }


def _described(statement: TableStatement, described: Sequence[tuple[str, str, bool]]) -> dict[str, str]:
    where = statement.where(statement.query_line, statement.query_column)
    if not described:
        raise invalid("schema_empty", "the query yields no columns", where=where, fix="select at least one")
    types: dict[str, str] = {}
    for name, type_text, _ in described:
        key = check_column(name, where=where).lower()
        if key in types:
            raise invalid(
                "schema_duplicate_column", f"the query yields the column '{name}' twice", where=where,
                fix=f"rename one with AS, for example AS {name}_2",
            )  # fmt: skip
        types[key] = type_text
    return types


def _check_list(statement: TableStatement, types: Mapping[str, str]) -> None:
    if not statement.columns:
        return
    where = statement.where()
    if len(statement.columns) != len(types):
        raise invalid(
            "schema_column_count",
            "The number of columns in the column list must match the number of columns in the source schema.",
            where=where, fix=f"the query yields {', '.join(types)}",
        )  # fmt: skip
    for position, column in enumerate(statement.columns, start=1):
        found = types.get(column.name.lower())
        if found is None:
            raise invalid(
                "schema_column_missing", f"Column '{column.name}' not found in the source schema.", where=where,
                fix=f"the query yields {', '.join(types)}",
            )  # fmt: skip
        if column.type is not None and not is_implicit_cast(found, column.type):
            raise invalid(
                "schema_type",
                f"Incompatible types for sink column '{column.name}' at position {position}. The source column has "
                f"type '{found}', while the target column has type '{column.type}'.",
                where=where, fix=f"write CAST(… AS {column.type}) in the query",
            )  # fmt: skip


def _check_primary_key(statement: TableStatement, types: Mapping[str, str]) -> None:
    line, column = statement.primary_key_at
    for name in statement.primary_key:
        if name.lower() not in types:
            raise invalid(
                "primary_key_missing",
                f"Primary key column '{name}' is not defined in the schema at line {line}, column {column}",
                where=statement.where(line, column), fix=f"the query yields {', '.join(types)}",
            )  # fmt: skip


def _check_partition(statement: TableStatement, types: Mapping[str, str]) -> None:
    for name in statement.partition_columns:
        if name.lower() not in types:
            raise invalid(
                "partition_column_missing",
                f"Partition column '{name}' not defined in the query's schema. Available columns: {_listed(types)}.",
                where=statement.where(), fix="select the column in the query",
            )  # fmt: skip


def _check_formatters(statement: TableStatement, types: Mapping[str, str]) -> None:
    partition = {name.lower(): name for name in statement.partition_columns}
    for option in statement.options:
        for column in formatter_options({option.key: option.value}):
            where = statement.where(option.line, option.column)
            written = option.key[len(FORMATTER_PREFIX) : -len(FORMATTER_SUFFIX)]
            if column not in partition:
                raise invalid(
                    "option_formatter",
                    f"Column '{written}' referenced by materialized table option '{option.key}' isn't a partition "
                    f"column. Available partition columns: {_listed(partition.values())}.",
                    where=where, fix="name a partition column",
                )  # fmt: skip
            if type_family(types[column]) != "VARCHAR":
                raise invalid(
                    "option_formatter",
                    f"Materialized table option '{option.key}' only supports referring to char, varchar and string "
                    f"type partition column. Column `{written}` type is {types[column]}.",
                    where=where, fix="for a DATE or TIMESTAMP column write 'partition.grain' instead",
                )  # fmt: skip


def _listed(names: Iterable[str]) -> str:
    """Return names as Flink prints them: `['a', 'b']`, and `['']` of none."""
    found = list(names)
    return "[" + ", ".join(f"'{name}'" for name in found or [""]) + "]"
