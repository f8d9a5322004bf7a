from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from contract.engine_kit import plain
from contract.test_engine_databases import Holder
from service_kit import World, fails

from mtctl.config import load_project
from mtctl.core.states import Outcome

if TYPE_CHECKING:
    from pathlib import Path

SHOP = "[sources.shop]\ntype = 'duckdb'\npath = 'data/shop.duckdb'\n"
TOTALS = "CREATE MATERIALIZED TABLE totals {} AS SELECT count(*) AS n FROM shop.orders"
VERSION = "WITH ('source.shop.version' = 'SELECT v FROM shop.state')"


@pytest.fixture
def shop(world: World) -> World:
    """A project with a DuckDB file beside it."""
    world.settings(f"name = 'demo'\n{SHOP}")
    database(
        world,
        "CREATE TABLE orders AS SELECT range AS id FROM range(10)",
        "CREATE TABLE state AS SELECT 1 AS v",
        "CREATE SCHEMA s",
        "CREATE TABLE s.u AS SELECT 1 AS x",
    )
    return world


def database(world: World, *statements: str) -> Path:
    path = world.root / "data/shop.duckdb"
    plain(f"ATTACH '{path}' AS shop", "USE shop", *statements, "SELECT 1")
    return path


def test_tables_of_a_database_are_sources_of_a_table(shop: World):
    shop.table("totals", TOTALS.format(""))
    shop.table("u", "CREATE MATERIALIZED TABLE u AS SELECT x, n FROM shop.s.u, totals")
    change = shop.change("totals")
    assert change.notes == ("source shop: a change of it is not noticed; say 'source.shop.version' = 'SELECT …'",)
    shop.apply()
    shop.fill("u", upstream=True)
    assert shop.rows("SELECT x, n FROM u") == [("1", "10")]
    assert shop.rows("SELECT count(*) FROM Shop.orders AS o, u") == [("10",)]
    assert shop.app.show("u").sources == ("shop",)
    shop.close()
    assert shop.rows("SELECT n FROM totals") == [("10",)]


def test_an_unknown_name_is_told_with_what_was_meant(shop: World):
    for relation, code, words in (
        ("shpo.orders", "upstream_unknown", "did you mean 'shop.orders'?"),
        ("shop", "source_table", "name a table of it: shop.<table>"),
        ("shop.ordres", "sql_bind", "orders"),
    ):
        shop.table("t", f"CREATE MATERIALIZED TABLE t AS SELECT * FROM {relation}")
        problem = shop.problem()
        assert problem.code == code
        assert words in str(problem)
    with fails("table_unknown", "did you mean 'shop.orders'?"):
        shop.rows("FROM shpo.orders")


PIVOTED = "(PIVOT shop.s.u ON x USING count(*)) AS p"


@pytest.mark.parametrize(
    ("declared", "relation"),
    [
        ("shop.s.u", PIVOTED),
        ("SHOP.S.u, base", f"{PIVOTED}, base"),
        ("shop.main.orders, demo.main.base", "(PIVOT shop.main.orders ON id USING count(*)) AS p, base"),
        ("shop.Odd Name", '(PIVOT shop."Odd Name" ON x USING count(*)) AS p'),
        ("shop.s.u", "shop.s.u"),
    ],
)
def test_declared_names_of_two_and_three_parts_reach_the_tables_of_a_database(shop: World, declared, relation):
    database(shop, 'CREATE TABLE "Odd Name" AS SELECT 1 AS x')
    shop.table("base", "CREATE MATERIALIZED TABLE base AS SELECT 1 AS b")
    options = f"WITH ('upstream' = '{declared}')"
    shop.table("t", f"CREATE MATERIALIZED TABLE t {options} AS SELECT count(*) AS n FROM {relation}")
    shop.apply()
    shop.fill("t", upstream=True)
    assert shop.rows("FROM t") == [("1",)]
    detail = shop.app.show("t")
    assert detail.sources == ("shop",)
    assert detail.upstream == (("base",) if "base" in declared else ())


