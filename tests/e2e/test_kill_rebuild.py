"""Whoever builds a new version of a table may die anywhere: readers have one whole version at every moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from e2e.kills import WORDS, Kill, perform
from e2e.kit import ok, project

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 4
COUNT = ("query", "SELECT count(*) AS n, count(DISTINCT day) AS days FROM daily", "-o", "csv")


@pytest.mark.campaign
def test_a_kill_around_the_moment_when_a_new_version_is_shown_leaves_one_whole_version(tmp_path: Path) -> None:
    root = project(tmp_path / "p", days=DAYS)
    ok(root, *WORDS)
    whole = ok(root, *COUNT)
    for point in ("staged", "renamed", "publishing", "published", "reported"):
        ok(root, "apply", "--rebuild", "daily")
        assert ok(root, *COUNT) == whole
        assert perform(root, Kill(victim="holder", point=point, nth=DAYS))
        assert ok(root, *COUNT) == whole
        ok(root, "verify")
        ok(root, *WORDS)
        assert ok(root, *COUNT) == whole
        assert "rebuilding" not in ok(root, "status")
    ok(root, "verify")
    ok(root, "lake", "gc")
    assert ok(root, *COUNT) == whole
