"""Floor 4. What stands above and below the lists: options, numbers, tabs, legend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual.widget import Widget

from mtctl.core.words import moment
from mtctl.tui.drawn.palette import LEGEND, Palette, look_of
from mtctl.tui.drawn.zones import localised, zone_word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mtctl.services.board import Counts

_COUNTED = frozenset({"pending", "running", "success", "failed", "suspended"})
_TROUBLED = ("failing", "late", "never")
_TAB_LETTERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the dashboard is to be: no verbs, no Unicode, which colours, which theme, which list first, whose time.

    `dense` drops the words of states; `keys` are triples of a binding's id, its keys and the file that says so.
    """

    read_only: bool = False
    plain: bool = False
    palette: Palette = Palette.DEFAULT
    theme: str | None = None
    first: str = "tables"
    local: bool = False
    dense: bool = False
    keys: tuple[tuple[str, str, str], ...] = ()

    def glyph(self, state: str) -> str:
        """Return the sign of a state."""
        look = look_of(state)
        return look.ascii if self.plain else look.glyph


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the line at the top says: instances by state, tables by health, how many changed since."""

    name: str
    counts: Counts
    healths: Mapping[str, int]
    paused: bool


def top_text(standing: Standing, options: Options, colour: Callable[[str], str]) -> Text:
    """Return the line at the top: project, whether it is live, when it was read, instances, tables in trouble."""
    read_at = moment(standing.counts.at)
    at = localised(read_at)[11:] + f" {zone_word(read_at)}" if options.local else read_at[11:]
    dot = "-" if options.plain else "·"  # which stands for what is missing, and is drawn like that
    way = "paused" if standing.paused else "live"
    way = f"read-only   {way}" if options.read_only else way
    text = Text(f"mtctl  {standing.name}   {way} {dot} as of {at}  ", end="")
    for state, number in sorted(standing.counts.instances.items()):
        if state.value in _COUNTED:
            text.append(f"  {options.glyph(state.value)} {number:,}", colour(look_of(state.value).tone))
    told = [f"{standing.healths[health]:,} {health}" for health in _TROUBLED if standing.healths.get(health)]
    for health, words in zip((health for health in _TROUBLED if standing.healths.get(health)), told, strict=True):
        text.append(f"  {options.glyph(health)} {words}", colour(look_of(health).tone))
    return text


class TabLine(Widget):
    """The names of the lists in one line, as long as there is room for."""

    def __init__(self, names: Iterable[str]) -> None:
        """Name the lists, in the order of their numbers."""
        super().__init__(id="tabs")
        self._names = tuple(names)
        self._current = ""

    def show(self, current: str) -> None:
        """Let the name of a list stand out."""
        self._current = current
        self.refresh()

    def render(self) -> str:
        """Return the line for the present width, as markup."""
        return tabs_text(self._names, self._current, self.content_size.width)


def tabs_text(names: Sequence[str], current: str, width: int) -> str:
    """Return the names of the lists with their numbers, the present one standing out, as markup.

    Where `width` has no room for them the names of the others are cut, by no more than is needed.
    """
    longest = max(map(len, names), default=0)
    ways = [*((letters, 2) for letters in range(longest, _TAB_LETTERS - 1, -1)), (_TAB_LETTERS, 1), (0, 1)]
    for letters, gap in ways:
        words = [
            (name, f"{number} {name.capitalize()[: None if name == current else letters]}".rstrip())
            for number, name in enumerate(names, start=1)
        ]
        if sum(len(word) + gap for _, word in words) - gap <= width:
            break
    return (" " * gap).join(f"[b $text]{word}[/]" if name == current else word for name, word in words)


def legend_text(options: Options, colour: Callable[[str], str], width: int) -> Text:
    """Return what the signs mean, as far apart as there is room for."""
    words = [(f"{options.glyph(state)} {state}", colour(look_of(state).tone)) for state in LEGEND]
    gap = "  " if sum(len(word) + 2 for word, _ in words) - 2 <= width else " "
    return Text(gap, end="").join(Text(word, style, end="") for word, style in words)
