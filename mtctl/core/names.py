"""Floor 0. Identifiers: the one rule what a name may be, the one place that quotes it, and showing hostile text.

Nothing else in mtctl puts a double quote around an identifier; a second place would be the one that forgets to
double it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAIN = "main"
"""The schema of tables whose name says none."""

MAX_COLUMN = 255
"""Longest column name, in characters."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_RESERVED_PREFIXES = ("_mtctl", "__mtctl", "ducklake_")
_RESERVED = frozenset({"information_schema", "pg_catalog", "main", "system", "temp"})
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED_COLUMNS = ("_mtctl", "__mtctl", "_ducklake")


def quote(identifier: str) -> str:
    """Return the identifier in double quotes, inner quotes doubled; ValueError on NUL, which no engine takes."""
    if "\0" in identifier:
        raise ValueError("an identifier cannot hold NUL")
    return '"' + identifier.replace('"', '""') + '"'


def check_name(text: str, what: str, *, where: str = "", kind: Kind = Kind.INVALID) -> str:
    """Return the name in its one spelling (NFC, lower case); errors `identifier` and `identifier_reserved`.

    `what` says what the name is for, for example "table". Letters a to z, digits and `_`, at most 63.
    """
    name = unicodedata.normalize("NFC", text).lower()
    if not _NAME.fullmatch(name):
        fix = "use the letters a to z, digits and _, at most 63, not beginning with a digit"
        raise MtctlError(
            "identifier", f"'{printable(_short(text))}' cannot name a {what}", kind=kind, where=where, fix=fix
        )
    if name in _RESERVED or name.startswith(_RESERVED_PREFIXES):
        raise MtctlError(
            "identifier_reserved",
            f"the name '{name}' is kept for mtctl and the catalog",
            kind=kind,
            where=where,
            fix="choose another name",
        )
    return name


def check_table_name(text: str, *, where: str = "", kind: Kind = Kind.INVALID) -> str:
    """Return a table's name in its one spelling: `orders`, or `sales.orders` outside of the schema main.

    `main.orders` is `orders`; of three parts the first is the project, which is the caller's to judge. Errors as
    `check_name`.
    """
    before, dot, name = text.strip().rpartition(".")
    plain = check_name(name.strip(), "table", where=where, kind=kind)
    schema = check_schema(before.rpartition(".")[2].strip(), where=where, kind=kind) if dot else None
    return joined_name(schema, plain)


def check_schema(text: str, *, where: str = "", kind: Kind = Kind.INVALID) -> str:
    """Return a schema's name in its one spelling; errors as `check_name`."""
    schema = text.lower()
    if schema == MAIN:
        return schema
    if schema == "memory":
        what = "the name 'memory' is one of the engine's"
        raise MtctlError("identifier_reserved", what, kind=kind, where=where, fix="choose another schema")
    return check_name(schema, "schema", where=where, kind=kind)


def joined_name(schema: str | None, name: str) -> str:
    """Return the one name of a table: without its schema where that is main or none is said."""
    return name if schema in {None, "", MAIN} else f"{schema}.{name}"


def split_name(table: str) -> tuple[str, str]:
    """Return schema and name of a table's one name."""
    schema, _, name = table.rpartition(".")
    return schema or MAIN, name


def one_name(text: str) -> str:
    """Return the one name of a table as a person wrote it, `main.Orders` as `orders`; nothing is checked."""
    return joined_name(*split_name(text.strip().lower()))


def spellings(table: str, project: str) -> tuple[str, ...]:
    """Return the names that a query may use for a table, its own first."""
    schema, name = split_name(table)
    return tuple(dict.fromkeys((table, f"{schema}.{name}", f"{project}.{schema}.{name}")))


def table_meant(relation: str, project: str) -> str | None:
    """Return the one name of the table that a relation of a query may mean, None where it can mean none."""
    match relation.lower().split("."):
        case [name]:
            return name
        case [schema, name]:
            return joined_name(schema, name)
        case [catalog, schema, name] if catalog == project:
            return joined_name(schema, name)
        case _:
            return None


def check_column(text: str, *, where: str = "", kind: Kind = Kind.INVALID) -> str:
    """Return the column name in NFC as written; errors `identifier` and `schema_reserved_column`."""
    name = unicodedata.normalize("NFC", text)
    if not name or len(name) > MAX_COLUMN or printable(name) != name:
        fix = f"give it 1 to {MAX_COLUMN} visible characters with AS"
        what = f"'{printable(_short(text))}' cannot name a column"
        raise MtctlError("identifier", what, kind=kind, where=where, fix=fix)
    if name.lower().startswith(_RESERVED_COLUMNS):
        what = f"the column name '{name}' is kept for mtctl"
        raise MtctlError("schema_reserved_column", what, kind=kind, where=where, fix="choose another name with AS")
    return name


def printable(text: str) -> str:
    r"""Return the text safe for a terminal: control, bidirectional and unassigned characters as `\x1b` or `\u202e`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _HIDDEN else char for char in text)


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that the writer probably meant, None when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only an error pays for it

    found = get_close_matches(word[:200], words, n=1, cutoff=0.6)
    return found[0] if found else None


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"
