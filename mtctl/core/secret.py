"""Floor 0. What a reference to a secret looks like, what may be one, and how text is freed of it.

A project file names secrets (`env:NAME`, `file:PATH`) and never holds them. Resolving a reference is not the core's.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, quote_plus

from mtctl.core.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST = 6
"""A shorter one cannot be taken out of a text again: it would be found everywhere."""

LONGEST = 64 << 10
"""In bytes; what is longer is the wrong file."""

HIDDEN = "***"

_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class Reference(NamedTuple):
    """Where a secret is: `kind` is env or file, `name` the variable or the path."""

    kind: str
    name: str


class Hidden(str):
    """A text with a secret in it: what prints the value that holds it shows stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return stars."""
        return repr(HIDDEN)


def is_reference(text: str) -> bool:
    """Return whether a text names a secret instead of being a value."""
    return text.startswith(("env:", "file:"))


def parse_reference(text: str, *, where: str) -> Reference:
    """Return what a reference names; raises invalid `secret_reference`, which never repeats the text.

    It may be the secret itself, put there by mistake.
    """
    kind, _, name = text.partition(":")
    if (kind == "env" and _ENV.fullmatch(name)) or (kind == "file" and name):
        return Reference(kind, name)
    what = "a secret is not written here but named"
    raise invalid("secret_reference", what, where=where, fix="write 'env:NAME' or 'file:PATH' and put it there")


def check_secret(value: str, *, label: str, where: str) -> str:
    """Return a secret that is fit to be used: 6 characters to 64 KiB, one line, printable.

    Raises invalid `secret_empty`, `secret_short`, `secret_long`, `secret_text`; `label` names where it came from.
    """
    if not value:
        raise invalid("secret_empty", f"{label} is empty", where=where, fix="put the secret there")
    if len(value) < SHORTEST:
        what = f"{label} has fewer than {SHORTEST} characters"
        raise invalid("secret_short", what, where=where, fix="one so short could not be kept out of messages")
    if len(value.encode("utf-8", "surrogateescape")) > LONGEST:
        raise invalid("secret_long", f"{label} has more than {LONGEST:,} bytes", where=where, fix="check its source")
    if not value.isprintable():
        what = f"{label} holds a line break or a control character"
        raise invalid("secret_text", what, where=where, fix="keep the secret on one line")
    return value


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text without the secrets, as they are and as URLs, forms and JSON would write them."""
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):  # the longest first: one may be part of another
        text = text.replace(form, HIDDEN)
    return text


def _forms(secret: str) -> tuple[str, ...]:
    plain = secret.encode("utf-8", "replace").decode("utf-8")  # an undecodable byte has no escaped form
    return (
        secret,
        quote(plain, safe=""),
        quote(plain),
        quote_plus(plain),
        json.dumps(plain)[1:-1],
        json.dumps(plain, ensure_ascii=False)[1:-1],
        repr(plain)[1:-1],
    )
