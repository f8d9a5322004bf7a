"""The schema: law and code say the same, every statement prepares, nobody else can write."""

from __future__ import annotations

import re
import subprocess
import sys

import apsw
import pytest
from store_kit import Kit, day, definition, foreign, kit_at

from mtctl.core.model import Origin
from mtctl.core.states import TERMINAL, InstanceState, Outcome, TaskState, Trigger, WorkflowState
from mtctl.core.workflow import Occasion, TaskKind
from mtctl.store import guard, statements

STATEMENTS = [(group, name) for group in statements.groups() for name in statements.group_of(group)]


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    made = kit_at(tmp_path_factory.mktemp("schema"))
    ids = made.put(definition("a"), definition("b"))
    made.refresh(ids["a"], {day(0): "x"})
    return made


@pytest.mark.parametrize(("group", "name"), STATEMENTS, ids=[".".join(one) for one in STATEMENTS])
def test_every_statement_prepares(kit, group, name):
    text = statements.group_of(group)[name]

    bindings = dict.fromkeys(re.findall(r":([a-z_0-9]+)", text))
    program = kit.store._connection.execute("EXPLAIN " + text, bindings).fetchall()

    assert program


def test_no_statement_reads_the_clock():
    texts = [statements.group_of(group)[name] for group, name in STATEMENTS]

    assert texts
    clock = re.compile(r"current_timestamp|now'|julianday|strftime|datetime\(", re.IGNORECASE)
    assert not [text for text in texts if clock.search(text)]


@pytest.mark.parametrize(
    ("table", "column", "law"),
    [
        ("task_instance", "state", TaskState),
        ("workflow_instance", "state", InstanceState),
        ("workflow_instance", "trigger", Trigger),
        ("workflow", "state", WorkflowState),
        ("notice", "occasion", Occasion),
        ("task_instance", "kind", TaskKind),
        ("attempt", "outcome", Outcome),
        ("materialized_table", "origin", Origin),
    ],
)
def test_check_constraints_repeat_the_enums(kit, table, column, law):
    text = str(kit.sql("SELECT sql FROM sqlite_schema WHERE name = ?", table)[0][0])

    listed = re.search(rf"{column} +TEXT[^,]*?CHECK \({column} IN\s+\(([^)]*)\)\)", text)

    assert listed is not None
    assert set(re.findall(r"'([a-z_]+)'", listed[1])) == {one.value for one in law}


def test_the_ended_states_of_the_schema_are_the_terminal_ones(kit):
    text = str(kit.sql("SELECT sql FROM sqlite_schema WHERE name = 'task_instance'")[0][0])

    listed = re.search(r"CHECK \(\(state IN \(([^)]*)\)\) = \(ended_at IS NOT NULL\)\)", text)

    assert listed is not None
    assert set(re.findall(r"'([a-z_]+)'", listed[1])) == {one.value for one in TERMINAL}


def test_all_28_catalog_tables_exist_as_the_extension_writes_them(kit):
    names = kit.sql("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'ducklake_%'")

    assert len(names) == 28
    assert len(kit.sql("PRAGMA table_info(ducklake_data_file)")) == 16, "the extension inserts by position"


WRITES = [
    "INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
    "INSERT INTO {table} DEFAULT VALUES",
    "UPDATE {table} SET {column} = {column}",
    "DELETE FROM {table}",
]


@pytest.mark.parametrize("table", guard.GUARDED)
def test_other_programs_can_read_a_guarded_table_and_not_write_it(kit, table):
    column = kit.sql(f"PRAGMA table_info({table})")[0][1]
    theirs = foreign(kit.path)
    before = theirs.execute(f"SELECT count(*) FROM {table}").fetchall()

    for write in WRITES:
        with pytest.raises(apsw.SQLError, match="no such function: mtctl_writer"):
            theirs.execute(write.format(table=table, column=column))

    assert theirs.execute(f"SELECT count(*) FROM {table}").fetchall() == before
    theirs.close()


def test_the_stdlib_in_another_process_can_read_and_not_write(kit):
    script = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM ducklake_snapshot").fetchone()[0])
try:
    connection.execute("DELETE FROM ducklake_snapshot")
except sqlite3.Error as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script, str(kit.path)], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["3", "no such function: mtctl_writer"]


def test_using_the_store_loads_neither_sqlite3_nor_duckdb():
    script = "import sys, mtctl.store.connection, mtctl.store.tx, mtctl.store.audit; print(sorted(sys.modules))"
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin"}

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)

    assert "'apsw'" in loaded.stdout
    for other in ("'sqlite3'", "'_sqlite3'", "'duckdb'", "'croniter'", "'rich'"):
        assert other not in loaded.stdout


def test_hot_statements_use_an_index(kit):
    hot = {
        "turns.pick": "task_instance",
        "turns.pick_of_instance": "task_instance",
        "work.wake": "task_instance",
        "work.open_intervals": "task_instance",
        "workflows.due": "workflow",
        "workflows.next_due": "workflow",
        "workflows.open_instances": "workflow_instance",
        "views.fired": "workflow_instance",
        "views.instances_of_workflow": "workflow_instance",
        "notices.due": "notice",
        "ledger.rows": "ledger",
        "ledger.rows_at": "ledger",
        "ledger.set_pairs": "ledger",
        "ledger.built_from": "ledger",
        "ledger.end_rows": "ledger",
        "catalog.end_data_file": "ducklake_data_file",
        "catalog.path_taken": "ducklake_data_file",
        "views.last_attempts": "attempt",
    }
    for name, table in hot.items():
        text = statements.statement(name)
        bindings = dict.fromkeys(re.findall(r":([a-z_0-9]+)", text))
        plan = [str(row[3]) for row in kit.store._connection.execute("EXPLAIN QUERY PLAN " + text, bindings)]
        scans = [line for line in plan if line.startswith("SCAN") and "USING" not in line and table in line]
        assert not scans, f"{name}: {plan}"

