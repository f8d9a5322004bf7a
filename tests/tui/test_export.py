"""What is seen, in a file."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from tui.tui_kit import drive, text_of, until

from mtctl.core.errors import MtctlError
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.exporting import ExportScreen, export_text, write_new

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard

HEADS = (ColumnHead(key="name", title="NAME", width=0), ColumnHead(key="n", title="N", width=4, right=True))
LINES = (
    Line(kind="x", key="a", cells=(Cell('a|b "c"\nd'), Cell("1"))),
    Line(kind="x", key="b", cells=(Cell("", parts=(("••", "success"), ("✘", "failed"))), Cell("", state="failed"))),
)


def test_each_form_says_the_same() -> None:
    assert export_text(".csv", HEADS, LINES) == 'name,n\n"a|b ""c""\nd",1\n••✘,failed\n'
    assert json.loads(export_text(".json", HEADS, LINES)) == [
        {"name": 'a|b "c"\nd', "n": "1"},
        {"name": "••✘", "n": "failed"},
    ]
    assert export_text(".md", HEADS, LINES) == '| NAME | N |\n| --- | --: |\n| a\\|b "c" d | 1 |\n| ••✘ | failed |\n'


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    assert write_new(str(file), "one") == file
    with pytest.raises(MtctlError, match="there already"):
        write_new(str(file), "two")
    assert file.read_text(encoding="utf-8") == "one"
    with pytest.raises(MtctlError, match="cannot be written"):
        write_new(str(tmp_path / "no/such/folder.csv"), "x")


def test_a_list_is_exported_as_it_is_narrowed_and_mistakes_can_be_mended(
    seen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "instances.csv").write_text("mine", encoding="utf-8")

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("3", "slash", *"state:failed", "enter")
        await until(pilot, lambda: dashboard.grid.total == 2)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(dashboard.screen, ExportScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "there already" in text_of(dashboard))
        await pilot.press(*["backspace"] * 4, "enter")
        await until(pilot, lambda: "does not say what it is to be" in text_of(dashboard))
        await pilot.press(*"2.csv", "enter")
        await until(pilot, (tmp_path / "instances2.csv").exists)
        await until(pilot, lambda: not isinstance(dashboard.screen, ExportScreen))
        await pilot.press("e", *["backspace"] * 3, *"svg", "enter")
        await until(pilot, (tmp_path / "instances.svg").exists)

    drive(seen, story)
    with (tmp_path / "instances2.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["failed", "failed"]
    assert {row["title"] for row in rows} == {"workflow run nightly", "refresh bad"}
    assert (tmp_path / "instances.csv").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "instances.svg").read_text(encoding="utf-8").startswith("<svg")
