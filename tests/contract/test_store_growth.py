"""A small version of the month that tests/benchmarks/retention.py simulates: what stays does not grow with time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))

from retention import BEGAN, MINUTE, Simulation

TABLES = 4


@pytest.fixture
def simulation(tmp_path: Path) -> Simulation:
    return Simulation(tmp_path, TABLES)


def test_tables_with_a_new_version_each_minute_leave_what_an_hour_and_the_marks_need(simulation):
    sizes = []
    for minute in range(4 * 60):
        simulation.round(BEGAN + minute * MINUTE)
        if minute % 15 == 14:
            simulation.tend()
        if minute % 60 == 59:
            sizes.append([simulation.count(one) for one in ("ducklake_snapshot", "ledger", "event", "attempt")])

    young = TABLES * 60
    marks = 4 + 1  # a full hour each, and the catalog's first
    assert sizes[-1][0] <= young + TABLES + marks
    assert simulation.count("ducklake_data_file") <= young + TABLES * (marks + 2)
    assert simulation.count("data_file_digest") == simulation.count("ducklake_data_file")
    assert simulation.count("lake_version") <= young + TABLES * marks
    assert simulation.count("workflow_instance") <= TABLES * 100 + TABLES * 6 + 1
    assert simulation.count("lake_gap") == 0
    assert sizes[3][0] - sizes[2][0] <= 2
    assert all(later <= 1.02 * earlier + 20 for earlier, later in zip(sizes[2], sizes[3], strict=True))
