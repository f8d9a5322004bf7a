"""Floor 2. Where DuckDB 1.5 and 2.x differ: the only module that knows it.

Both are asked the same and answer in slightly different words; what they mean is the same. Each function says what the
older one does and what the newer one does, so that a line can go when the older one does.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOWHERE = 1 << 63
"""A position from here on is DuckDB's "unknown" (2^64 - 1)."""


def most_interval_ms() -> int:
    """Return the milliseconds that an INTERVAL in Parquet keeps beside its days: 2.x turns 24 hours into a day."""
    return (1 << 32) - 1 if _is_older() else 86_400_000 - 1


def is_operator(piece: bytes) -> bool:
    """Return whether a token is an operator whatever kind it is said to be: 2.x calls a bare dot a number."""
    return piece.rstrip() == b"."


def place_of_function(node: Mapping[str, Any]) -> int:
    """Return the byte at which a table function of the parser's tree begins: 2.x tells it of the node around only."""
    place = (node.get("function") or {}).get("query_location")
    return int(node["query_location"] if place is None or int(place) >= _NOWHERE else place)


def number_of(constant: Mapping[str, Any]) -> int | None:
    """Return the whole number that a constant of the parser's tree is: a typed value in 1.5, its text in 2.x."""
    literal = constant.get("literal")
    if literal is None:
        found = constant["value"].get("value")
        return found if isinstance(found, int) else None
    return int(literal["text"]) if literal.get("kind") == "INTEGER" else None


def plain_constant(node: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return (number or string, its text) of a constant of the parser's tree, None for one of another kind.

    1.5 has a typed value, a decimal one as a whole number with its scale; 2.x the text as written and a kind.
    """
    literal = node.get("literal")
    if literal is not None:
        kinds = {"INTEGER": "number", "NUMERIC": "number", "STRING": "string"}
        kind = kinds.get(str(literal["kind"]))
        text = str(literal["text"])
        is_float = kind == "number" and "e" in text.lower()
        return None if kind is None or is_float else (kind, text)
    value = node["value"]
    kind, held = value["type"]["id"], value.get("value")
    if value.get("is_null") or isinstance(held, bool):
        return None
    if kind in _INTEGERS and isinstance(held, int):
        return "number", str(held)
    if kind == "DECIMAL" and isinstance(held, int):
        scale = int((value["type"].get("type_info") or {}).get("scale", 0))
        digits = str(abs(held)).rjust(scale + 1, "0")
        whole = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
        return "number", f"-{whole}" if held < 0 else whole
    return ("string", held) if kind == "VARCHAR" and isinstance(held, str) else None


def cast_target(node: Mapping[str, Any]) -> str | None:
    """Return the plain type that a CAST of the parser's tree makes; 2.x has its name as written, 1.5 the type."""
    spelled = node.get("type_expr")
    if spelled is None:
        found = node["cast_type"]
        return None if found.get("type_info") else str(found["id"])
    if spelled.get("children") or len(spelled["qualified_name"]["path"]) != 1:
        return None
    name = str(spelled["type_name"]).upper()
    return "TIMESTAMP WITH TIME ZONE" if name == "TIMESTAMPTZ" else name


_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
)

PLACES = frozenset({"query_location", "query_location_length"})
"""The keys of the parser's tree that say where something stands; the second is of 2.x."""


def parser_counts_characters() -> bool:
    """Return whether positions of syntax errors are in characters (1.5) instead of bytes (2.x)."""
    return _is_older()


def statistics(reported: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return what COPY with RETURN_STATS says of the columns that hold values.

    2.x also reports the groups above nested columns. What it says beside that (whether a bound is exact, how many NaN)
    stands beside the words of 1.5, whose bounds of long texts are cut just so.
    """
    return {name: found for name, found in reported.items() if "column_size_bytes" in found}


@lru_cache(maxsize=1)
def _is_older() -> bool:
    """Return whether the DuckDB at hand is 1.5; it is not loaded by who only writes SQL."""
    from duckdb import __version__ as version  # noqa: PLC0415 - the client of a runner must not load it

    return int(version.split(".", 1)[0]) < 2
