"""Floor 4. Colours and glyphs of states: a state is never told by colour alone.

Whether colour is used is one decision with one order: `--color`, then NO_COLOR, then FORCE_COLOR or CLICOLOR_FORCE,
then TERM=dumb, then whether the stream is a terminal.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


class When(StrEnum):
    """When to use colour."""

    AUTO = "auto"  # on a terminal that can
    ALWAYS = "always"
    NEVER = "never"


@frozen
class Sign:
    """How a state looks: its glyph, the glyph for plain ASCII, and the SGR parameters of its colour."""

    glyph: str
    ascii: str
    sgr: str


_SUCCESS = Sign(glyph="✔", ascii="+", sgr="32")
_FAILED = Sign(glyph="✘", ascii="X", sgr="1;31")
_PENDING = Sign(glyph="◌", ascii=".", sgr="35")
_MUTED = Sign(glyph="↷", ascii="-", sgr="2")
_STOPPED = Sign(glyph="⊘", ascii="/", sgr="2")
_WARNING = Sign(glyph="!", ascii="!", sgr="33")

SIGNS: dict[str, Sign] = {
    "created": _PENDING,
    "pending": _PENDING,
    "running": Sign(glyph="▶", ascii=">", sgr="34"),
    "suspended": Sign(glyph="⏸", ascii="=", sgr="33"),
    "success": _SUCCESS,
    "failed": _FAILED,
    "cancelled": _STOPPED,
    "skipped": _MUTED,
    "fresh": _SUCCESS,
    "late": _WARNING,
    "stale": _WARNING,
    "missing": _PENDING,
    "failing": _FAILED,
    "never": _PENDING,
    "up_to_date": _MUTED,
    "timed_out": _FAILED,
    "lost": _FAILED,
    "released": _MUTED,
    "superseded": _MUTED,
    "enabled": Sign(glyph="●", ascii="*", sgr="32"),
    "disabled": Sign(glyph="○", ascii="o", sgr="2"),
    "completed": _MUTED,
}
"""Every word that a state cell may hold: task, instance and workflow states, outcomes, health, freshness."""


@frozen
class Paint:
    """How to draw on one stream."""

    color: bool
    unicode: bool

    def mark(self, word: str) -> str:
        """Return a state word behind its glyph, without colour."""
        sign = SIGNS.get(word)
        if sign is None:
            return word
        return f"{sign.glyph if self.unicode else sign.ascii} {word}"

    def tint(self, text: str, word: str) -> str:
        """Return the text in the colour of a state word, unchanged when colour is off."""
        sign = SIGNS.get(word)
        if sign is None or not self.color:
            return text
        return f"\x1b[{sign.sgr}m{text}\x1b[0m"


def wants_color(when: When, environ: Mapping[str, str], *, terminal: bool) -> bool:
    """Return whether a stream gets colour."""
    if when is not When.AUTO:
        return when is When.ALWAYS
    if environ.get("NO_COLOR"):
        return False
    if _is_on(environ.get("FORCE_COLOR")) or _is_on(environ.get("CLICOLOR_FORCE")):
        return True
    return terminal and environ.get("TERM") != "dumb"


def speaks_unicode(environ: Mapping[str, str]) -> bool:
    """Return whether the locale is UTF-8; MTCTL_ASCII=1 says no."""
    if _is_on(environ.get("MTCTL_ASCII")):
        return False
    language = environ.get("LANG") or ""
    kind = environ.get("LC_CTYPE") or ""
    if kind == "C.UTF-8" and language in {"", "C", "POSIX"}:
        kind = ""  # Python itself sets it at start in the C locale
    locale = environ.get("LC_ALL") or kind or language
    return "utf8" in locale.lower().replace("-", "")


def _is_on(value: str | None) -> bool:
    return bool(value) and value != "0"
