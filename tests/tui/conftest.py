"""Projects for the dashboard: one that tests only look at, and one of their own for those that act."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tui.tui_kit import worked

if TYPE_CHECKING:
    from pathlib import Path


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
