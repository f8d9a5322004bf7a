"""Floor 2. PostgreSQL's connection strings, both forms: taken apart so that the password can go its own way.

The forms are libpq's: `key=value` pairs with single quotes and backslashes, and URIs with percent escapes.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

CONNECT_SECONDS = 10
"""How long to wait for a server that does not answer, unless the string says it."""

_PAIR = re.compile(r"\s*(?P<key>[A-Za-z_]\w*)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>(?:[^\s\\']|\\.)*))")


def password_apart(dsn: str) -> tuple[str, str | None]:
    """Return the string as pairs without its password, and that; one that cannot be read stays as it is."""
    pairs = _pairs(dsn)
    if pairs is None:
        return dsn, None
    password = pairs.pop("password", None)
    pairs.setdefault("connect_timeout", str(CONNECT_SECONDS))
    return " ".join(f"{key}={_quoted(value)}" for key, value in pairs.items()), password


def passwords_of(dsn: str) -> tuple[str, ...]:
    """Return the passwords in a string, as they are."""
    found = (_pairs(dsn) or {}).get("password")
    return (found,) if found else ()


def _pairs(dsn: str) -> dict[str, str] | None:
    if re.match(r"postgres(ql)?://", dsn, re.IGNORECASE):
        return _of_uri(dsn)
    found: dict[str, str] = {}
    at = 0
    while dsn[at:].strip():
        match = _PAIR.match(dsn, at)
        if match is None or match.end() == at:
            return None
        raw = match["quoted"] if match["quoted"] is not None else match["plain"]
        found[match["key"]] = re.sub(r"\\(.)", r"\1", raw)
        at = match.end()
    return found


def _of_uri(dsn: str) -> dict[str, str] | None:
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return None
    user, _, address = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    hosts = [_address(one) for one in address.split(",")]
    found = {
        "user": unquote(name),
        "password": unquote(password) if colon else "",
        "host": ",".join(unquote(host) for host, _ in hosts),
        "port": ",".join(port for _, port in hosts),
        "dbname": unquote(parts.path.lstrip("/")),
    }
    return {key: value for key, value in found.items() if value.strip(",")} | dict(parse_qsl(parts.query))


def _address(text: str) -> tuple[str, str]:
    """Return host and port; an IPv6 address stands in brackets."""
    match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", text)
    return (match[1].strip("[]"), match[2] or "") if match else (text, "")


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
