"""Floor 0. The one table of storage types: what a query yields, what Parquet holds, DuckLake's word, the statistics.

A nested column is one column with a field for each part of it. Their ids are not kept anywhere: they are those that
follow the column's own, depth first, so that the stored type and one number say all of them. Whoever gives out column
ids must therefore leave room for `width` of them.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.core.names import quote
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator


class Statistics(StrEnum):
    """What the texts of a file's least and greatest value are, and so how they compare."""

    NONE = "none"  # no proven mapping: none are written
    COUNTS = "counts"  # values and NULLs are counted, the least and greatest left out
    KEPT = "kept"  # written for other readers; mtctl itself does not prune by them
    INTEGER = "integer"  # decimal digits with a sign
    DECIMAL = "decimal"  # the same, with all digits of the scale
    TEXT = "text"  # the text itself, cut at 256 bytes and the greatest then rounded up
    UUID = "uuid"  # canonical, lower case
    DATE = "date"  # 2013-01-02; other years are longer, `(BC)` or `infinity`
    TIME = "time"  # 01:02:03.4567
    TIMESTAMP = "timestamp"  # 2013-01-02 03:04:05.6
    TIMESTAMPTZ = "timestamptz"  # the same in UTC, with +00


@frozen
class Kept:
    """How a plain type is kept: DuckLake's word for it and what its statistics are."""

    lake: str
    statistics: Statistics


PLAIN: dict[str, Kept] = {
    name: Kept(lake=lake, statistics=statistics)
    for name, lake, statistics in (
        ("BOOLEAN", "boolean", Statistics.KEPT),
        ("TINYINT", "int8", Statistics.INTEGER),
        ("SMALLINT", "int16", Statistics.INTEGER),
        ("INTEGER", "int32", Statistics.INTEGER),
        ("BIGINT", "int64", Statistics.INTEGER),
        ("UTINYINT", "uint8", Statistics.INTEGER),
        ("USMALLINT", "uint16", Statistics.INTEGER),
        ("UINTEGER", "uint32", Statistics.INTEGER),
        ("UBIGINT", "uint64", Statistics.INTEGER),
        # Shortest digits of a FLOAT are another number as a DOUBLE, and so the extension compares them: rows were lost.
        ("FLOAT", "float32", Statistics.COUNTS),
        ("DOUBLE", "float64", Statistics.KEPT),  # without NaN, which is greater than the greatest
        ("VARCHAR", "varchar", Statistics.TEXT),
        ("JSON", "json", Statistics.KEPT),
        ("UUID", "uuid", Statistics.UUID),
        ("BLOB", "blob", Statistics.KEPT),  # upper hex
        ("DATE", "date", Statistics.DATE),
        ("TIME", "time", Statistics.TIME),
        ("TIMESTAMP", "timestamp", Statistics.TIMESTAMP),
        ("TIMESTAMP_S", "timestamp_s", Statistics.TIMESTAMP),
        ("TIMESTAMP_MS", "timestamp_ms", Statistics.TIMESTAMP),
        ("TIMESTAMP_NS", "timestamp_ns", Statistics.KEPT),  # compared with a TIMESTAMP it is cut to microseconds
        ("TIMESTAMP WITH TIME ZONE", "timestamptz", Statistics.TIMESTAMPTZ),
        ("INTERVAL", "interval", Statistics.NONE),
        ("GEOMETRY", "geometry", Statistics.NONE),
    )
}
"""Every plain type that is stored as it is, but for DECIMAL(p,s), whose word has the same numbers."""

_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_NESTED = {"LIST": "list", "STRUCT": "struct", "MAP": "map"}


@frozen
class TypeTree:
    """One type taken apart. `name` is LIST, ARRAY, STRUCT, MAP, UNION or the whole text of any other type.

    `parts` are its fields with their names ("" for those of an unnamed STRUCT): `element` of a LIST or ARRAY, `key` and
    `value` of a MAP. `size` is that of an ARRAY.
    """

    name: str
    parts: tuple[tuple[str, TypeTree], ...] = ()
    size: int = 0

    @property
    def text(self) -> str:
        """The type as DuckDB takes it."""
        inner = [part.text for _, part in self.parts]
        match self.name:
            case "LIST":
                return f"{inner[0]}[]"
            case "ARRAY":
                return f"{inner[0]}[{self.size}]"
            case "MAP":
                return f"MAP({', '.join(inner)})"
            case "STRUCT" | "UNION":
                pairs = zip(self.parts, inner, strict=True)
                named = (f"{quote(name)} {text}" if name else text for (name, _), text in pairs)
                return f"{self.name}({', '.join(named)})"
        return self.name


@frozen
class Field:
    """One field of a stored column: the column itself or a part of it, however deep.

    `path` are the names from the column down. `single` says that a row has exactly one of it: no list or map lies
    above, so that counts of its values are counts of rows.
    """

    field_id: int
    parent_id: int | None
    path: tuple[str, ...]
    stored_type: str
    lake_type: str
    statistics: Statistics
    single: bool

    @property
    def quoted_path(self) -> str:
        """The path as COPY reports it: quoted names, dots between them."""
        return ".".join(map(quote, self.path))


def plain(stored_type: str) -> Kept | None:
    """Return how a plain type is kept, None for a nested one and for one that is not stored."""
    found = PLAIN.get(stored_type)
    if found is None and (decimal := _DECIMAL.fullmatch(stored_type)) is not None:
        precision, scale = decimal.groups()
        return Kept(lake=f"decimal({precision},{scale})", statistics=Statistics.DECIMAL)
    return found


