"""`scheduler rewind` from its words to stdout, stderr and exit code, on a state file that is ahead."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from mtctl import app as roof
from mtctl.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path

YEAR = 365 * 86_400_000_000
WORKFLOW = """name = "nightly"
schedule = "0 2 * * *"
[[tasks]]
name = "say"
command = ["true"]
"""
AHEAD = (
    "UPDATE project SET last_now = last_now + ?1",
    "UPDATE workflow SET next_fire_at = next_fire_at + ?1, due_at = due_at + ?1, last_fire_at = next_fire_at + ?1 - 1",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a nightly workflow."""
    root = tmp_path / "shop"
    roof.init_project(root, name="shop", example=False)
    (root / "workflows").mkdir(exist_ok=True)
    (root / "workflows" / "nightly.toml").write_text(WORKFLOW, encoding="utf-8")
    with roof.open_app(root, lambda _: None) as app:
        app.apply(app.plan(prune=False, rebuild=()))
    return root


@pytest.fixture
def ahead(root: Path) -> Path:
    """The same after its clock was a year ahead."""
    with roof.open_app(root, lambda _: None) as app:
        for text in AHEAD:
            app._store._connection.execute(text, (YEAR,))  # type: ignore[attr-defined]
    return root


@pytest.fixture
def mtctl(call, root: Path):
    """Return a function that calls the command line in the project."""
    return lambda *words: call("-C", str(root), *words, project=roof)


class Person(io.StringIO):
    """A terminal with somebody who answers."""

    def isatty(self) -> bool:
        return True


def answer(monkeypatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Person(text))
    monkeypatch.setattr("mtctl.cli.ui._is_terminal", lambda _: True)


def test_nothing_to_rewind_is_said_and_well(mtctl) -> None:
    called = mtctl("scheduler", "rewind")
    assert (called.code, called.out) == (0, "nothing to rewind: nothing in the state file lies ahead of the clock\n")
    record = json.loads(mtctl("scheduler", "rewind", "-o", "json").out)
    assert (record["schema"], record["data"][0]["changed"]) == ("mtctl.scheduler.rewind/v1", False)


@pytest.mark.usefixtures("ahead")
def test_what_is_refused_and_what_health_says_lead_to_the_command_that_helps(mtctl) -> None:
    refused = mtctl("workflow", "disable", "nightly")
    assert refused.code == 9
    assert refused.err.startswith("error[clock_behind]")
    assert "`mtctl scheduler rewind`" in refused.err
    sick = mtctl("health")
    assert (sick.code, "clock behind" in sick.out, "`mtctl scheduler rewind`" in sick.out) == (9, True, True)
    why = mtctl("why", "nightly").out
    assert ("clock behind" in why, "`mtctl scheduler rewind`" in why) == (True, True)

    done = mtctl("scheduler", "rewind", "--yes", "-o", "json")
    assert done.code == 0
    [record] = json.loads(done.out)["data"]
    assert (record["changed"], record["workflows"][0]["workflow"]) == (True, "nightly")
    assert YEAR // 1_000_000 - 3600 < record["ahead_seconds"] <= YEAR // 1_000_000
    assert mtctl("health").code == 0
    assert mtctl("workflow", "disable", "nightly").code == 0


@pytest.mark.usefixtures("ahead")
def test_without_a_terminal_it_wants_yes_and_changes_nothing(mtctl) -> None:
    called = mtctl("scheduler", "rewind")
    assert (called.code, called.out) == (2, "")
    assert "error[confirmation_missing]" in called.err
    assert "scheduler rewind --yes" in called.err
    assert "1 workflow with marks ahead:" in called.err
    assert mtctl("health").code == 9


@pytest.mark.usefixtures("ahead")
def test_it_tells_what_lies_ahead_and_asks(mtctl, monkeypatch) -> None:
    answer(monkeypatch, "n\n")
    refused = mtctl("scheduler", "rewind")
    assert refused.code == 1
    assert refused.out == ""
    assert "nightly: mark" in refused.err
    assert "is the clock right" in refused.err
    answer(monkeypatch, "y\n")
    done = mtctl("scheduler", "rewind")
    assert done.code == 0
    assert "nightly" in done.out
    assert "again" in done.out


def test_the_mark_is_the_newest_fire_that_has_come(mtctl, ahead: Path) -> None:
    mtctl("scheduler", "rewind", "--yes")
    now = SystemClock().now()
    with roof.open_app(ahead, lambda _: None) as app, app._store.read() as view:
        [row] = view.workflows(["nightly"])
    assert row.last_fire_at is not None
    assert row.next_fire_at is not None
    assert row.last_fire_at <= now < row.next_fire_at
    assert row.next_fire_at - row.last_fire_at == 86_400_000_000
