from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from services.service_kit import World
from textual.content import Content
from textual.widgets import Input
from tui.tui_kit import drive, keys_of, number_of, text_of, until

from mtctl.app import open_app
from mtctl.core.listing import KEYS, Filter, parse_filter
from mtctl.core.states import InstanceState
from mtctl.ports.near import RunStats
from mtctl.tui.app import Dashboard
from mtctl.tui.bars import Options, legend_text, tabs_text
from mtctl.tui.drawn.lines import Asked, Page
from mtctl.tui.lists import all_lists
from mtctl.tui.near.queue_screen import QueueScreen
from mtctl.tui.near.table_screen import TableScreen
from mtctl.tui.near.workflow_screen import WorkflowScreen, health

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


def test_the_overview_shows_each_table_with_its_state_and_the_cause_of_trouble(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "$ mtctl refresh bad --detach" in text_of(dashboard))
        shown = text_of(dashboard)
        assert "shop" in shown
        assert "✘ failing" in shown
        assert "no such luck" in shown
        assert "✔ fresh" in shown
        assert "! late" in shown or "· never" in shown
        assert "live · as of" in shown
        assert "◌ pending" in shown, "the legend is always there"

    drive(seen, story)


@pytest.mark.parametrize("name", [listing.name for listing in all_lists()])
def test_every_column_of_every_list_sorts_it(seen: Path, name: str) -> None:
    listing = next(one for one in all_lists() if one.name == name)
    wanted = Filter()
    with open_app(seen, lambda _: None) as app:
        whole = listing.page(app, Asked(wanted=wanted, order="", descending=False, offset=0, limit=200), 1)
        keys = sorted(line.key for line in whole.lines)
        for at, head in enumerate(listing.heads):
            assert head.sortable, head.title
            orders = []
            for descending in (False, True):
                asked = Asked(wanted=wanted, order=head.key, descending=descending, offset=0, limit=200)
                found = listing.page(app, asked, 1)
                assert sorted(line.key for line in found.lines) == keys
                orders.append([(line.cells[at].text, line.cells[at].parts) for line in found.lines])
            up, down = orders
            told = {one for one in up if one != ("", ())}  # what says nothing stands last either way
            assert up != down or len(told) < 2, f"{head.title}: nothing moves"


EVERY_SO_OFTEN = """
schedule = "{schedule}"
[[tasks]]
name = "hello"
command = ["true"]
"""


@pytest.mark.parametrize(("size", "plain"), [((80, 24), False), ((120, 36), True)])
def test_the_schedule_shows_how_often_each_of_the_next_24_hours_fires(
    tmp_path: Path, size: tuple[int, int], *, plain: bool
) -> None:
    world = World(tmp_path)
    (tmp_path / "workflows").mkdir(exist_ok=True)
    for name, schedule in (("daily", "0 3 * * *"), ("often", "*/10 * * * *"), ("quarterly", "*/15 * * * *")):
        (tmp_path / f"workflows/{name}.toml").write_text(EVERY_SO_OFTEN.format(schedule=schedule), encoding="utf-8")
    world.apply()
    world.app.workflows.edits.disable(["quarterly"], actor="tester")
    world.close()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "schedule"))
        await until(pilot, lambda: "quarterly" in text_of(dashboard))
        lines = {name: next(line for line in text_of(dashboard).splitlines() if f" {name} " in f"{line} ")
                 for name in ("daily", "often", "quarterly")}  # fmt: skip
        assert "+6h" in text_of(dashboard)
        assert "+" * 24 in lines["often"]
        daily = re.search(r" ([·1_]{24})", lines["daily"])
        assert daily is not None
        assert daily[1].count("1") == 1
        assert "disabled" in lines["quarterly"]
        assert "4444" not in lines["quarterly"]
        await until(pilot, lambda: dashboard.grid.current is not None)
        assert "every 10 minutes" in text_of(dashboard) or "at 03:00" in text_of(dashboard)
        await pilot.press("d")
        await until(pilot, lambda: dashboard.options.dense)
        await pilot.pause()
        assert re.search(r"\d-\d\d 03:00:00Z .* daily ", text_of(dashboard)), "a state makes no column of times narrow"

    drive(tmp_path, story, size=size, first="schedule", plain=plain)


