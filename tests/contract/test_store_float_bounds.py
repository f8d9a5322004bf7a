"""Least and greatest values of FLOAT columns, which readers compared as another number, go when a file is upgraded."""

from __future__ import annotations

import apsw
from fakes import FakeClock
from test_store_upgrade import old_file

from mtctl.store.connection import open_store

COLUMN = "INSERT INTO ducklake_column VALUES (?1, 1, NULL, 1, ?1, ?2, ?3, NULL, 'NULL', 1, NULL, 'literal', 'duckdb')"
STATS = "INSERT INTO ducklake_file_column_stats VALUES (7, 1, ?1, 10, 3, 1, '0.1', '0.7', 0, NULL)"


def test_an_upgrade_takes_back_the_bounds_of_floats_and_nothing_else(tmp_path):
    path = old_file(tmp_path)
    connection = apsw.Connection(str(path))
    for number, kind in enumerate(("float32", "float64"), start=1):
        connection.execute(COLUMN, (number, f"c{number}", kind))
        connection.execute(STATS, (number,))
    connection.close()

    store = open_store(path, FakeClock())

    found = store._connection.execute("SELECT * FROM ducklake_file_column_stats ORDER BY column_id").fetchall()
    store.close()
    assert found == [(7, 1, 1, 10, 3, 1, None, None, 0, None), (7, 1, 2, 10, 3, 1, "0.1", "0.7", 0, None)]
