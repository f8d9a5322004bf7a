"""Floor 2. The content fingerprint `mt1`: SQL that hashes a row, and the text that sums rows up.

`mt1-<probe>-<count>-<sum>`: the number of rows and the sum of their 64-bit hashes modulo 2^64 in hex. Summing makes
it independent of order and lets parts be added; XOR would let two equal rows cancel each other.

A row's hash is taken over its stored columns, each salted with its field id and freed of its NULL hash, so neither
the order of columns nor a NULL column added later changes it. The salted hash is hashed once more: DuckDB joins two
hashes by XOR, so that without it the same value in two columns would cancel and change unseen.

DOUBLE is rounded to 40 bits of mantissa, which is 12 significant digits; -0.0 equals 0.0, NaN is one value. The probe
is a digest of a constant row: a DuckDB that hashes otherwise shows another probe, which is not the same as changed
content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.names import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Column

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
    if column.stored_type == "DOUBLE":
        split = f"{value} * {_SPLITTER}"
        value = f"CASE WHEN abs({value}) < 1e300 THEN {split} - ({split} - {value}) ELSE {value} END"
    return f"xor(hash(hash({value}, {column.field_id})), hash(hash(NULL, {column.field_id})))"
