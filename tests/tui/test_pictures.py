"""What every screen looks like, at three sizes, compared with pictures that people have looked at.

`MTCTL_NEW_PICTURES=1 python -m pytest -m campaign tests/tui/test_pictures.py` draws them anew: look at the difference.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tui.still_kit import freeze, still
from tui.tui_kit import number_of, text_of, until, worked

from mtctl.tui.bars import Options
from mtctl.tui.drawn.palette import Palette

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard

PICTURES = Path(__file__).with_name("pictures")
NEW = bool(os.environ.get("MTCTL_NEW_PICTURES"))
SIZES = ((80, 24), (120, 40), (200, 60))

SCREENS = {
    "tables": ("tables",),
    "workflows": ("workflows",),
    "instances": ("instances",),
    "ranges": ("ranges",),
    "lineage": ("lineage",),
    "queues": ("queues",),
    "schedule": ("schedule",),
    "events": ("events",),
    "filtered": ("tables", "slash", *"bad", "enter"),
    "marked": ("instances", "space", "space"),
    "table": ("tables", "j", "enter"),
    "surroundings": ("tables", "j", "i"),
    "workflow": ("workflows", "G", "enter"),
    "instance": ("instances", "enter"),
    "queue": ("queues", "enter"),
    "range": ("ranges", "enter"),
    "wizard": ("tables", "j", "b"),
    "question": ("tables", "j", "F"),
    "form": ("queues", "c"),
    "actions": ("instances", "a"),
    "query": ("tables", "Q"),
    "keys": ("tables", "question_mark"),
}
"""Each screen by the list that it begins at and the keys that lead to it."""


@pytest.fixture(scope="module")
def stands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which time stands still."""
    root = tmp_path_factory.mktemp("pictures") / "shop"
    worked(root)
    freeze(root)
    return root


async def _go(dashboard: Dashboard, pilot: Pilot[None], keys: tuple[str, ...]) -> None:
    await until(pilot, lambda: dashboard._began and dashboard.grid.total > 0)
    await pilot.press(number_of(dashboard, keys[0]))
    await until(pilot, lambda: dashboard.grid.name == keys[0] and dashboard.grid.current is not None)
    for key in keys[1:]:
        await pilot.press(key)
        await pilot.pause(0.1)
    for field in dashboard.screen.query("Input, TextArea"):
        field.cursor_blink = False  # type: ignore[attr-defined]
    seen = ["", "."]
    while seen[-1] != seen[-2]:  # until nothing moves any more
        await pilot.pause(0.3)
        seen.append(text_of(dashboard))


def _drawn(root: Path, keys: tuple[str, ...], size: tuple[int, int], **options: object) -> tuple[str, str]:
    """Return what is on the screen, as text and as SVG without the names that change with each run."""
    dashboard = still(root, Options(**options))  # type: ignore[arg-type]
    found: list[str] = []

    async def play() -> None:
        async with dashboard.run_test(size=size) as pilot:
            await _go(dashboard, pilot, keys)
            found.extend((text_of(dashboard), dashboard.export_screenshot()))

    asyncio.run(play())
    return found[0] + "\n", re.sub(r"terminal-\d+", "terminal", found[1])


def _compare(name: str, text: str) -> None:
    path = PICTURES / name
    if NEW:
        PICTURES.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_did(stands: Path, screen: str, size: tuple[int, int]) -> None:
    text, svg = _drawn(stands, SCREENS[screen], size)
    assert len(text.splitlines()) <= size[1]
    _compare(f"{screen}-{size[0]}x{size[1]}.txt", text)
    if size == (120, 40):
        _compare(f"{screen}.svg", svg)


@pytest.mark.parametrize("screen", SCREENS)
def test_plain_screens_are_ascii(stands: Path, screen: str) -> None:
    text, _ = _drawn(stands, SCREENS[screen], (80, 24), plain=True)
    assert text.isascii(), text
    if screen in {"tables", "instance", "range"}:
        _compare(f"{screen}-plain.txt", text)


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
def test_other_looks(stands: Path, theme: str) -> None:
    _, svg = _drawn(stands, SCREENS["tables"], (120, 40), theme=theme, palette=Palette.COLOUR_BLIND)
    _compare(f"tables-{theme}.svg", svg)


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="needs rsvg-convert")
@pytest.mark.parametrize("screen", ["tables", "instance"])
def test_a_picture_becomes_a_png(tmp_path: Path, screen: str) -> None:
    png = tmp_path / "picture.png"
    subprocess.run(["rsvg-convert", "-w", "1200", PICTURES / f"{screen}.svg", "-o", png], check=True)
    assert png.stat().st_size > 20_000
