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


def looks_of(theme: Theme, variables: Mapping[str, str], options: Options, *, grey: bool = False) -> Looks:
    """Return how everything is drawn in a theme with these variables of its own.

    Where everything is `grey` (NO_COLOR) colours turn into greys of another contrast: all tones are that of text then.
    """
    ground = ground_of(theme, variables)

    @cache
    def colour(tone: str) -> str:
        if grey and not ground.ansi and (text := _parsed(variables, "foreground")) is not None:
            return text.hex6
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
        parsed = _parsed(variables, name)
        if parsed is not None:
            backs.append(parsed.hex6)
    return Ground(ansi=theme.ansi, backs=tuple(backs))


def _parsed(variables: Mapping[str, str], name: str) -> Color | None:
    """Return a colour of a theme, None where it is no full colour of its own."""
    try:
        found = Color.parse(variables[name])
    except (ColorParseError, KeyError):
        return None
    return found if found.ansi is None and found.a == 1 else None
