"""Projects for the dashboard: one that tests only look at, and one of their own for those that act."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tui.tui_kit import worked

if TYPE_CHECKING:
    from pathlib import Path


_IN_THE_SUITE = frozenset(
    f"test_{name}.py"
    for name in (
        *("calendar_strip", "colours", "export", "gate", "kept", "keymap", "lineage", "lists", "terminal"),
        "verb_commands",
    )
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most of these to the campaign: each opens a dashboard, and the suite is to end within four minutes."""
    for item in items:
        if item.path.parent.name == "tui" and item.path.name not in _IN_THE_SUITE:
            item.add_marker(pytest.mark.campaign)


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that nobody changes."""
    root = tmp_path_factory.mktemp("tui") / "shop"
    worked(root)
    return root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A project that the test may change."""
    root = tmp_path / "shop"
    worked(root)
    return root
