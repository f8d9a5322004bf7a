"""`instance`, `queue`, `why`, `health` and `notify` from their words to stdout, stderr and exit code."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mtctl import app as roof
from mtctl.cli.show_logs import Printer
from mtctl.cli.ui import Settings, Ui
from mtctl.services.reports import LogFile

if TYPE_CHECKING:
    from pathlib import Path

DAILY = """CREATE MATERIALIZED TABLE daily PARTITIONED BY (d)
WITH ('partition.grain' = 'day', 'start' = '2013-01-01', 'end' = '2013-01-03')
AS SELECT d, count(*) AS n FROM 'data/in.csv' GROUP BY d
"""
NOTIFY = """name = "shop"
[notify.ops]
type = "log"
[notify.chat]
type = "webhook"
url = "https://example.invalid/secret-path"
[[notify_rules]]
channel = "ops"
on = ["failure"]
workflow = "night*"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one table, applied and empty."""
    root = tmp_path / "shop"
    roof.init_project(root, name="shop", example=False)
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "in.csv").write_text("d,v\n2013-01-01,1\n2013-01-02,2\n")
    (root / "tables" / "daily.sql").write_text(DAILY)
    with roof.open_app(root, lambda _: None) as app:
        app.apply(app.plan(prune=False, rebuild=()))
    return root


@pytest.fixture
def mtctl(call, root: Path):
    """Return a function that calls the command line in the project."""
    return lambda *words: call("-C", str(root), *words, project=roof)


def data(called: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(called.out)["data"]
    return found


def detached(mtctl: Any) -> str:
    """The id of an instance that nobody runs."""
    mtctl("refresh", "daily", "--detach")
    return str(data(mtctl("instance", "list", "-o", "json"))[0]["id"])


def test_cancel_says_what_is_true_and_exits_by_it(mtctl) -> None:
    ulid = detached(mtctl)
    called = mtctl("instance", "cancel", ulid[:20], "--reason", "wrong file")
    assert (called.code, "cancelled" in called.out) == (0, True)
    assert mtctl("instance", "cancel", ulid).code == 0
    assert mtctl("refresh", "daily", "-q").code == 0
    done = data(mtctl("instance", "list", "-o", "json"))[0]["id"]
    late = mtctl("instance", "cancel", done)
    assert late.code == 4
    assert "error[already_committed]" in late.err
    both = mtctl("instance", "cancel", done, ulid, "-o", "json")
    assert both.code == 5
    assert json.loads(both.out)["schema"] == "mtctl.instance.cancel/v1"
    assert mtctl("instance", "cancel", "--all-open").out == "nothing is open\n"


def test_what_cannot_be_is_one_line_and_its_exit_code(mtctl) -> None:
    for words, code in REFUSED.items():
        called = mtctl(*(word.replace("~", " ") for word in words.split()))
        assert (words, called.code) == (words, code)
        if code:
            assert called.out == ""
            assert called.err.startswith("error[")
            assert len(called.err.splitlines()) == 1


REFUSED = {
    "instance cancel": 2,
    "instance cancel --all-open 01J": 2,
    "instance cancel ZZZZZZ": 3,
    "instance cancel ZZZZZZ --wait soon": 2,
    "instance wait ZZZZZZ --timeout -1s": 2,
    "instance mark ZZZZZZ --task t --state success": 2,
    "instance mark ZZZZZZ --task t --state cancelled --reason x": 2,
    "instance rerun ZZZZZZ": 3,
    "instance retry ZZZZZZ --wait": 3,
    "instance watch ZZZZZZ": 3,
    "instance logs ZZZZZZ": 3,
    "instance list --since soon": 2,
    "instance list --trigger none": 2,
    "queue create q": 2,
    "queue create q~q --slots 1": 2,
    "queue create q --slots 0": 2,
    "queue set nosuch --slots 1": 3,
    "queue pause nosuch": 3,
    "queue delete default": 4,
    "queue delete nosuch --if-exists": 0,
    "notify test nosuch": 3,
    "why nosuch": 3,
}
"""Words that cannot be done and the exit code that says why; `~` stands for a space."""


def test_suspend_retry_and_rerun_from_the_command_line(mtctl) -> None:
    ulid = detached(mtctl)
    assert "1 task held" in mtctl("instance", "suspend", ulid, "--reason", "disk").out
    assert "suspended already" in mtctl("instance", "suspend", ulid).out
    assert "let go on" in mtctl("instance", "resume", ulid).out
    mtctl("instance", "cancel", ulid)
    [found] = data(mtctl("instance", "retry", ulid, "-o", "json"))
    assert (found["state"], found["changed"], found["tasks"]) == ("pending", True, ["daily"])
    mtctl("instance", "cancel", ulid)
    assert mtctl("instance", "retry", ulid, "--wait").code == 0
    assert mtctl("instance", "retry", ulid, "--wait").code == 0
    again = mtctl("instance", "rerun", ulid, "--task", "daily", "--wait", "-o", "json")
    assert (again.code, data(again)[0]["state"]) == (0, "success")
    assert mtctl("instance", "rerun", ulid, "--task", "dayly").code == 3
    attempts = data(mtctl("instance", "show", ulid, "-o", "json"))[0]["attempts"]
    assert [attempt["rows"] for attempt in attempts] == [2, 2]


def test_retry_that_fails_again_exits_1(mtctl, root: Path) -> None:
    (root / "data" / "in.csv").write_text("d,v\nnever,1\n")
    ulid = detached(mtctl)
    mtctl("instance", "cancel", ulid)
    assert mtctl("instance", "retry", ulid, "--wait").code == 1
    assert "cause" in mtctl("why", "daily", "-o", "json").out
    assert mtctl("instance", "wait", ulid).code == 1
    skipped = mtctl("instance", "mark", ulid, "--task", "daily", "--state", "success", "--reason", "by hand")
    assert skipped.code == 0
    assert mtctl("instance", "wait", ulid).code == 0


def test_wait_ends_with_6_when_the_time_is_over(mtctl) -> None:
    ulid = detached(mtctl)
    late = mtctl("instance", "wait", ulid, "--timeout", "1s", "-o", "json")
    assert late.code == 6
    assert data(late)[0]["timed_out"] is True
    assert json.loads(late.err)["error"]["code"] == "wait_timeout"
    assert mtctl("instance", "wait", ulid, "--for", "pending").code == 0
    mtctl("instance", "cancel", ulid)
    assert mtctl("instance", "wait", ulid, "--for", "running").code == 1


@pytest.mark.parametrize("form", ["table", "ndjson", "json", "csv"])
def test_watch_tells_the_events_in_every_format(mtctl, form: str) -> None:
    ulid = detached(mtctl)
    mtctl("instance", "cancel", ulid, "--reason", "wrong file")
    called = mtctl("instance", "watch", ulid, "-o", form)
    assert called.code == 0
    assert "wrong file" in called.out
    assert len(called.out.splitlines()) >= 4
    assert mtctl("instance", "watch", ulid, "--exit-status").code == 1
    if form == "ndjson":
        assert {json.loads(line)["kind"] for line in called.out.splitlines()} == {"event"}


def test_the_list_is_filtered_by_workflow_trigger_and_age(mtctl) -> None:
    detached(mtctl)
    assert len(data(mtctl("instance", "list", "--trigger", "manual", "--since", "1h", "-o", "json"))) == 1
    assert data(mtctl("instance", "list", "--trigger", "schedule", "-o", "json")) == []
    assert data(mtctl("instance", "list", "--workflow", "daily", "-o", "json")) == []
    assert data(mtctl("instance", "list", "--since", "2200-01-01", "-o", "json")) == []


def test_queues_from_the_command_line(mtctl) -> None:
    assert mtctl("queue", "create", "reports", "--slots", "2", "--memory", "4GB").code == 0
    assert "exists already" in mtctl("queue", "create", "reports", "--slots", "2").out
    assert mtctl("queue", "create", "reports", "--slots", "3").code == 4
    [found] = data(mtctl("queue", "set", "reports", "--slots", "5", "-o", "json"))
    assert (found["slots"], found["memory"], found["changed"]) == (5, "4GB", True)
    assert mtctl("queue", "pause", "reports", "--reason", "db down").code == 0
    lines = mtctl("queue", "list").out.splitlines()
    assert lines[0].split() == ["NAME", "SLOTS", "RUNNING", "WAITING", "PAUSED", "HOLDERS"]
    assert "db down" in lines[2]
    rows = data(mtctl("queue", "list", "-o", "json"))
    assert [row["name"] for row in rows] == ["default", "reports"]
    assert mtctl("queue", "resume", "reports").code == 0
    assert mtctl("queue", "delete", "reports").code == 0
    assert mtctl("queue", "delete", "reports").code == 3


def test_why_is_one_line_a_chain_and_what_to_do(mtctl, root: Path) -> None:
    text = "CREATE MATERIALIZED TABLE sums AS SELECT sum(n)::BIGINT AS n FROM daily\n"
    (root / "tables" / "sums.sql").write_text(text)
    assert mtctl("apply", "-q").code == 0
    lines = mtctl("why", "sums").out.splitlines()
    assert lines[0].startswith("sums: daily: ")
    assert [line.split(":")[0] for line in lines[1:]] == ["  sums", "  daily", "do"]
    document = json.loads(mtctl("why", "sums", "-o", "json").out)
    assert document["schema"] == "mtctl.why/v1"
    [found] = document["data"]
    assert {"cause", "chain", "fix", "text"} <= set(found)
    assert [link["cause"] for link in found["chain"]] == ["upstream", "on_demand"]
    assert found["cause"] == "on_demand"


def test_health_tells_counts_and_exits_by_progress(mtctl) -> None:
    called = mtctl("health", "-o", "json")
    assert called.code == 0
    document = json.loads(called.out)
    assert document["schema"] == "mtctl.health/v1"
    [found] = document["data"]
    assert found["healthy"] is True
    assert found["tables"] == {"total": 1, "healthy": 0, "failed": 0, "ratio": 0.0, "late": 1}
    assert found["looked_at"] is None
    assert mtctl("tick", "-q").code == 0
    assert data(mtctl("health", "-o", "json"))[0]["looked_at"] is not None
    assert mtctl("health").out.splitlines()[0] == "healthy"


def test_health_of_a_broken_state_file_is_9(mtctl, root: Path) -> None:
    (root / ".mtctl" / "state.db").write_bytes(b"")
    for name in ("state.db-wal", "state.db-shm"):
        (root / ".mtctl" / name).unlink(missing_ok=True)
    assert mtctl("health").code == 9


def test_notify_lists_channels_without_secrets_and_tries_one(mtctl, root: Path) -> None:
    assert mtctl("notify", "list").code == 0
    (root / "mtctl.toml").write_text(NOTIFY)
    called = mtctl("notify", "list", "-o", "json")
    rows = {row["name"]: row for row in data(called)}
    assert "secret-path" not in called.out
    assert rows["chat"]["target"] == "https://example.invalid"
    assert rows["ops"]["rules"] == ["failure of workflow night*"]
    told = mtctl("notify", "test", "ops", "-o", "json")
    assert (told.code, data(told)[0]["told"]) == (0, True)
    assert (root / ".mtctl" / "logs" / "notices.log").exists()


def test_logs_pass_in_a_pipe_and_are_told_by_line(mtctl, root: Path) -> None:
    (root / "workflows").mkdir(exist_ok=True)
    (root / "workflows" / "say.toml").write_text(
        'name = "say"\n[[tasks]]\nname = "say"\ncommand = ["printf", "one\\\\n\\\\033[31mred\\\\033[0m"]\n'
    )
    assert mtctl("apply", "-q").code == 0
    assert mtctl("workflow", "run", "say", "-q").code == 0
    ulid = data(mtctl("instance", "list", "--workflow", "say", "-o", "json"))[0]["id"]
    assert mtctl("instance", "logs", ulid, "-q").out.splitlines()[-1] == "\x1b[31mred\x1b[0m"
    lines = [json.loads(line) for line in mtctl("instance", "logs", ulid, "-f", "-o", "ndjson").out.splitlines()]
    assert "one" in {line["text"] for line in lines}
    assert {line["task"] for line in lines} == {"say"}
    assert data(mtctl("instance", "show", ulid, "-o", "json"))[0]["attempts"][0]["log"].endswith(".log")


def test_logs_on_a_terminal_show_control_characters(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    printer = Printer(Ui(settings=Settings(quiet=True), shell=None))  # type: ignore[arg-type]
    file = LogFile(task="t", attempt="01A", number=1, path="", ended=True)
    printer.take(file, b"\x1b[2J\x1b]8;;http://x\x07a\tb")
    printer.take(file, b"\nrest")
    printer.end()
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert out.endswith("rest\n")
