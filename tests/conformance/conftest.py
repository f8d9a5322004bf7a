"""Projects that the conformance tests read; what changes a project makes its own."""

from __future__ import annotations

import pytest
from lake_kit import Project, example, lake_python, small_example

_IN_THE_SUITE = frozenset({"test_lake_front_page.py", "test_lake_rules.py", "test_lake_types.py"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most of these to the campaign: the suite is to end within four minutes."""
    for item in items:
        if item.path.parent.name == "conformance" and item.path.name not in _IN_THE_SUITE:
            item.add_marker(pytest.mark.campaign)


@pytest.fixture(scope="session")
def history(tmp_path_factory) -> Project:
    """The example after a life: refreshed in part, evolved, a table dropped, one rebuilt and half so again."""
    lake_python()
    project = example(tmp_path_factory.mktemp("history") / "flights")
    live_through(project)
    return project


def live_through(project: Project) -> None:
    """Let the example see each kind of change that this release makes to the catalog."""
    project.mtctl("up", "--once")
    project.mtctl("refresh", "flights_daily", "--interval", "2013-02", "--force")

    widest = "AS avg_arrival_delay\nFROM"
    project.replace("flights_daily", widest, "AS avg_arrival_delay,\n  max(dep_delay) AS worst_delay\nFROM")
    project.mtctl("apply")
    project.mtctl("refresh", "flights_daily", "--interval", "2013-05", "--force")

    (project.root / "tables" / "monthly_punctuality.sql").unlink()
    (project.root / "workflows" / "nightly.toml").unlink()  # it refreshes that table
    project.mtctl("apply", "--prune", "--yes")

    project.replace("weather_daily", "min(visib) ", "min(visib)::VARCHAR ")
    project.mtctl("apply")
    project.mtctl("refresh", "weather_daily", "--interval", "2013-06")
    project.mtctl("refresh", "weather_daily")
    project.mtctl("apply", "--rebuild", "weather_daily")
    project.mtctl("refresh", "weather_daily", "--interval", "2013-07")


@pytest.fixture
def small(tmp_path) -> Project:
    """Ten days of the example, each day in a file of its own."""
    lake_python()
    return small_example(tmp_path / "flights")
