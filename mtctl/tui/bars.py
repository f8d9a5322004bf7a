"""Floor 4. What stands above and below the lists: options, numbers, tabs, legend, keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.words import moment
from mtctl.tui.palette import LEGEND, Palette, colour_of, look_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.services.board import Counts

_COUNTED = frozenset({"pending", "running", "success", "failed", "suspended"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the dashboard is to be: no verbs, no Unicode, which colours, which theme, which list first."""

    read_only: bool = False
    plain: bool = False
    palette: Palette = Palette.DEFAULT
    theme: str | None = None
    first: str = "tables"

    def glyph(self, state: str) -> str:
        """Return the sign of a state."""
        look = look_of(state)
        return look.ascii if self.plain else look.glyph


def top_text(name: str, counts: Counts, options: Options, *, paused: bool) -> str:
    """Return the line at the top: the project, whether it is live, when it was read, instances by state."""
    shown = [
        f"{options.glyph(state.value)} {number:,}"
        for state, number in sorted(counts.instances.items())
        if state.value in _COUNTED
    ]
    live = "paused" if paused else "live"
    mode = "  read-only" if options.read_only else ""
    return f"mtctl  {name}   {live} · as of {moment(counts.at)}   {'  '.join(shown)}{mode}"


def tabs_text(names: Iterable[str], current: str) -> str:
    """Return the names of the lists with their numbers, the present one standing out, as markup."""
    words = [(name, f"{number} {name.capitalize()}") for number, name in enumerate(names, start=1)]
    return "   ".join(f"[b $text]{word}[/]" if name == current else word for name, word in words)


def legend_text(options: Options, *, dark: bool) -> str:
    """Return what the signs mean, as markup."""
    parts = []
    for state in LEGEND:
        colour = colour_of(look_of(state).tone, options.palette, dark=dark)
        parts.append(f"[{colour}]{options.glyph(state)} {state}[/]")
    return "  ".join(parts)


KEYS = (
    ("j k ↓ ↑", "down and up"),
    ("g G", "first and last line"),
    ("ctrl+d ctrl+u", "a page down and up"),
    ("enter", "open"),
    ("space", "mark; verbs act on all marked lines"),
    ("< >", "sort by another column"),
    ("R", "turn the order round"),
    ("/", "filter"),
    ("esc", "take filter or marks away, go back"),
    ("n N", "next line with a failure, the one before"),
    ("p", "pause and go on"),
    ("y", "copy the command line"),
    ("T", "theme"),
    ("ctrl+p", "palette of all commands"),
    ("q", "quit"),
)
"""Keys that mean the same everywhere."""
