"""Floor 2. How the type of a query's column is stored, and what cannot be: by the one table of `core.storage`.

What cannot be stored exactly is refused with the CAST to write. HUGEINT, which every `sum(integer)` is, would be
written to Parquet as DOUBLE and lose digits, so it becomes DECIMAL(38,0), and a value too big fails the attempt. An
INTERVAL in Parquet has neither sign nor microseconds: `exact` guards each value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core import storage
from mtctl.core.errors import Kind, MtctlError, invalid
from mtctl.core.names import quote
from mtctl.core.storage import TypeTree
from mtctl.core.values import frozen
from mtctl.engine.dialect import most_interval_ms

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen
class StoredType:
    """How one DuckDB type is kept: the type in Parquet, DuckLake's spelling, and what the user should know."""

    stored: str
    lake: str
    note: str = ""


def stored_type(column: str, sql_type: str) -> StoredType:
    """Return how a column of this type is stored; error `type_unsupported` names the CAST to write."""
    kept = storage.plain(sql_type)
    if kept is not None:
        return StoredType(stored=sql_type, lake=kept.lake)
    if sql_type == "HUGEINT":
        note = "HUGEINT is stored as DECIMAL(38,0); more digits fail"
        return StoredType(stored=_WIDE, lake="decimal(38,0)", note=note)
    if sql_type in {"NULL", '"NULL"'}:
        raise unknown_type(column)
    try:
        tree = storage.tree_of(sql_type)
    except ValueError:
        raise _unsupported(column, sql_type, "STRUCT(name TYPE, …)" if "STRUCT" in sql_type else "VARCHAR") from None
    if any(True for _ in _refused(tree, outer=True)):
        raise _unsupported(column, sql_type, _advised(tree, outer=True))
    made = _stored(tree)
    text = sql_type if made == tree else made.text  # DuckDB's own spelling quotes what it must
    return StoredType(stored=text, lake=storage.lake_word(made), note="; ".join(dict.fromkeys(_notes(tree))))


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


def declared_type(text: str) -> str | None:
    """Return a type's text as it may stand in SQL, None where it is none."""
    try:
        return storage.tree_of(text.strip()).text
    except (ValueError, RecursionError):
        return None


MARK = "_mtctl_inexact\x1f"
"""Begins the error that `exact` raises inside of DuckDB."""


def exact(value: str, column: str, stored: str) -> str:
    """Return SQL that yields the value, or ends the statement where Parquet could not hold just that value."""
    if stored != "INTERVAL":
        return value
    parts = {part: f"datepart('{part}', {value})" for part in ("year", "month", "day", "hour", "minute", "microsecond")}
    negative = " OR ".join(f"{part} < 0" for part in parts.values())
    # Milliseconds take 32 bits: 49 days; less where DuckDB moves them into days.
    most = most_interval_ms()
    rest = f"{parts['hour']} * 3600000 + {parts['minute']} * 60000 + {parts['microsecond']} // 1000 > {most}"
    bad = f"{negative} OR {parts['microsecond']} % 1000 <> 0 OR {rest}"
    text = column.replace("'", "''")
    return f"CASE WHEN {bad} THEN error('{MARK}{text}\x1f' || CAST({value} AS VARCHAR)) ELSE {value} END"


def inexact(message: str) -> MtctlError | None:
    """Return the user's error for one that `exact` raised, None for any other message."""
    _, mark, found = message.partition(MARK)
    if not mark:
        return None
    column, _, value = found.partition("\x1f")
    name = quote(column)
    return MtctlError(
        "value_inexact",
        f"column {column!r} holds the INTERVAL {value}, which Parquet does not hold exactly: "
        f"it has whole milliseconds, no sign, and hours up to {(most_interval_ms() + 1) // 3_600_000}",
        kind=Kind.FAILED,
        fix=f"write CAST({name} AS VARCHAR) AS {name} in the query, or store a number of microseconds",
    )


_WIDE = "DECIMAL(38,0)"

# The type that keeps most of a refused one. Text brings all of it back, JSON the names of a UNION's members as well.
_ADVICE = {
    "UHUGEINT": _WIDE,
    "BIGNUM": "VARCHAR",
    "BIT": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "TIME_NS": "TIME",
    "UNION": "JSON",
    "VARIANT": "JSON",
    "INTERVAL": "VARCHAR",
    "HUGEINT": _WIDE,
    "GEOMETRY": "VARCHAR",
}
_NESTED = frozenset({"LIST", "ARRAY", "STRUCT", "MAP"})


def _refused(tree: TypeTree, *, outer: bool) -> Iterator[TypeTree]:
    """Yield what of a type is not stored. A HUGEINT or an INTERVAL is only as a whole column, where it is guarded."""
    if tree.name in _NESTED:
        for _, part in tree.parts:
            yield from _refused(part, outer=False)
        return
    if tree.name.startswith("ENUM(") or (outer and tree.name == "HUGEINT"):
        return
    if storage.plain(tree.name) is None or (not outer and tree.name in {"INTERVAL", "GEOMETRY"}):
        yield tree


def _stored(tree: TypeTree) -> TypeTree:
    if tree.name.startswith("ENUM("):
        return TypeTree(name="VARCHAR")
    name = "LIST" if tree.name == "ARRAY" else tree.name
    return TypeTree(name=name, parts=tuple((called, _stored(part)) for called, part in tree.parts))


def _notes(tree: TypeTree) -> Iterator[str]:
    if tree.name.startswith("ENUM("):
        yield "ENUM is stored as VARCHAR"
    if tree.name == "ARRAY":
        yield f"ARRAY is stored as LIST, its length of {tree.size} is not checked"
    for _, part in tree.parts:
        yield from _notes(part)


def _advised(tree: TypeTree, *, outer: bool) -> str:
    """Return the type to cast to: the same with each refused part as the type that keeps most of it."""
    if tree.name in _NESTED:
        parts = tuple((name, TypeTree(name=_advised(part, outer=False))) for name, part in tree.parts)
        return TypeTree(name=tree.name, parts=parts, size=tree.size).text
    if not any(True for _ in _refused(tree, outer=outer)):
        return tree.text
    return _ADVICE.get(tree.name.partition("(")[0], "VARCHAR")


_TEXT = ("VARCHAR", "JSON", "ENUM")
_TIMES = ("DATE", "TIMESTAMP")
_ALONE = ("BOOLEAN", "UUID", "BLOB", "TIME", "TIME WITH TIME ZONE", "INTERVAL", "BIT", "GEOMETRY")


def _kind(sql_type: str) -> str:
    """Return the family of a type, within which DuckDB casts."""
    if sql_type.endswith("]") or sql_type.startswith(("STRUCT(", "MAP(", "UNION(")):
        return "nested"
    if sql_type.startswith(_TEXT):
        return "text"
    if sql_type.startswith(_TIMES):
        return "date"
    if sql_type in _ALONE:
        return sql_type
    return "number"


def _unsupported(column: str, sql_type: str, advice: str) -> MtctlError:
    name = quote(column)
    return invalid(
        "type_unsupported",
        f"column {column!r} has the type {sql_type}, which the lake does not store exactly",
        fix=f"write CAST({name} AS {advice}) AS {name} in the query",
    )
