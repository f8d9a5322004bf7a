from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from services.service_kit import World
from textual.widgets import Input
from tui.tui_kit import drive, keys_of, number_of, text_of, until

from mtctl.tui.near.lineage_screen import LineageScreen
from mtctl.tui.near.table_screen import TableScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from mtctl.tui.app import Dashboard

TREE = ["fx_rates", "orders_raw", "orders_clean", "customers", "sales_daily", "top_products"]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chain with two sources and a diamond: `sales_daily` fails three times after its source has changed."""
    root = tmp_path_factory.mktemp("chain") / "shop"
    world = World(root)
    world.days({"2013-01-01": [1, 2], "2013-01-02": [3]})
    world.data("fx.csv", "c,r\nEUR,1.1\n")
    for name, sql in (
        ("orders_raw", "SELECT d, v FROM 'data/in.csv'"),
        ("fx_rates", "SELECT * FROM 'data/fx.csv'"),
        ("orders_clean", "SELECT o.d, o.v * f.r AS v FROM orders_raw o, fx_rates f"),
        ("sales_daily", "SELECT d, if(sum(v) > 9, error('no luck'), sum(v)) AS v FROM orders_clean GROUP BY 1"),
        ("customers", "SELECT count(*) AS n FROM orders_clean"),
        ("top_products", "SELECT s.d, c.n FROM sales_daily s, customers c"),
    ):  # fmt: skip
        options = "WITH ('retries' = '0') " if name == "sales_daily" else ""
        world.table(name, f"CREATE MATERIALIZED TABLE {name} {options}AS {sql}\n")
    world.apply()
    world.fill(everything=True)
    world.days({"2013-01-01": [1, 2], "2013-01-02": [30]})
    world.fill("orders_raw", "orders_clean", "customers")
    for _ in range(3):
        world.refresh("sales_daily")
    world.close()
    return root


async def _near(dashboard: Dashboard, pilot: Pilot[None], name: str) -> LineageScreen:
    """Open the lineage of a table from its list."""
    await pilot.press(number_of(dashboard, "lineage"))
    await until(pilot, lambda: keys_of(dashboard.grid) == TREE)
    dashboard.grid.cursor = TREE.index(name)
    await pilot.press("i")
    await until(pilot, lambda: isinstance(dashboard.screen, LineageScreen))
    await until(pilot, lambda: f"[{name}]" in text_of(dashboard))
    assert isinstance(dashboard.screen, LineageScreen)
    return dashboard.screen


def test_the_list_draws_the_tree_and_tells_the_worst_path_and_whose_fault_it_is(chain: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "lineage"))
        await until(pilot, lambda: keys_of(dashboard.grid) == TREE)
        await until(pilot, lambda: "worst path: fx_rates" in text_of(dashboard))
        shown = text_of(dashboard)
        for words in ("  └─ orders_clean", "     ├─ customers", "     └─ sales_daily", "        └─ top_products"):
            assert words in shown
        assert "✘ failing" in shown
        assert "s late" in shown
        assert "own failure " in shown
        path = next(line for line in shown.splitlines() if "worst path" in line)
        assert path.count("→") == 2
        assert path.endswith("late")
        worst = [cell.parts[-1][1] for cell in (line.cells[0] for line in dashboard.grid.read_lines)]
        assert worst == ["late", "", "late", "", "late", ""], "the names on the path stand out"

    drive(chain, story)


def test_in_another_order_or_narrowed_there_is_no_tree(chain: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await pilot.press(number_of(dashboard, "lineage"))
        await until(pilot, lambda: keys_of(dashboard.grid) == TREE)
        await pilot.press("greater_than_sign", "greater_than_sign", "R")
        await until(pilot, lambda: keys_of(dashboard.grid)[0] == "sales_daily")
        assert "─" not in "\n".join(text_of(dashboard).splitlines()[2:-4])
        await pilot.press("slash")
        dashboard.query_one("#filter", Input).value = "state:failing"
        await until(pilot, lambda: keys_of(dashboard.grid) == ["sales_daily"])

    drive(chain, story)


@pytest.mark.campaign
def test_a_table_is_seen_between_its_sources_and_its_readers(chain: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _near(dashboard, pilot, "sales_daily")
        shown = text_of(dashboard).splitlines()
        assert "lineage of sales_daily" in shown[0]
        assert "3 tables above, 1 table below" in shown[0]
        assert "worst path: data/fx.csv" in shown[1]
        at = {name: next(row for row, line in enumerate(shown) if row > 2 and name in line)
              for name in ("data/in.csv", "orders_raw", "data/fx.csv", "fx_rates", "orders_clean", "[sales_daily]",
                           "top_products")}  # fmt: skip
        assert list(at.values()) == sorted(at.values())
        assert "1 file, changed" in shown[at["data/in.csv"]]
        assert screen.chosen[0].key == "sales_daily", "it stands on the table itself"
        assert dashboard.command.startswith("mtctl refresh sales_daily")
        assert "no luck" in text_of(dashboard)
        await pilot.press("u")
        assert screen.chosen[0].key == "orders_clean"
        await pilot.press("u", "u")
        assert screen.chosen[0].key == "source data/fx.csv"
        await pilot.press("u", "d", "d", "d", "d")
        assert screen.chosen[0].key == "top_products"
        await pilot.press("d")
        assert screen.chosen[0].key == "top_products", "nothing reads it"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(dashboard.screen, TableScreen) and "top_products" in text_of(dashboard))
        await pilot.press("escape")
        await until(pilot, lambda: dashboard.screen is screen)

    drive(chain, story)


def test_a_diamond_is_drawn_once_with_a_reference(chain: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await _near(dashboard, pilot, "top_products")
        shown = text_of(dashboard)
        assert "orders_clean ↓ see below" in shown
        await pilot.press("escape")
        await _near(dashboard, pilot, "orders_clean")
        assert "top_products ↑ see above" in text_of(dashboard)
        assert text_of(dashboard).count("─ top_products") == 2, "once drawn, once named"

    drive(chain, story)


@pytest.mark.parametrize("size", [(60, 20), pytest.param((200, 60), marks=pytest.mark.campaign)])
def test_the_graph_fits_and_is_ascii_where_it_must_be(chain: Path, size: tuple[int, int]) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _near(dashboard, pilot, "sales_daily")
        shown = text_of(dashboard)
        body = "\n".join(shown.splitlines()[: size[1] - 1])
        assert body.isascii(), body
        assert "`- top_products" in shown
        assert ",- orders_clean" in shown
        assert all(len(line) <= size[0] for line in shown.splitlines())
        await pilot.resize_terminal(100, 30)
        await until(pilot, lambda: "failing" in text_of(dashboard))
        assert dashboard.screen is screen

    drive(chain, story, size=size, plain=True)


def test_the_overview_colours_each_run_and_counts_tasks_by_state(chain: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: dashboard.grid.total == 6)
        shown = {line.key: line for line in dashboard.grid.read_lines}
        heads = [head.key for head in dashboard.grid.heads]
        cell = {key: shown["sales_daily"].cells[heads.index(key)] for key in heads}
        assert cell["strip"].parts == (("•", "success"), ("✘✘✘", "failed"))
        assert (cell["success"].text, cell["failed"].text, cell["pending"].text) == ("1", "3", "")
        assert cell["trouble"].text == "no luck" or "no luck" in cell["trouble"].text
        assert cell["trouble"].tone == "failed"
        assert cell["lag"].text.endswith("late")
        assert shown["fx_rates"].cells[heads.index("lag")].text.endswith("ago")
        assert shown["sales_daily"].facts["instances"] == "table:sales_daily"
        assert dict(zip(heads, (head.filter for head in dashboard.grid.heads), strict=True))["failed"] == "state:failed"
        lines = text_of(dashboard).splitlines()
        assert "•✘✘✘" in next(line for line in lines if "sales_daily" in line)

    drive(chain, story)


@pytest.mark.campaign
def test_a_table_that_was_dropped_meanwhile_is_told_and_no_end(chain: Path) -> None:
    async def story(dashboard: Dashboard, pilot: Pilot[None]) -> None:
        screen = await _near(dashboard, pilot, "sales_daily")
        line = screen.chosen[0]
        dashboard.push_screen(LineageScreen(type(line)(kind="table", key="gone", cells=())))
        await until(pilot, lambda: "gone" in text_of(dashboard))

    drive(chain, story)
