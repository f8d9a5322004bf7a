"""Colours measured: every tone on every background of every theme; signs that do not need them."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES
from tui.tui_kit import drive, text_of, until

from mtctl.tui.bars import Options
from mtctl.tui.drawn.drawing import GAP, Pen, lay_out
from mtctl.tui.drawn.dressing import ground_of, looks_of
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.drawn.palette import ENOUGH, LEGEND, LOOKS, TONES, Palette, contrast, look_of

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard

TOGETHER = {
    "tasks": ("created", "pending", "running", "suspended", "success", "failed", "cancelled", "skipped"),
    "attempts": ("running", "success", "failed", "timed_out", "cancelled", "lost", "released", "superseded"),
    "health": ("fresh", "late", "failing", "never", "running"),
    "intervals": ("fresh", "stale", "missing", "running", "failed", "pending", "skipped", "cancelled"),
    "workflows": ("enabled", "disabled", "completed"),
    "queues": ("enabled", "paused"),
}
"""What may stand side by side in one strip."""


@pytest.mark.parametrize("theme", sorted(name for name, theme in BUILTIN_THEMES.items() if not theme.ansi))
@pytest.mark.parametrize("palette", list(Palette))
def test_every_tone_can_be_read_on_every_background(theme: str, palette: Palette) -> None:
    found = BUILTIN_THEMES[theme]
    variables = found.to_color_system().generate()
    looks = looks_of(found, variables, Options(palette=palette))
    backs = ground_of(found, variables).backs
    assert len(backs) == 4, "background, surface, panel, the line under the cursor"
    for tone in TONES:
        for back in backs:
            assert contrast(looks.colour(tone), back) >= ENOUGH, (tone, looks.colour(tone), back)


def test_without_colours_every_tone_is_that_of_text() -> None:
    found = BUILTIN_THEMES["textual-dark"]
    variables = found.to_color_system().generate()
    looks = looks_of(found, variables, Options(), grey=True)
    assert {looks.colour(tone) for tone in TONES} == {Color.parse(variables["foreground"]).hex6}


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
def test_sixteen_colours_are_named_and_the_cursor_needs_none(theme: str) -> None:
    found = BUILTIN_THEMES[theme]
    looks = looks_of(found, found.to_color_system().generate(), Options())
    numbers = {tone: Style(color=looks.colour(tone)).color.number for tone in TONES}  # type: ignore[union-attr]
    assert all(number is not None and number < 16 for number in numbers.values())
    assert len(set(numbers.values())) == len(TONES)
    assert looks.cursor == ""
    pen = Pen([ColumnHead(key="a", title="A", width=10)])
    line = Line(kind="x", key="x", cells=(Cell("failed", state="failed"),))
    strip = pen.body(line, 20, "  ", here=True, base=Style(), looks=looks)
    assert all(segment.style is not None and segment.style.reverse for segment in strip if segment.text.strip())


@pytest.mark.parametrize("states", TOGETHER.values(), ids=TOGETHER)
def test_states_that_stand_together_have_signs_of_their_own(states: tuple[str, ...]) -> None:
    for one, other in combinations(states, 2):
        assert look_of(one).glyph != look_of(other).glyph, (one, other)
        assert look_of(one).ascii != look_of(other).ascii, (one, other)


def test_every_sign_takes_one_cell_and_its_other_is_ascii() -> None:
    from rich.cells import cell_len

    assert {state for states in TOGETHER.values() for state in states} <= set(LOOKS)
    for look in LOOKS.values():
        assert cell_len(look.glyph) == 1
        assert look.ascii.isascii()
        assert look.tone in TONES
    assert set(LEGEND) <= set(LOOKS)


def test_parts_of_a_cell_have_their_own_tones_and_are_cut_to_its_width() -> None:
    found = BUILTIN_THEMES["textual-dark"]
    looks = looks_of(found, found.to_color_system().generate(), Options())
    pen = Pen([ColumnHead(key="strip", title="LAST", width=4)])
    parts = (("••", "success"), ("✘", "failed"), ("▶▶", "running"))
    line = Line(kind="x", key="x", cells=(Cell("", parts=parts),))
    strip = pen.body(line, 12, "❯ ", here=False, base=Style(), looks=looks)
    drawn = [(segment.text, segment.style.color) for segment in strip if segment.text.strip()]  # type: ignore[union-attr]
    assert [text for text, _ in drawn] == ["❯ ", "••", "✘", "▶"]
    assert len({str(colour) for _, colour in drawn[1:]}) == 3
    assert strip.cell_length == 12


def test_dense_drops_words_of_states_and_gives_their_room_to_others() -> None:
    heads = (
        ColumnHead(key="name", title="NAME", width=0),
        ColumnHead(key="state", title="STATE", width=11),
        ColumnHead(key="more", title="MORE", width=20, rank=1),
    )
    wide = lay_out(heads, 60)
    narrow = lay_out(heads, 60, narrow={1})
    assert wide[0].width + 5 == narrow[0].width
    assert [column.head.key for column in lay_out(heads, 40)] == ["name", "state"]
    assert [column.head.key for column in lay_out(heads, 60, hidden={"name", "more"})] == ["state"]
    assert [column.head.key for column in lay_out(heads, 60, hidden={"name", "state", "more"})] == ["name"]
    assert wide[0].left == GAP


@pytest.mark.parametrize("theme", ["textual-light", "nord", "ansi-dark"])
def test_a_theme_and_a_palette_are_worn_at_once(seen: Path, theme: str) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        before = dashboard.colour("failed")
        dashboard.theme = theme
        await until(pilot, lambda: dashboard.colour("failed") != before)
        await until(pilot, lambda: "✘ failing" in text_of(dashboard))
        worn = dashboard.colour("failed")
        dashboard.paint(Palette.COLOUR_BLIND)
        assert (dashboard.colour("failed") == worn) == (theme == "ansi-dark")
        await pilot.press("d")
        await until(pilot, lambda: "✘ failing" not in text_of(dashboard))
        assert "✘" in text_of(dashboard).splitlines()[3]

    drive(seen, story)