def test_a_name_of_three_parts_whose_database_is_not_declared_says_what_to_write(shop: World):
    shop.settings(f"name = 'demo'\n{SHOP}[sources.sheets]\npath = 'data/*.csv'\n")
    for relation, word in (
        ("elsewhere.s.orders", "database in [sources.elsewhere] of mtctl.toml (type duckdb, sqlite or postgres)"),
        ("sheets.main.x", "the source 'sheets' is files"),
        ("sheets.x", "the source 'sheets' is files"),
    ):
        shop.table("t", f"CREATE MATERIALIZED TABLE t AS SELECT * FROM {relation}")
        assert shop.problem().code == "upstream_unknown"
        assert word in str(shop.problem())
        with fails("table_unknown", word):
            shop.rows(f"FROM {relation}")
        pivoted = f"WITH ('upstream' = '{relation}') AS FROM (PIVOT {relation} ON x USING count(*))"
        shop.table("t", f"CREATE MATERIALIZED TABLE t {pivoted}")
        assert word in str(shop.problem())
    shop.table("t", "CREATE MATERIALIZED TABLE t WITH ('upstream' = 'a.b.c.d') AS SELECT 1 AS a")
    assert "does not name tables" in str(shop.problem())


def test_another_version_makes_stale_what_was_built_from_the_old_one(shop: World):
    shop.table("totals", TOTALS.format(VERSION))
    shop.apply()
    shop.fill("totals")
    database(shop, "INSERT INTO orders VALUES (11)")
    assert [table.state for table in shop.refresh("totals").tables] == ["up_to_date"]
    database(shop, "UPDATE state SET v = 2")
    assert [table.state for table in shop.refresh("totals").tables] == ["success"]
    assert shop.rows("SELECT n FROM totals") == [("11",)]
    assert shop.app.status(()).changed_sources == ()
    assert [table.state for table in shop.refresh("totals").tables] == ["up_to_date"]


def test_the_reason_names_the_source_and_its_version(shop: World):
    shop.table("totals", TOTALS.format(VERSION))
    shop.apply()
    shop.fill("totals")
    database(shop, "UPDATE state SET v = 2")
    shop.refresh("totals", dry_run=True)
    assert list(shop.states("totals").values()) == ["source [sources.shop] SELECT v FROM shop.state changed"]


@pytest.mark.parametrize(
    ("version", "code", "word"),
    [
        ("SELECT 1", "source_version", "does not read tables of 'shop' only"),
        ("SELECT max(id) FROM shop.orders, other.t", "source_version", "only"),
        ("SELECT count(*) FROM read_csv(''data/in.csv'')", "source_version", "only"),
        ("SELECT nope FROM shop.state", "sql_bind", "source.shop.version: "),
        ("SELECT v FROM shop.state WHERE v = $v", "source_version", "only"),
    ],
)
def test_a_version_must_be_a_select_over_its_own_source(shop: World, version, code, word):
    shop.table("t", TOTALS.format(f"WITH ('source.shop.version' = '{version}')").replace("totals", "t"))
    problem = shop.problem()
    assert problem.code == code
    assert word in str(problem)


def test_a_database_has_no_new_files_to_restate(shop: World):
    shop.table("t", TOTALS.format("WITH ('source.shop.change' = 'restate')").replace("totals", "t"))
    assert shop.problem().code == "option_unsupported"


def test_a_source_that_somebody_writes_is_left_without_using_up_a_try(shop: World):
    shop.table("totals", TOTALS.format(""))
    shop.table("other", "CREATE MATERIALIZED TABLE other AS SELECT 1 AS a")
    shop.apply()
    shop.app.wait_for_sources(0)
    with Holder(shop.root / "data/shop.duckdb") as holder:
        report = shop.refresh("totals", "other")
        with fails("source_locked", f"process {holder.process.pid}"):
            shop.rows("FROM shop.orders")
    found = {table.table: (table.state, table.error_code) for table in report.tables}
    assert found == {"totals": ("cancelled", "source_locked"), "other": ("success", None)}
    detail = shop.app.instance(report.instance)
    [task] = [task for task in detail.tasks if task.name == "totals"]
    assert task.tries == 0
    assert {attempt.outcome for attempt in detail.attempts if attempt.task_id == task.task_id} == {Outcome.RELEASED}
    shop.fill("totals")


