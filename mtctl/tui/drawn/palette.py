"""Floor 4. How a state looks: a glyph and a word always, a colour where the terminal has one.

Contrast is at least 4.5 against every background of the themes that Textual brings (`tests/tui` measures it): a theme
whose panels are grey gets brighter or darker tones. No four colours with purple and blue among them stay apart for
everybody: that is why there is always a glyph.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

ENOUGH = 4.5
"""The least contrast of text, by WCAG 2 AA."""

CURSOR_DARK, CURSOR_LIGHT = "#253247", "#d5e3f5"
"""The backgrounds of the line under the cursor."""

_MIDDLE = 0.18
"""The luminance whose contrast to black and to white is the same."""


class Look(NamedTuple):
    """One state: its glyph, the same for terminals without Unicode, and which tone paints it."""

    glyph: str
    ascii: str
    tone: str


class Tone(NamedTuple):
    """One colour in each palette, for dark and light backgrounds."""

    dark: str
    light: str
    blind: str
    blind_light: str


class Ground(NamedTuple):
    """What colours stand on: every background of a theme as `#rrggbb`; `ansi` where there are 16 colours only."""

    ansi: bool
    backs: tuple[str, ...]


class Palette(StrEnum):
    """Which colours: the usual ones, or those that colour-blind people tell apart best."""

    DEFAULT = "default"
    COLOUR_BLIND = "colour-blind"


TONES = {
    "pending": Tone("#b48cff", "#7238d0", "#c39bff", "#6b3fc4"),
    "running": Tone("#58a6ff", "#0860c9", "#5aa9ff", "#0b5cad"),
    "success": Tone("#3fb950", "#1a6b30", "#2fbf8f", "#00695c"),
    "failed": Tone("#ff6a63", "#c21d26", "#ff7b3d", "#b34700"),
    "late": Tone("#e3a12f", "#8a5a00", "#e8c547", "#7a5c00"),
    "muted": Tone("#9aa4af", "#57606a", "#9aa4af", "#57606a"),
}
"""The tones by name; `muted` is for what needs nobody's eye."""

_ANSI_DARK = {
    "pending": "bright_magenta",
    "running": "bright_blue",
    "success": "bright_green",
    "failed": "bright_red",
    "late": "bright_yellow",
    "muted": "white",
}
_ANSI_LIGHT = {
    "pending": "magenta",
    "running": "blue",
    "success": "green",
    "failed": "red",
    "late": "yellow",
    "muted": "bright_black",
}

_UNKNOWN = Look("·", "_", "muted")

LOOKS = {
    "created": Look("◦", ":", "pending"),
    "pending": Look("◌", ".", "pending"),
    "running": Look("▶", ">", "running"),
    "success": Look("✔", "+", "success"),
    "fresh": Look("✔", "+", "success"),
    "enabled": Look("●", "*", "success"),
    "failed": Look("✘", "X", "failed"),
    "failing": Look("✘", "X", "failed"),
    "timed_out": Look("◔", "T", "failed"),
    "lost": Look("?", "?", "failed"),
    "late": Look("!", "!", "late"),
    "stale": Look("!", "!", "late"),
    "missing": Look("·", "_", "late"),
    "never": Look("·", "_", "muted"),
    "skipped": Look("↷", "-", "muted"),
    "cancelled": Look("⊘", "/", "muted"),
    "released": Look("↺", "<", "muted"),
    "superseded": Look("»", "~", "muted"),
    "suspended": Look("⏸", "=", "muted"),
    "paused": Look("⏸", "=", "muted"),
    "disabled": Look("○", "o", "muted"),
    "completed": Look("◉", "@", "muted"),
}
"""How each state, outcome and health looks: no two that may stand in one strip share a sign."""

LEGEND = ("pending", "running", "success", "failed", "skipped", "cancelled", "suspended", "late")
"""The states that the line at the bottom explains."""


def look_of(state: str) -> Look:
    """Return how a state looks; one that is not known is a muted dot."""
    return LOOKS.get(state, _UNKNOWN)


def colour_of(tone: str, palette: Palette, *, dark: bool, ground: Ground | None = None) -> str:
    """Return the colour of a tone as `#rrggbb`, or as one of the 16 names of a terminal where the ground has no more.

    On a `ground` it is moved towards white or black until the contrast is enough on all its backgrounds.
    """
    if ground is not None and ground.ansi:
        return (_ANSI_DARK if dark else _ANSI_LIGHT)[tone]
    found = TONES[tone]
    if palette is Palette.COLOUR_BLIND:
        colour = found.blind if dark else found.blind_light
    else:
        colour = found.dark if dark else found.light
    return _readable(colour, ground.backs) if ground is not None else colour


def cursor_of(*, dark: bool) -> str:
    """Return the background of the line under the cursor."""
    return CURSOR_DARK if dark else CURSOR_LIGHT


def contrast(one: str, other: str) -> float:
    """Return the contrast of two `#rrggbb` as WCAG 2 defines it, between 1 and 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@lru_cache(512)
def _readable(colour: str, backs: tuple[str, ...]) -> str:
    """Move a colour away from its backgrounds, a twentieth at a time, until all contrasts are enough."""
    light = sum(_luminance(back) for back in backs) < _MIDDLE * len(backs)
    towards = 255 if light else 0
    for step in range(21):
        parts = [round(part + (towards - part) * step / 20) for part in _parts(colour)]
        moved = "#{:02x}{:02x}{:02x}".format(*parts)
        if all(contrast(moved, back) >= ENOUGH for back in backs):
            return moved
    return "#ffffff" if light else "#000000"


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 3294.6 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
