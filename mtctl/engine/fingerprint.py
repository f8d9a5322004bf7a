"""Floor 2. The content fingerprint `mt1`: SQL that hashes a row, and the text that sums rows up.

`mt1-<probe>-<count>-<sum>`: the number of rows and the sum of their 64-bit hashes modulo 2^64 in hex. Summing makes
it independent of order and lets parts be added; XOR would let two equal rows cancel each other.

A row's hash is taken over its stored columns, each salted with its field id and freed of its NULL hash, so neither
the order of columns nor a NULL column added later changes it. The salted hash is hashed once more: DuckDB joins two
hashes by XOR, so that without it the same value in two columns would cancel and change unseen.

DOUBLE is rounded to 40 bits of mantissa, which is 12 significant digits; -0.0 equals 0.0, NaN is one value. An INTERVAL
counts by its text: one month is not thirty days. Of a nested value DuckDB's own hash tells [0] from [0, 0] no more than
[[1], [2]] from [[1, 2]]; so it is the hash of a text, the list of its parts' hashes, and a struct's begins with whether
it is NULL. The same rules hold for what lies inside, DOUBLE too. The probe
is a digest of a constant row: a DuckDB that hashes otherwise shows another probe, which is not the same as changed
content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.names import quote
from mtctl.core.storage import is_nested, tree_of
from mtctl.engine import literals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Column
    from mtctl.core.storage import TypeTree

PROBE_SQL = "SELECT hash('mt1', 42, NULL, 1.5::DOUBLE, DATE '2013-01-01', 7::DECIMAL(38,0)) % 65536"
"""Yields the number behind the probe."""

_MODULUS = 1 << 64
# Veltkamp's split: adding and taking away v * (2^13 + 1) leaves the upper 53 - 13 = 40 bits of the mantissa.
_SPLITTER = "8193.0"


def row_hash(columns: Sequence[Column]) -> str:
    """Return the SQL expression (UBIGINT) that hashes one row of these columns."""
    terms = [_term(column) for column in columns]
    while len(terms) > 1:  # a balanced tree: a chain of a thousand columns would pass the parser's depth limit
        pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
        terms = [f"xor({pair[0]}, {pair[1]})" if len(pair) == 2 else pair[0] for pair in pairs]
    return f"hash({terms[0]})" if terms else "hash(0)"


def fingerprint(probe: int, count: int, total: int) -> str:
    """Return the text for `count` rows whose hashes sum to `total`."""
    return f"mt1-{probe:04x}-{count}-{total % _MODULUS:016x}"


def _term(column: Column) -> str:
    value = quote(column.name)
    if is_nested(column.stored_type):
        value = f"CASE WHEN {value} IS NULL THEN NULL ELSE {_nested(value, tree_of(column.stored_type))} END"
    else:
        value = _plain(value, column.stored_type)
    return f"xor(hash(hash({value}, {column.field_id})), hash(hash(NULL, {column.field_id})))"


def _plain(value: str, stored_type: str) -> str:
    """Return the value whose hash counts."""
    if stored_type == "DOUBLE":
        split = f"{value} * {_SPLITTER}"
        return f"CASE WHEN abs({value}) < 1e300 THEN {split} - ({split} - {value}) ELSE {value} END"
    return f"CAST({value} AS VARCHAR)" if stored_type == "INTERVAL" else value


def _nested(value: str, tree: TypeTree, depth: int = 0) -> str:
    """Return the hash of a value inside of a nested one; NULL has a hash like any other value."""
    match tree.name:
        case "LIST":
            one = f"x{depth}"  # lambdas inside one another need names of their own
            each = _nested(one, tree.parts[0][1], depth + 1)
            return f"hash(CAST(list_transform({value}, lambda {one}: {each}) AS VARCHAR))"
        case "MAP":
            (_, key), (_, held) = tree.parts
            keys = _nested(f"map_keys({value})", _list_of(key), depth)
            return f"hash(CAST([{keys}, {_nested(f'map_values({value})', _list_of(held), depth)}] AS VARCHAR))"
        case "STRUCT":
            parts = [
                _nested(f"struct_extract({value}, {literals.text(name)})", part, depth) for name, part in tree.parts
            ]
            return f"hash(CAST([{', '.join([f'hash({value} IS NULL)', *parts])}] AS VARCHAR))"
    return f"hash({_plain(value, tree.name)})"


def _list_of(tree: TypeTree) -> TypeTree:
    return type(tree)(name="LIST", parts=(("element", tree),))
