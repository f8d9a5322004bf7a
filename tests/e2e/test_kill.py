"""Holder and runner die anywhere; every interval goes in exactly once all the same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from e2e.kills import at_random, mixed, soak, steered

if TYPE_CHECKING:
    from pathlib import Path


def test_a_kill_at_every_named_point_and_at_random_leaves_each_interval_once(tmp_path: Path) -> None:
    rng = random.Random(20240101)  # noqa: S311 - chosen by seed, so that a failure can be repeated
    soak(tmp_path, iter([*steered(rng), *(at_random(rng) for _ in range(3))]))


@pytest.mark.campaign
def test_sixty_kills_leave_each_interval_once(tmp_path: Path) -> None:
    soak(tmp_path, mixed(60, seed=60))