@pytest.mark.parametrize(
    "size",
    [
        (80, 24),
        pytest.param((200, 60), marks=pytest.mark.campaign),
        pytest.param((60, 20), marks=pytest.mark.campaign),
    ],
)
def test_every_list_fits_every_terminal(seen: Path, size: tuple[int, int]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        for number, (name, listing) in enumerate(dashboard.listings.items(), start=1):
            await pilot.press(str(number))
            await until(pilot, lambda wanted=name: dashboard.grid.name == wanted)  # type: ignore[misc]
            await until(pilot, lambda wanted=name: dashboard.grid.total > 0 or wanted == "ranges")  # type: ignore[misc]
            lines = text_of(dashboard).splitlines()
            heads = next(line for line in lines[2:] if line.startswith("  "))
            assert listing.heads[0].title in heads
            assert all(len(line) <= size[0] for line in lines)
            assert dashboard.grid.current is not None or name == "ranges"
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert "EVENT" in text_of(dashboard)

    drive(seen, story, size=size)


def test_numbers_keys_and_the_mouse_move_about(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        grid = dashboard.grid
        assert keys_of(grid) == ["bad", "daily", "months"]
        await pilot.press("j", "j", "j")
        assert grid.current is not None
        assert grid.current.key == "months"
        await pilot.press("g")
        assert grid.cursor == 0
        await pilot.press("G", "k")
        assert grid.current.key == "daily"
        await pilot.press("n")
        await pilot.press("N")
        assert grid.current.key == "bad", "the line before that shows a failure"
        await pilot.click("#grid-tables", offset=(5, 2))
        assert grid.cursor == 1

    drive(seen, story)


def test_a_list_sorts_by_any_column_and_backwards(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("R")
        await until(pilot, lambda: keys_of(dashboard.grid) == ["months", "daily", "bad"])
        assert "TABLE▼" in text_of(dashboard)
        await pilot.press("R", "greater_than_sign")
        await until(pilot, lambda: "STATE▲" in text_of(dashboard))
        await pilot.click("#grid-tables", offset=(4, 0))
        await until(pilot, lambda: keys_of(dashboard.grid) == ["bad", "daily", "months"])

    drive(seen, story)


def test_a_filter_narrows_while_it_is_typed_and_goes_with_escape(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"state:failing")
        await until(pilot, lambda: keys_of(dashboard.grid) == ["bad"])
        await pilot.press("enter")
        assert dashboard.focused is dashboard.grid, "letters are verbs again"
        await pilot.press("escape")
        await until(pilot, lambda: dashboard.grid.total == 3)
        await pilot.press("slash")
        dashboard.query_one("#filter", Input).value = "tag:team=growth"
        await until(pilot, lambda: keys_of(dashboard.grid) == ["months"])
        await pilot.press("escape", "slash")
        dashboard.query_one("#filter", Input).value = "colour:red"
        await until(pilot, lambda: "not a key of filters" in text_of(dashboard))

    drive(seen, story)


def test_instances_filter_in_the_store(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("3")
        await until(pilot, lambda: dashboard.grid.total == 3)
        for text, number in (("state:failed", 2), ("workflow:night*", 1), ("table:daily", 1), ("tag:team=ops", 1),
                             ("trigger:schedule", 0), ("refresh bad", 1)):  # fmt: skip
            await pilot.press("slash")
            dashboard.query_one("#filter", Input).value = text
            await until(pilot, lambda wanted=number: dashboard.grid.total == wanted)  # type: ignore[misc]
            await pilot.press("escape")
            await until(pilot, lambda: dashboard.grid.total == 3)

    drive(seen, story)
    assert set(KEYS) >= {"state", "workflow", "table", "tag", "trigger"}


def test_what_others_do_shows_by_itself_and_not_while_paused(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "queues"))
        await until(pilot, lambda: dashboard.grid.total == 1)
        with open_app(own, lambda _: None) as other:
            other.operator.queues.pause("default", "maintenance")
            await until(pilot, lambda: "maintenance" in text_of(dashboard))
            await pilot.press("p")
            await until(pilot, lambda: "paused ·" in text_of(dashboard))
            other.operator.queues.resume("default")
            await pilot.pause(0.6)
            assert "maintenance" in text_of(dashboard)
            await pilot.press("p")
            await until(pilot, lambda: "maintenance" not in text_of(dashboard))

    drive(own, story)


def test_a_state_file_that_goes_away_and_comes_back_is_a_message_and_no_end(own: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        state = own / ".mtctl/state.db"
        away = state.with_suffix(".away")
        state.rename(away)
        await until(pilot, lambda: "state file" in text_of(dashboard).splitlines()[0])
        away.rename(state)
        await until(pilot, lambda: "live · as of" in text_of(dashboard).splitlines()[0])

    drive(own, story)


def test_the_legend_is_whole_from_80_columns_on() -> None:
    for plain in (False, True):
        options = Options(plain=plain)
        assert legend_text(options, lambda _: "", 79).plain.endswith("late")
        assert legend_text(options, lambda _: "", 79).cell_len <= 79
        assert "  " in legend_text(options, lambda _: "", 119).plain


def test_schedules_of_tables_are_found_by_the_table_and_events_by_the_workflow(seen: Path) -> None:
    lists = {one.name: one for one in all_lists()}

    def found(name: str, text: str) -> list[Any]:
        asked = Asked(wanted=parse_filter(text), order="", descending=True, offset=0, limit=100)
        return [line.cells for line in lists[name].page(app, asked, 1).lines]

    with open_app(seen, lambda _: None) as app:
        assert len(found("schedule", "table:mon*")) == 1
        kinds = {cells[1].text for cells in found("events", "workflow:night*")}
    assert {"task_state", "instance_state"} <= kinds


def test_plain_signs_are_ascii_only(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "X failing" in text_of(dashboard))
        body = "\n".join(text_of(dashboard).splitlines()[2:-5])
        assert body.isascii(), body

    drive(seen, story, plain=True)


def test_only_what_is_seen_is_read(tmp_path: Path) -> None:
    """A thousand instances: the list reads a window, and reads another when somebody goes to the end."""
    world = World(tmp_path / "big")
    with world.app._store.write() as tx:
        for number in range(1000):
            tx.session.connection.execute(  # type: ignore[attr-defined]
                "INSERT INTO workflow_instance (ulid, trigger, title, manifest, state, queue, created_at, started_at, "
                "ended_at) VALUES (?, 'manual', ?, '{}', 'success', 'default', 1, 1, 2)",
                (f"{number:026d}", f"number {number}"),
            )
    world.close()

    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        grid = dashboard.grid
        assert grid.total == 1000
        assert len(grid._lines) <= 200
        await pilot.press("G")
        await until(pilot, lambda: grid.current is not None)
        assert grid.current is not None
        assert grid.current.key.endswith("000")
        assert len(grid._lines) <= 400
        await pilot.press("R")
        await until(pilot, lambda: grid.current is not None and grid.current.key == f"{0:026d}")

    drive(tmp_path / "big", story, first="instances")


def test_leaving_ends_the_threads(seen: Path) -> None:
    dashboard = Dashboard(lambda: open_app(seen, lambda _: None), Options())

    async def play() -> None:
        async with dashboard.run_test() as pilot:
            await pilot.pause(0.2)
            await pilot.press("q")

    asyncio.run(play())
    assert dashboard.desk.reads._pool._shutdown
    assert dashboard.desk.acts._pool._shutdown


@pytest.mark.parametrize("size", [(60, 20), pytest.param((120, 36), marks=pytest.mark.campaign)])
def test_a_filter_is_seen_while_it_is_in_force_and_an_empty_list_says_why(seen: Path, size: tuple[int, int]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"nosuch", "enter")
        await until(pilot, lambda: "nothing fits the filter – esc takes it away" in text_of(dashboard))
        assert "filter nosuch" in text_of(dashboard)
        await pilot.press("4")
        await until(pilot, lambda: dashboard.grid.name == "ranges" and dashboard.grid.total == 1)
        assert "filter" not in text_of(dashboard).splitlines()[2]
        dashboard.follower.paused = True
        dashboard.grid.put(Page(total=0, offset=0, lines=()), fresh=True)
        await until(pilot, lambda: "nothing here yet" in text_of(dashboard))
        await pilot.press("1")
        await until(pilot, lambda: "filter nosuch" in text_of(dashboard))
        await pilot.press("escape")
        await until(pilot, lambda: "bad" in text_of(dashboard))
        assert "nothing" not in text_of(dashboard)

    drive(seen, story, size=size)


@pytest.mark.campaign
def test_ages_go_on_while_nobody_writes_and_not_while_paused_or_away(
    seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        follower = dashboard.follower
        await until(pilot, lambda: follower._beat > 2)
        follower.away = True
        await pilot.pause(0.6)
        stood = follower._beat
        await pilot.pause(0.6)
        assert follower._beat == stood
        follower.away, follower.paused = False, True
        await pilot.pause(0.6)
        stood = follower._beat
        await pilot.pause(0.6)
        assert follower._beat == stood

    monkeypatch.setattr("mtctl.tui.following.BEAT_SECONDS", 0.3)
    drive(seen, story)


def test_all_lists_are_named_at_every_width() -> None:
    names = [listing.name for listing in all_lists()]
    for width in (58, 78, 118):
        for current in names:
            shown = Content.from_markup(tabs_text(names, current, width)).plain
            assert len(shown) <= width
            for number, name in enumerate(names, start=1):
                least = name if name == current else name[:3]
                assert f"{number} {least.capitalize()}" in shown
    assert "8 Events" in Content.from_markup(tabs_text(names, "tables", 118)).plain
    assert "7 Schedule" in tabs_text(names, "tables", 118)


def test_the_line_of_lists_follows_the_width(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "2 Workflows" in text_of(dashboard))
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: "1 Tables  2 Wor" in text_of(dashboard) and "8 Eve" in text_of(dashboard))

    drive(seen, story)


@pytest.mark.campaign
def test_the_palette_finds_things_by_their_names(seen: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        for typed, kind in (("months", TableScreen), ("nightly", WorkflowScreen), ("default", QueueScreen)):
            await pilot.press("colon", *typed)
            await until(pilot, lambda wanted=typed: f"{wanted} (" in text_of(dashboard))  # type: ignore[misc]
            await pilot.press("enter")
            await until(pilot, lambda wanted=kind: isinstance(dashboard.screen, wanted))  # type: ignore[misc]
            assert "^p" not in text_of(dashboard)
            await pilot.press("escape")
            await until(pilot, lambda: len(dashboard.screen_stack) == 1)

    drive(seen, story)


def test_a_workflow_that_runs_for_the_first_time_is_not_said_to_be_idle() -> None:
    none = RunStats(ended=0, succeeded=0, p50=None, p95=None, recent=())
    assert health(none, ()) == "has not run in 30 days"
    assert health(none, (InstanceState.FAILED,)) == "has not run in 30 days"
    assert health(none, (InstanceState.RUNNING,)) == "runs for the first time"
    assert health(none, (InstanceState.PENDING, InstanceState.SUCCESS)) == "running now"
