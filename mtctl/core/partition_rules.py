"""Floor 0. Which partition and which calendar a table has: from its statement, its options and its column types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.ddl_checks import type_family
from mtctl.core.errors import invalid
from mtctl.core.interval import Grain
from mtctl.core.model import Mode, Partition, PartitionColumn
from mtctl.core.partition import Formatter, grain_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.keys import TableOptions
    from mtctl.core.statement import TableStatement

_ZONED = "TIMESTAMP WITH TIME ZONE"
_NATIVE = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", _ZONED})


def partition_of(statement: TableStatement, options: TableOptions, column_types: Mapping[str, str]) -> Partition | None:
    """Return the partition of a table, None without PARTITIONED BY; `column_types` are those of the query.

    Either all columns are strings with a date pattern, or the one column is DATE, TIMESTAMP or TIMESTAMPTZ with
    'partition.grain'. Errors (kind INVALID): `partition_column_missing`, `partition_type`, `partition_grain_missing`,
    `partition_grain`, `partition_undetermined`.
    """
    if not statement.partition_columns:
        if options.partition_grain is not None or options.partition_formatters:
            raise invalid(
                "partition_undetermined", "the options speak of a partition and there is no PARTITIONED BY",
                where=statement.where(), fix="write PARTITIONED BY (column) before WITH",
            )  # fmt: skip
        return None
    types = {name.lower(): (name, type_text) for name, type_text in column_types.items()}
    columns = tuple(_column(statement, options, name, types) for name in statement.partition_columns)
    grain = _grain(statement, options, columns)
    return Partition(columns=columns, grain=grain, null_policy=options.partition_null)


def mode_of(statement: TableStatement, options: TableOptions, partition: Partition | None) -> Mode:
    """Return the mode in force: what is written, else `interval` with a partition and `full` without.

    Error `mode_partition`: `interval` needs a partition.
    """
    if options.mode is Mode.INTERVAL and partition is None:
        raise invalid(
            "mode_partition", "the mode 'interval' needs a partition", where=_place(statement, options, "mode"),
            fix="write PARTITIONED BY (column) with its grain, or 'mode' = 'full'",
        )  # fmt: skip
    return options.mode or (Mode.FULL if partition is None else Mode.INTERVAL)


def _column(
    statement: TableStatement, options: TableOptions, name: str, types: Mapping[str, tuple[str, str]]
) -> PartitionColumn:
    found = types.get(name.lower())
    if found is None:
        listed = ", ".join(f"'{each}'" for each, _ in types.values())
        raise invalid(
            "partition_column_missing",
            f"Partition column '{name}' not defined in the query's schema. Available columns: [{listed}].",
            where=statement.where(), fix="select the column in the query",
        )  # fmt: skip
    real_name, type_text = found
    family = type_family(type_text)
    pattern = options.partition_formatters.get(name.lower())
    if family == "VARCHAR" and pattern is None:
        raise invalid(
            "partition_undetermined", f"the partition column '{name}' is a string without a date pattern",
            where=statement.where(), fix=f"write WITH ('partition.fields.{name}.date-formatter' = 'yyyy-MM-dd')",
        )  # fmt: skip
    if family != "VARCHAR" and family not in _NATIVE:
        raise invalid(
            "partition_type", f"the partition column '{name}' is {type_text}", where=statement.where(),
            fix="partition by a string with a date pattern, or by a DATE, TIMESTAMP or TIMESTAMPTZ",
        )  # fmt: skip
    return PartitionColumn(name=real_name, type=type_text, formatter=pattern if family == "VARCHAR" else None)


def _grain(statement: TableStatement, options: TableOptions, columns: tuple[PartitionColumn, ...]) -> Grain:
    native = [column for column in columns if column.formatter is None]
    if native and len(columns) > 1:
        raise invalid(
            "partition_undetermined", f"'{native[0].name}' is {native[0].type}, so it names the interval alone",
            where=statement.where(), fix="keep that one column, or make all of them strings with date patterns",
        )  # fmt: skip
    if not native:
        where = statement.where()
        grain = grain_of([Formatter.parse(column.formatter or "") for column in columns], where=where)
        if options.partition_grain not in {None, grain}:
            raise invalid(
                "partition_grain", f"the date patterns say {grain}, 'partition.grain' says {options.partition_grain}",
                where=_place(statement, options, "partition.grain"), fix="leave 'partition.grain' out",
            )  # fmt: skip
        return grain
    column = native[0]
    if options.partition_grain is None:
        raise invalid(
            "partition_grain_missing", f"nothing says how long an interval of '{column.name}' is",
            where=statement.where(), fix="write WITH ('partition.grain' = 'day')",
        )  # fmt: skip
    if type_family(column.type) == "DATE" and options.partition_grain in {Grain.HOUR, Grain.MINUTE}:
        raise invalid(
            "partition_grain", f"'{column.name}' is a DATE and cannot tell one {options.partition_grain} from another",
            where=_place(statement, options, "partition.grain"), fix="write day, or partition by a TIMESTAMP",
        )  # fmt: skip
    return options.partition_grain


def _place(statement: TableStatement, options: TableOptions, key: str) -> str:
    return options.places.get(key) or statement.where()
