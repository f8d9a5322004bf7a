from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from conformance.lake_kit import lake_python
from service_kit import World, fails

from mtctl.core.errors import MtctlError
from mtctl.core.names import check_table_name, joined_name, spellings, split_name, table_meant

if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS = """CREATE MATERIALIZED TABLE sales.orders PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2026-01-01', 'end' = '2026-01-04')
AS SELECT d, count(*) AS n FROM (SELECT DATE '2026-01-01' + (range % 3)::INT AS d FROM range(30)) GROUP BY d
"""

WEB = "SELECT s.n + o.n AS n FROM shop.sales.orders s, main.orders o"


@pytest.fixture
def shop(world: World) -> World:
    """Three tables of one name, each in a schema of its own, in folders beside each other."""
    world.table("main", "CREATE MATERIALIZED TABLE orders AS SELECT sum(orders.n) AS n FROM sales.orders")
    for folder, text in (
        ("sales", DAYS),
        ("web", f"CREATE MATERIALIZED TABLE shop.web.orders AS {WEB}"),
    ):
        path = world.root / "tables" / folder / "orders.sql"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    world.apply()
    world.fill("web.orders", upstream=True)
    return world


def test_tables_of_one_name_live_beside_each_other(shop: World):
    assert [table.table for table in shop.app.status(()).tables] == ["orders", "sales.orders", "web.orders"]
    query = "SELECT orders.n, sales.orders.d FROM sales.orders WHERE sales.orders.d = '2026-01-02'"
    assert shop.rows(query) == [("10", "2026-01-02")]
    counts = "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM Sales.Orders), count(*) FROM shop.web.orders"
    assert shop.rows(counts) == [("1", "3", "3")]
    assert shop.rows("PIVOT sales.orders ON d USING sum(n)") == [("10", "10", "10")]
    assert shop.app.show("web.orders").upstream == ("sales.orders", "orders")


def test_a_schema_is_part_of_what_selects(shop: World):
    assert tables(shop.refresh("sales.*", full=True)) == {"sales.orders"}
    assert tables(shop.refresh("+web.orders", full=True)) == {"orders", "sales.orders", "web.orders"}
    with fails("table_unknown", "did you mean 'web.orders'?"):
        shop.rows("FROM web.ordres")


def test_options_and_workflows_name_a_table_with_its_schema(shop: World):
    path = shop.root / "tables/web/orders.sql"
    path.write_text(
        "CREATE MATERIALIZED TABLE web.orders WITH ('upstream.sales.orders.range' = 'ignore') AS "
        "SELECT s.n + o.n AS n FROM sales.orders s, orders o"
    )
    (shop.root / "workflows").mkdir()
    (shop.root / "workflows/w.toml").write_text("[[tasks]]\nname = 'one'\ntable = 'shop.sales.orders'\n")
    shop.apply()
    assert shop.app.show("web.orders").upstream == ("sales.orders", "orders")
    assert shop.plan().changes == () or all(change.action == "none" for change in shop.plan().changes)


def test_a_table_moves_between_schemas_and_comes_back(shop: World):
    shop.app.create_table("CREATE MATERIALIZED TABLE tmp.made AS SELECT 7 AS a", "made.sql")
    shop.fill("tmp.made")
    assert shop.app.lake.renamer.rename("tmp.made", "sales.made") == "sales.made"
    assert shop.rows("FROM sales.made") == [("7",)]
    shop.app.drop_tables(["sales.made"])
    with fails("table_unknown"):
        shop.rows("FROM sales.made")
    shop.app.lake.undropper.undrop("sales.made", "other.made")
    assert shop.rows("FROM shop.other.made") == [("7",)]


@pytest.mark.parametrize("schema", ["shop", "memory", "temp", "information_schema", "_mtctl", "ducklake_x", "db"])
def test_a_schema_that_could_be_mistaken_is_refused(world: World, schema: str):
    world.data("x.csv", "a\n1\n")
    world.settings("name = 'shop'\n[sources.db]\ntype = 'duckdb'\npath = 'data/db.duckdb'\n")
    world.table("t", f"CREATE MATERIALIZED TABLE {schema}.t AS SELECT 1 AS a")
    assert world.problem().code in {"schema_taken", "identifier_reserved"}


def test_the_extension_sees_the_schemas(shop: World):
    shop.close()
    words = [lake_python(), "-c", _EXTENSION, str(shop.root / ".mtctl/state.db")]
    found = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == [
        [["main", "orders"], ["sales", "orders"], ["web", "orders"]],
        [["2026-01-01", "10"], ["2026-01-02", "10"], ["2026-01-03", "10"]],
        [["3"]],
        [["created_schema", "main"], ["created_schema", "sales"], ["created_schema", "web"]],
    ]


_EXTENSION = """
import json, sys, duckdb
from importlib.util import find_spec
from pathlib import Path
connection = duckdb.connect()
for name in ("sqlite_scanner", "ducklake"):
    folder = find_spec(f"duckdb_extension_{name}").submodule_search_locations[0]
    connection.execute(f"LOAD '{next(Path(folder).rglob('*.duckdb_extension'))}'")
connection.execute(f"ATTACH 'ducklake:sqlite:{sys.argv[1]}' AS shop (READ_ONLY)")
def rows(sql):
    return [[str(value) for value in row] for row in connection.execute(sql).fetchall()]
print(json.dumps([
    rows("SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'shop' ORDER BY ALL"),
    rows("FROM shop.sales.orders ORDER BY d"),
    rows("SELECT count(*) FROM shop.web.orders"),
    rows("SELECT DISTINCT 'created_schema', unnest(changes.schemas_created) FROM shop.snapshots() ORDER BY ALL"),
]))
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("orders", "orders"),
        ("Main.Orders", "orders"),
        ("sales.orders", "sales.orders"),
        ("shop.main.orders", "orders"),
        ("shop.Sales.orders", "sales.orders"),
    ],
)
def test_a_table_has_one_name(text: str, name: str):
    assert check_table_name(text) == name
    assert table_meant(text, "shop") == name
    assert joined_name(*split_name(name)) == name
    assert text.lower() in {*spellings(name, "shop")}


@pytest.mark.parametrize("text", ["", ".", "a.", ".b", "a b.c", "a.b.c d", "information_schema.t", "temp.t"])
def test_what_is_no_name_of_a_table_is_refused(text: str):
    with pytest.raises(MtctlError):
        check_table_name(text)


def test_a_relation_of_another_catalogue_means_no_table():
    assert table_meant("other.main.t", "shop") is None
    assert table_meant("a.b.c.d", "shop") is None


def tables(report) -> Iterable[str]:
    return {table.table for table in report.tables if table.tasks}
