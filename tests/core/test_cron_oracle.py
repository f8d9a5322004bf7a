"""Fires against those of the real Quartz; its answers are in `data/`, all of them in a file that a variable names."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from mtctl.core.cron import Dialect, parse_cron
from mtctl.core.errors import MtctlError
from mtctl.core.schedule import next_fire, parse_schedule
from mtctl.core.zones import from_instant, passes, to_instant, to_wall

BUNDLED = Path(__file__).with_name("data") / "quartz_cron.jsonl"
QUARTZ_BUGS = {
    "0 0 8 ? * MON-FRI/2": "a step after a name",
    "0 0 0 ? * MON-FRI#2": "'#' takes one day",
    "0 0 9 1W,15W * ?": "stand alone",
    "0 0 9 15W,20 * ?": "stand alone",
    "0 0 9 1-15W * ?": "has no meaning",
    "0 0/0 2 * * ?": "a step of 0",
    "0 0 2 * * ? 2026 extra": "6 or 7 fields",
    "0 0 2 * * ?,MON": "'?' stands alone",
    "0 0 2, * * ?": "empty place",
    "0 0 0 5C * ?": "needs a calendar of Quartz",
}
NEVER = {
    "0 0 0 30 2 ?": "no such date",
    "0 0 0 1 1 ? 2199": "2199 lies outside",
    "0 0 0 1 1 ? 2150-2155": "2150 lies outside",
}
STATE_DEPENDENT = {"0 0 9 29W 2 ?", "0 0 9 30W * ?", "0 0 9 31W * ?"}
"""Quartz sometimes fires these in a month that lacks the day, depending on where it starts."""
MISSED_BY_QUARTZ = {("0 7/13 * * * ?", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30")}


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def instant(text: str) -> int:
    return to_instant(datetime.fromisoformat(text))


def follow(row: dict, policy: str) -> list[int]:
    schedule = parse_schedule(row["expr"], zone=row["zone"], dialect="quartz", dst=policy)
    found: list[int] = []
    at = instant(row["start"])
    for _ in row["fires"] if not row["exhausted"] else range(5):
        fire = next_fire(schedule, at)
        if fire is None:
            break
        found.append(fire)
        at = fire
    return found


def has_other_rules(row: dict) -> bool:
    """Return whether the zone's rules have been changed since the oracle was asked."""
    texts = [row["start"], *row["fires"]]
    return any(from_instant(instant(text), row["zone"]).isoformat() != text for text in texts)


def starts_in_first_pass(row: dict) -> bool:
    at = instant(row["start"])
    found = passes(to_wall(at, row["zone"]), row["zone"])
    return len(found) == 2 and to_instant(found[0]) == at


def crosses_a_change(row: dict) -> bool:
    texts = [row["start"], *row["fires"]]
    in_overlap = any(len(passes(to_wall(instant(text), row["zone"]), row["zone"])) == 2 for text in texts)
    return in_overlap or len({text[19:] for text in texts}) > 1


def judge(row: dict) -> str:
    expression = row["expr"]
    reason = QUARTZ_BUGS.get(expression) or NEVER.get(expression)
    if row["status"] != "OK" or reason:
        with pytest.raises(MtctlError) as caught:
            parse_cron(expression, Dialect.QUARTZ)
        assert caught.value.code == "schedule"
        assert caught.value.fix
        assert (reason or "") in caught.value.what
        return "refused as Quartz does" if row["status"] != "OK" else "refused with a reason"
    return "rules of the zone changed" if has_other_rules(row) else judge_fires(row)


def judge_fires(row: dict) -> str:
    expression = row["expr"]
    wanted = [instant(text) for text in row["fires"]]
    found = follow(row, "quartz")
    if starts_in_first_pass(row) and found != wanted:
        return "Quartz goes on from the wrong pass"
    if expression in STATE_DEPENDENT and found != wanted:
        return "nW of a missing day"
    if (expression, row["zone"], row["start"]) in MISSED_BY_QUARTZ:
        assert set(wanted) <= set(found) | {max(wanted)}
        return "missed by Quartz"
    assert found == wanted, row
    if not crosses_a_change(row):
        assert follow(row, "cron") == wanted, row
        assert follow(row, "wall") == wanted, row
        return "same, any policy"
    return "same"


def test_bundled_answers_of_quartz() -> None:
    rows = rows_of(BUNDLED)
    assert len(rows) >= 300
    found = Counter(judge(row) for row in rows)
    assert found["same"] + found["same, any policy"] >= 250
    assert found["refused as Quartz does"] >= 20
    assert found["refused with a reason"] >= len(QUARTZ_BUGS)


def test_all_answers_of_quartz() -> None:
    path = os.environ.get("MTCTL_QUARTZ_ORACLE")
    if not path:
        pytest.skip("MTCTL_QUARTZ_ORACLE names no file with all answers of Quartz")
    found = Counter(judge(row) for row in rows_of(Path(path)))
    print(dict(found))
    assert found["same"] + found["same, any policy"] > 3500
    assert found["nW of a missing day"] + found["missed by Quartz"] < 40
    assert found["Quartz goes on from the wrong pass"] < 120
