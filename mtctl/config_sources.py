"""Floor 1. The `[sources.<name>]` of a project: files, or databases that are attached read-only under their name.

A database's name stands before its tables in queries, so it follows the rules of names and is none of the engine's.
What opens a server may be secret: it is named (`env:NAME`, `file:PATH`) and read when it is used, or written without a
password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import invalid
from mtctl.core.names import check_name, closest
from mtctl.core.secret import is_reference, parse_reference
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from pathlib import Path

FILES = "files"
"""The type of a source that is files; all others are databases."""

TYPES = (FILES, "duckdb", "sqlite", "postgres")

_KEYS = ("type", "path", "dsn")
_ENGINE_NAMES = frozenset({"memory", "main", "temp", "system"})
_PASSWORD = re.compile(r"\bpassword\s*=|^[a-z]+://[^/@]*:[^/@]*@", re.IGNORECASE)


@frozen
class SourceConfig:
    """One `[sources.<name>]`.

    `path` is relative to the project root or absolute (files, duckdb, sqlite); `dsn` a reference to a secret or a
    connection string without a password (postgres).
    """

    name: str
    type: str
    path: str = ""
    dsn: str = ""

    @property
    def is_database(self) -> bool:
        """Whether queries name tables of it instead of the source itself."""
        return self.type != FILES


def read_sources(data: dict[str, Any], file: Path, project: str) -> tuple[SourceConfig, ...]:
    """Return the sources of a project's TOML; `project` is its name, which no database may bear.

    Raises invalid `config_value`, `key_unknown`, `source_name`, `source_secret` and those of names and references.
    """
    raw = data.get("sources", {})
    if not isinstance(raw, dict):
        raise invalid("config_value", "[sources] is not a table", where=str(file), fix="write [sources.<name>]")
    return tuple(_source(name, values, f"{file}: [sources.{name}]", project) for name, values in raw.items())


def _source(name: str, values: Any, where: str, project: str) -> SourceConfig:
    if not isinstance(values, dict):
        raise invalid("config_value", "a source is not a table", where=where, fix="write [sources.<name>] and its keys")
    for key, value in values.items():
        _check_key(name, key, value, where)
    kind = values.get("type", FILES)
    if kind not in TYPES:
        raise invalid(
            "config_value", f"source type {kind!r} is unknown", where=where, fix=f"one of {', '.join(TYPES)}"
        )
    wanted, other = ("dsn", "path") if kind == "postgres" else ("path", "dsn")
    if other in values:
        raise invalid("config_value", f"a {kind} source has no {other}", where=where, fix=f"write {wanted} = '…'")
    if wanted not in values:
        raise invalid("config_value", f"a {kind} source needs a {wanted}", where=where, fix=_EXAMPLES[kind])
    if kind == FILES:
        return SourceConfig(name=name, type=kind, path=values["path"])
    _check_database_name(name, where, project)
    if kind == "postgres":
        _check_dsn(values["dsn"], where)
    return SourceConfig(name=name, type=kind, path=values.get("path", ""), dsn=values.get("dsn", ""))


_EXAMPLES = {
    FILES: "add path = 'data/*.parquet'",
    "duckdb": "add path = 'data/shop.duckdb'",
    "sqlite": "add path = 'data/shop.db'",
    "postgres": "add dsn = 'env:SHOP_DSN' and put the connection string into that variable",
}


def _check_key(name: str, key: str, value: Any, where: str) -> None:
    if key not in _KEYS:
        known = [f"sources.{name}.{one}" for one in _KEYS]
        near = closest(f"sources.{name}.{key}", known)
        fix = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
        raise invalid("key_unknown", f"unknown key 'sources.{name}.{key}'", where=where.partition(": [")[0], fix=fix)
    if not isinstance(value, str) or not value:
        raise invalid("config_value", f"sources.{name}.{key} is not a text", where=where, fix="write it in quotes")


def _check_database_name(name: str, where: str, project: str) -> None:
    if name == project or name in _ENGINE_NAMES:
        whose = "the project's" if name == project else "one of the engine's"
        what = f"the source name {name!r} is {whose}: its tables could not be told from others"
        raise invalid("source_name", what, where=where, fix="choose another name")
    if check_name(name, "source", where=where) != name:
        raise invalid("source_name", f"the source name {name!r} has capitals", where=where, fix=f"write {name.lower()}")


def _check_dsn(dsn: str, where: str) -> None:
    """Refuse a password in the project file; what is wrong is not repeated."""
    if is_reference(dsn):
        parse_reference(dsn, where=where)
    elif _PASSWORD.search(dsn):
        what = "a connection string with a password is a secret, and secrets are not written here but named"
        raise invalid("source_secret", what, where=where, fix="write dsn = 'env:NAME' or 'file:PATH' and put it there")