@lru_cache(maxsize=1024)
def tree_of(sql_type: str) -> TypeTree:
    """Take a type's text apart; ValueError where it is none."""
    reader = _Reader(sql_type)
    found = reader.type()
    if reader.word:
        raise ValueError(f"{sql_type!r} is not a type")
    return found


def is_nested(stored_type: str) -> bool:
    """Whether a stored type has fields below it."""
    return stored_type.endswith("]") or stored_type.startswith(("STRUCT(", "MAP("))


def lake_word(tree: TypeTree) -> str:
    """Return DuckLake's word for a type that is stored; ValueError for any other."""
    if tree.name in _NESTED:
        return _NESTED[tree.name]
    kept = plain(tree.name)
    if kept is None:
        raise ValueError(f"{tree.text} is not stored")
    return kept.lake


def width(stored_type: str) -> int:
    """Return how many field ids a column of this type takes, its own one included."""
    return len(_fields("", stored_type)) if is_nested(stored_type) else 1


def fields(name: str, field_id: int, stored_type: str) -> tuple[Field, ...]:
    """Return the fields of a stored column, itself first, then what is in it, depth first."""
    if not field_id:
        raise ValueError(f"column {name!r} has no field id yet")
    return tuple(
        Field(
            field_id=field_id + at,
            parent_id=None if above is None else field_id + above,
            path=path,
            stored_type=tree.text,
            lake_type=lake_word(tree),
            statistics=Statistics.NONE if tree.name in _NESTED or not single else _statistics(tree.name),
            single=single,
        )
        for at, (above, path, tree, single) in enumerate(_fields(name, stored_type))
    )


@lru_cache(maxsize=1024)
def _fields(name: str, stored_type: str) -> tuple[tuple[int | None, tuple[str, ...], TypeTree, bool], ...]:
    """Return (place of the parent, path, type, single) of a column and of all that is in it."""
    if not is_nested(stored_type):
        return ((None, (name,), TypeTree(name=stored_type), True),)
    found: list[tuple[int | None, tuple[str, ...], TypeTree, bool]] = []
    _collect(found, None, (name,), tree_of(stored_type), single=True)
    return tuple(found)


def _collect(
    found: list[tuple[int | None, tuple[str, ...], TypeTree, bool]],
    above: int | None,
    path: tuple[str, ...],
    tree: TypeTree,
    *,
    single: bool,
) -> None:
    own = len(found)
    found.append((above, path, tree, single))
    for name, part in tree.parts if tree.name in _NESTED else ():
        _collect(found, own, (*path, name), part, single=single and tree.name == "STRUCT")


def _statistics(stored_type: str) -> Statistics:
    kept = plain(stored_type)
    return Statistics.NONE if kept is None else kept.statistics


_WORDS = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[\w$]+|[()\[\],])""")


class _Reader:
    """Reads a type's text word by word; `word` is the one to come, empty at the end."""

    def __init__(self, text: str) -> None:
        self._words = self._split(text)
        self.word = ""
        self._next()

    def type(self) -> TypeTree:
        tree = self._head()
        while self.word == "[":
            self._next()
            size = int(self._next()) if self.word.isdecimal() else 0
            self._take("]")
            tree = TypeTree(name="ARRAY" if size else "LIST", parts=(("element", tree),), size=size)
        return tree

    def _head(self) -> TypeTree:
        name = self._next()
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ValueError(f"{name!r} is not a type")
        upper = name.upper()
        if upper in {"STRUCT", "UNION", "MAP"} and self.word == "(":
            self._next()
            parts = tuple(self._parts(named=upper != "MAP"))
            if upper == "MAP":
                parts = tuple(zip(("key", "value"), (part for _, part in parts), strict=True))
            return TypeTree(name=upper, parts=parts)
        words = [name]
        while re.fullmatch(r"[A-Za-z_]\w*", self.word):  # TIMESTAMP WITH TIME ZONE
            words.append(self._next())
        text = " ".join(words)
        if self.word == "(":
            self._next()
            inner = []
            while self.word not in {")", ""}:
                inner.append(self._next())
            self._take(")")
            text += f"({''.join(inner).replace(',', ', ') if upper == 'ENUM' else ''.join(inner)})"
        return TypeTree(name=text)

    def _parts(self, *, named: bool) -> Iterator[tuple[str, TypeTree]]:
        while True:
            yield self._part() if named else ("", self.type())
            if self.word != ",":
                break
            self._next()
        self._take(")")

    def _part(self) -> tuple[str, TypeTree]:
        """Read a field: a name and a type, or a type alone."""
        name = self._next()
        if name.startswith('"'):
            return name[1:-1].replace('""', '"'), self.type()
        if self.word in {",", ")", "(", "[", ""} or f"{name} {self.word}".upper() in _TWO_WORDS:
            raise ValueError("a field without a name")
        return name, self.type()

    def _take(self, word: str) -> None:
        if self._next() != word:
            raise ValueError(f"{word!r} is missing")

    def _next(self) -> str:
        taken = self.word
        self.word = next(self._words, "")
        return taken

    @staticmethod
    def _split(text: str) -> Iterator[str]:
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _WORDS.match(text, at)
            if found is None:
                raise ValueError(f"{text!r} is not a type")
            yield found[1]
            at = found.end()


_TWO_WORDS = frozenset({"TIMESTAMP WITH", "TIME WITH", "DOUBLE PRECISION"})
