"""A project with the real store and the real engine for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from service_kit import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty project, closed at the end."""
    world = World(tmp_path / "shop")
    yield world
    world.close()
