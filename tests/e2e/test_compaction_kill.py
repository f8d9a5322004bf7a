"""A compaction that dies anywhere leaves the table as it was, or compacted: nothing lost, nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from e2e.kit import PATIENCE, Traced, check_proof, kill, ok, project

if TYPE_CHECKING:
    from pathlib import Path

DAYS = 12
POINTS = ("staged", "fsynced", "renamed", "publishing", "published")


@pytest.mark.campaign
@pytest.mark.parametrize("point", POINTS)
def test_a_compaction_that_is_killed_loses_nothing(tmp_path: Path, point: str) -> None:
    root = project(tmp_path / "p", days=DAYS)
    ok(root, "refresh", "daily", "--batch", "1")
    with Traced(root, "lake", "compact", "daily") as traced:
        assert traced.until(point) is not None
        kill(traced.process.pid)
        traced.process.wait(PATIENCE)
        traced.forget()
        assert traced.until("never") is None  # its runner ends by itself

    ok(root, "tick")  # whoever comes next ends the dead holder
    check_proof(root, days=DAYS)
    said = ok(root, "lake", "compact", "daily")
    assert ("nothing to merge" in said) == (point == "published")
    check_proof(root, days=DAYS)