def test_detached_work_waits_for_the_source_and_says_why(shop: World):
    shop.table("totals", TOTALS.format(""))
    shop.apply()
    shop.app.wait_for_sources(0)
    shop.refresh("totals", detach=True)
    with Holder(shop.root / "data/shop.duckdb") as holder:
        shop.app.tick(None, lambda _: None)
    [task] = shop.app.instance(shop.app.instances(limit=1, state=None, table=None)[0].ulid).tasks
    assert (task.state, task.tries) == ("pending", 0)
    assert f"process {holder.process.pid}" in task.why


def test_the_command_waits_says_for_whom_and_exits_75(shop: World):
    shop.table("totals", TOTALS.format(""))
    shop.apply()
    shop.close()
    with Holder(shop.root / "data/shop.duckdb") as holder:
        done = mtctl(shop.root, "refresh", "--all", "--lock-wait", "1")
    assert done.returncode == 75
    waiting, *_ = done.stderr.splitlines()
    assert waiting.startswith("waiting at most 1 s: the source 'shop' is open for writing in process ")
    assert f" {holder.process.pid} " in waiting
    assert "error[source_locked]" in done.stderr
    assert mtctl(shop.root, "refresh", "--all").returncode == 0


def test_a_database_of_the_state_is_refused(world: World):
    (world.root / "data/link.db").symlink_to(world.root / ".mtctl/state.db")
    for path in (".mtctl/state.db", "data/link.db"):
        world.settings(f"name = 'demo'\n[sources.s]\ntype = 'sqlite'\npath = '{path}'\n")
        with fails("source_is_state"):
            world.rows("FROM s.instance")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[sources.a]\ntype = 'duckdb'", "config_value"),
        ("[sources.a]\ntype = 'duckdb'\ndsn = 'x'", "config_value"),
        ("[sources.a]\ntype = 'postgres'\npath = 'x'", "config_value"),
        ("[sources.a]\ntype = 'postgres'", "config_value"),
        ("[sources.a]\ntype = 'oracle'", "config_value"),
        ("[sources.a]\ntype = 'duckdb'\npaht = 'x'", "key_unknown"),
        ("[sources.a]\ntype = 'files'", "config_value"),
        ("[sources.demo]\ntype = 'duckdb'\npath = 'x'", "source_name"),
        ("[sources.memory]\ntype = 'duckdb'\npath = 'x'", "source_name"),
        ("[sources.Shop]\ntype = 'duckdb'\npath = 'x'", "source_name"),
        ("[sources.main]\ntype = 'duckdb'\npath = 'x'", "source_name"),
        ("[sources.'a b']\ntype = 'duckdb'\npath = 'x'", "identifier"),
        ("[sources.a]\ntype = 'postgres'\ndsn = 'host=h password=secret99'", "source_secret"),
        ("[sources.a]\ntype = 'postgres'\ndsn = 'postgresql://u:secret99@h/d'", "source_secret"),
        ("[sources.a]\ntype = 'postgres'\ndsn = 'env:'", "secret_reference"),
        ("[engine]\ninstall_extensions = 'yes'", "config_value"),
    ],
)
def test_a_wrong_source_in_the_project_file_is_told(tmp_path: Path, text: str, code: str):
    (tmp_path / "mtctl.toml").write_text(f"name = 'demo'\n{text}\n")
    with fails(code):
        load_project(tmp_path)


def test_a_secret_that_is_missing_spoils_only_what_names_it(shop: World):
    shop.settings(f"name = 'demo'\n{SHOP}[sources.pg]\ntype = 'postgres'\ndsn = 'env:MTCTL_TEST_NO_SUCH_DSN'\n")
    shop.table("totals", TOTALS.format(""))
    shop.table("t", "CREATE MATERIALIZED TABLE t AS SELECT a FROM pg.t")
    assert shop.problem().code == "secret_missing"
    assert shop.rows("PIVOT (SELECT id FROM shop.orders WHERE id < 1) ON id IN (0) USING sum(id)") == [("0",)]


def mtctl(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mtctl", "-C", str(root), *words], capture_output=True, text=True, check=False
    )
