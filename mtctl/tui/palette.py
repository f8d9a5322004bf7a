"""Floor 4. How a state looks: a glyph and a word always, a colour where the terminal has one.

Contrast is at least 4.5 against the background of the themes that Textual brings; `tests/tui` measures it. No four
colours with purple and blue among them stay apart for everybody: that is why there is always a glyph.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


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

_UNKNOWN = Look("·", ".", "muted")

LOOKS = {
    "created": Look("◌", ".", "pending"),
    "pending": Look("◌", ".", "pending"),
    "running": Look("▶", ">", "running"),
    "success": Look("✔", "+", "success"),
    "fresh": Look("✔", "+", "success"),
    "enabled": Look("●", "*", "success"),
    "failed": Look("✘", "X", "failed"),
    "failing": Look("✘", "X", "failed"),
    "timed_out": Look("✘", "X", "failed"),
    "lost": Look("✘", "X", "failed"),
    "late": Look("!", "!", "late"),
    "stale": Look("!", "!", "late"),
    "missing": Look("·", ".", "late"),
    "never": Look("·", ".", "muted"),
    "skipped": Look("↷", "-", "muted"),
    "cancelled": Look("⊘", "/", "muted"),
    "released": Look("⊘", "/", "muted"),
    "superseded": Look("⊘", "/", "muted"),
    "suspended": Look("⏸", "=", "muted"),
    "paused": Look("⏸", "=", "muted"),
    "disabled": Look("○", "o", "muted"),
    "completed": Look("●", "*", "muted"),
}
"""How each state, outcome and health looks."""

LEGEND = ("pending", "running", "success", "failed", "skipped", "cancelled", "suspended", "late")
"""The states that the line at the bottom explains."""


def look_of(state: str) -> Look:
    """Return how a state looks; one that is not known is a muted dot."""
    return LOOKS.get(state, _UNKNOWN)


def colour_of(tone: str, palette: Palette, *, dark: bool) -> str:
    """Return the colour of a tone as `#rrggbb`."""
    found = TONES[tone]
    if palette is Palette.COLOUR_BLIND:
        return found.blind if dark else found.blind_light
    return found.dark if dark else found.light
