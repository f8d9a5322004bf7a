"""Floor 3. What people type where a program has words, pairs or a definition: read by one rule for every way in."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mtctl.core.errors import invalid, usage

if TYPE_CHECKING:
    from collections.abc import Sequence


def pairs_of(texts: Sequence[str], option: str) -> tuple[tuple[str, str], ...]:
    """Return `NAME=VALUE` words as pairs; usage error `param_pair`, also for a name that comes twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise usage("param_pair", f"'{text}' is no NAME=VALUE", where=option, fix="e.g. region=eu")
        if name in found:
            raise usage("param_pair", f"'{name}' stands there twice", where=option, fix="give it once")
        found[name] = value
    return tuple(found.items())


def words_of(text: str, option: str) -> tuple[str, ...]:
    """Return the words of a command line by the quoting rules of a shell; nothing is expanded."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise usage("command_words", f"'{text}': {error}", where=option, fix="close the quotes") from None
    if not words:
        raise usage("command_words", "the command is empty", where=option, fix="name a program")
    return words


def toml_of(text: str, label: str) -> dict[str, Any]:
    """Return the keys and values of a TOML text; error `toml_syntax` naming where it came from."""
    import tomllib  # noqa: PLC0415 - only where a definition is read

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise invalid("toml_syntax", f"the definition is not TOML: {error}", where=label, fix="correct it") from None
