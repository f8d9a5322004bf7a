"""Floor 4. The looks of the present moment: what options, view and theme together make of tones and lines."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from textual.color import Color, ColorParseError

from mtctl.tui.drawn.drawing import Looks
from mtctl.tui.drawn.palette import Ground, colour_of, cursor_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.theme import Theme

    from mtctl.tui.bars import Options

_GROUNDS = ("background", "surface", "panel")


def looks_of(theme: Theme, variables: Mapping[str, str], options: Options) -> Looks:
    """Return how everything is drawn in a theme with these variables of its own."""
    ground = ground_of(theme, variables)

    @cache
    def colour(tone: str) -> str:
        return colour_of(tone, options.palette, dark=theme.dark, ground=ground)

    return Looks(
        plain=options.plain,
        dense=options.dense,
        local=options.local,
        cursor="" if ground.ansi else cursor_of(dark=theme.dark),
        colour=colour,
    )


def ground_of(theme: Theme, variables: Mapping[str, str]) -> Ground:
    """Return what text stands on in a theme: its three backgrounds and the line under the cursor."""
    backs = [cursor_of(dark=theme.dark)]
    for name in _GROUNDS:
        try:
            parsed = Color.parse(variables[name])
        except (ColorParseError, KeyError):
            continue
        if parsed.ansi is None and parsed.a == 1:
            backs.append(parsed.hex6)
    return Ground(ansi=theme.ansi, backs=tuple(backs))
