"""How the dashboard is left is how it comes back; damage to that is a notice and nothing more."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from tui.tui_kit import drive, keys_of, text_of, until

from mtctl.app import open_app
from mtctl.cli.dashboard_view import Look, view_of
from mtctl.config import load_project
from mtctl.tui.app import Dashboard
from mtctl.tui.bars import Options
from mtctl.tui.drawn.palette import Palette
from mtctl.tui.kept import VERSION, Keeper, Kept, ListView, Start

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "state", tmp_path / "shop")


def test_what_is_kept_comes_back_whole_and_is_for_nobody_else_to_read(keeper: Keeper, tmp_path: Path) -> None:
    kept = Kept(
        first="instances",
        dense=True,
        local=True,
        theme="nord",
        palette="colour-blind",
        lists={"tables": ListView(order="state", descending=True, filter="state:failing", hidden=("strip",))},
    )
    assert keeper.load() == (Kept(), "")
    assert keeper.save(kept) == ""
    assert keeper.load() == (kept, "")
    assert keeper.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in keeper.path.parent.iterdir()] == [keeper.path.name], "nothing half-written is left"
    other = Keeper(tmp_path / "state", tmp_path / "other")
    assert other.load() == (Kept(), ""), "each project has its own"
    assert keeper.forget() == ""
    assert keeper.load() == (Kept(), "")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": 1}', b'{"version": "1"}', b"[" * 100_000, b"x" * 200_000],
)
def test_a_damaged_file_is_left_aside_with_a_notice(keeper: Keeper, content: bytes) -> None:
    keeper.path.parent.mkdir(parents=True)
    keeper.path.write_bytes(content)
    kept, notice = keeper.load()
    assert kept == Kept()
    assert "damaged" in notice
    assert keeper.path.read_bytes() == content


@pytest.mark.parametrize(("key", "value"), [("first", 7), ("dense", "yes"), ("theme", ["nord"]), ("lists", [1])])
def test_a_wrong_type_is_damage_too(keeper: Keeper, key: str, value: object) -> None:
    keeper.save(Kept())
    data = json.loads(keeper.path.read_text(encoding="utf-8"))
    keeper.path.write_text(json.dumps(data | {key: value}), encoding="utf-8")
    assert keeper.load()[0] == Kept()
    assert "damaged" in keeper.load()[1]


def test_a_newer_file_is_left_aside_with_a_notice(keeper: Keeper) -> None:
    keeper.save(Kept())
    data = json.loads(keeper.path.read_text(encoding="utf-8"))
    keeper.path.write_text(json.dumps(data | {"version": VERSION + 1}), encoding="utf-8")
    kept, notice = keeper.load()
    assert kept == Kept()
    assert "newer" in notice


def test_a_folder_that_cannot_be_written_is_a_word_and_no_end(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    keeper = Keeper(tmp_path / "state", tmp_path / "shop")
    assert "cannot be kept" in keeper.save(Kept())
    assert keeper.load()[0] == Kept()


def _run(root: Path, options: Options, start: Start, keys: tuple[str, ...], shown: str) -> Dashboard:
    dashboard = Dashboard(lambda: open_app(root, lambda _: None), options, start=start)

    async def play() -> None:
        async with dashboard.run_test(size=(120, 36), notifications=True) as pilot:
            await until(pilot, lambda: dashboard._began and dashboard.grid.total > 0)
            for key in keys:
                await pilot.press(key)
            await until(pilot, lambda: shown in text_of(dashboard))

    asyncio.run(play())
    return dashboard


def test_the_dashboard_comes_back_as_it_was_left(seen: Path, keeper: Keeper) -> None:
    keys = ("3", "slash", *"state:failed", "enter", "greater_than_sign", "R", "d", "z", "H", "down", "space", "enter")
    _run(seen, Options(), Start(keeper=keeper), keys, "state:failed")
    kept, notice = keeper.load()
    assert notice == ""
    assert kept.first == "instances"
    assert (kept.dense, kept.local) == (True, True)
    assert (kept.theme, kept.palette) == (None, None), "nobody chose one: the configuration may still decide"
    assert kept.lists["instances"] == ListView(
        order="title", descending=False, filter="state:failed", hidden=("title",)
    )

    options = Options(first="instances", dense=True, local=True)

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: dashboard.grid.total == 2)
        assert "state:failed" in text_of(dashboard)
        assert (dashboard.grid.order, dashboard.grid.descending) == ("title", False)
        assert "WHAT" not in text_of(dashboard)
        await pilot.press("1")
        await until(pilot, lambda: keys_of(dashboard.grid) == ["bad", "daily", "months"])
        assert "state:failed" not in text_of(dashboard), "each list has its own filter"

    dashboard = Dashboard(lambda: open_app(seen, lambda _: None), options, start=Start(keeper=keeper, kept=kept))

    async def play() -> None:
        async with dashboard.run_test(size=(120, 36)) as pilot:
            await story(dashboard, pilot)

    asyncio.run(play())
    assert keeper.load()[0].first == "tables"


def test_what_was_chosen_in_the_dashboard_is_kept_and_what_an_option_said_is_not(seen: Path, keeper: Keeper) -> None:
    start = Start(keeper=keeper)
    _run(seen, Options(theme="nord", palette=Palette.COLOUR_BLIND, local=True), start, ("2",), "WORKFLOW")
    kept, _ = keeper.load()
    assert (kept.theme, kept.palette, kept.local) == (None, None, None)

    async def choose(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        dashboard.theme = "gruvbox"
        dashboard.paint(Palette.COLOUR_BLIND)
        await until(
            pilot, lambda: dashboard.memory._unsaved is not None and dashboard.memory._unsaved.palette is not None
        )

    dashboard = Dashboard(lambda: open_app(seen, lambda _: None), Options(), start=start)

    async def play() -> None:
        async with dashboard.run_test() as pilot:
            await until(pilot, lambda: dashboard._began and dashboard.grid.total > 0)
            await choose(dashboard, pilot)

    asyncio.run(play())
    kept, _ = keeper.load()
    assert (kept.theme, kept.palette, kept.local) == ("gruvbox", "colour-blind", None)


def test_a_notice_about_the_kept_view_is_shown(seen: Path, keeper: Keeper) -> None:
    _run(seen, Options(), Start(keeper=keeper, notice="the kept view is damaged"), (), "the kept view is damaged")


def test_a_dashboard_without_a_keeper_writes_nothing(
    seen: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("3", "d")
        await until(pilot, lambda: dashboard.grid.name == "instances")

    drive(seen, story)
    assert not (tmp_path / "state").exists()


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of a user who has nothing yet, and no word in the environment about signs."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("MTCTL_ASCII", raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    root = tmp_path / "shop"
    root.mkdir()
    (root / "mtctl.toml").write_text(
        'name = "shop"\n[ui]\ntheme = "nord"\npalette = "colour-blind"\n', encoding="utf-8"
    )
    return root


def test_options_win_over_the_kept_view_and_that_over_the_users_file_and_that_over_the_projects(homes: Path) -> None:
    project = load_project(homes)
    view = view_of(project, Look(), keeps=True)
    assert (view.options.theme, view.options.palette) == ("nord", Palette.COLOUR_BLIND)
    assert (view.options.first, view.options.local, view.options.plain) == ("tables", False, False)

    own = homes.parent / "config/mtctl/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[ui]\ntheme = "gruvbox"\ntime = "local"\nascii = true\n', encoding="utf-8")
    view = view_of(project, Look(), keeps=True)
    assert (view.options.theme, view.options.palette) == ("gruvbox", Palette.COLOUR_BLIND)
    assert (view.options.local, view.options.plain) == (True, True)

    assert view.start.keeper is not None
    view.start.keeper.save(Kept(first="queues", theme="dracula", local=False, dense=True))
    view = view_of(project, Look(), keeps=True)
    assert (view.options.first, view.options.theme, view.options.local) == ("queues", "dracula", False)
    assert view.options.dense

    view = view_of(project, Look(first="events", theme="monokai", palette="default"), keeps=True)
    assert (view.options.first, view.options.theme) == ("events", "monokai")
    assert view.options.palette is Palette.DEFAULT

    assert view_of(project, Look(), keeps=False).options.first == "tables", "a browser's view is nobody's"
    assert view_of(project, Look(fresh=True), keeps=True).options.first == "tables"
    assert view_of(project, Look(), keeps=True).options.theme == "gruvbox", "it is forgotten"


def test_a_kept_view_that_no_longer_fits_is_taken_as_far_as_it_goes(homes: Path) -> None:
    project = load_project(homes)
    keeper = view_of(project, Look(), keeps=True).start.keeper
    assert keeper is not None
    keeper.save(Kept(first="gone", theme="gone", palette="gone"))
    options = view_of(project, Look(), keeps=True).options
    assert (options.first, options.theme, options.palette) == ("tables", "nord", Palette.COLOUR_BLIND)
