"""`mtctl workflow` from its words to stdout, stderr and exit code, over a real project."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from mtctl import app as roof
from mtctl.cli.workflow_topics import WORKFLOW_LINES

if TYPE_CHECKING:
    from pathlib import Path

TOML = 'schedule = "0 2 * * *"\n[[tasks]]\nname = "a"\ncommand = ["true"]\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    roof.init_project(root, name="shop", example=False)
    return root


@pytest.fixture
def mtctl(call, root: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that calls the command line in a project; `stdin` is what it reads."""

    def run(*words: str, stdin: str | None = None):
        if stdin is not None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        return call("-C", str(root), *words, project=roof)

    return run


def data(called: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(called.out)["data"]
    return found


def two_tasks(mtctl) -> None:
    assert mtctl(
        "workflow", "create", "w", "--task", "a=command:true", "--task", "b=command:true", "--chain"
    ).code == 0  # fmt: skip


# --- making and changing ----------------------------------------------------------------------------------------


def test_create_from_words_a_file_and_stdin(mtctl, root: Path) -> None:
    called = mtctl("workflow", "create", "w", "--task", "say=command:echo 'a b'", "--schedule", "0 2 * * *")
    assert called.code == 0
    assert called.out.startswith("+ workflow w created, next ")
    (root / "nightly.toml").write_text(TOML, encoding="utf-8")
    assert mtctl("workflow", "create", "-f", str(root / "nightly.toml")).code == 0
    assert mtctl("workflow", "create", "third", "-f", "-", stdin=TOML).code == 0
    assert [one["workflow"] for one in data(mtctl("workflow", "list", "-o", "json"))] == ["nightly", "third", "w"]
    assert '"a b"' in mtctl("workflow", "show", "w").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("w",), 2),
        (("w", "--task", "table:t", "-f", "x.toml"), 2),
        (("--task", "command:true"), 2),
        (("w", "--task", "magic:true"), 2),
        (("w", "--task", "command:'open"), 2),
        (("w", "--task", "table:"), 2),
        (("w", "--task", "table:nothing"), 7),
        (("w", "--task", "command:true", "--schedule", "soon"), 7),
        (("w", "--task", "command:true", "--task", "command:true"), 7),
        (("-f", "missing.toml"), 3),
    ],
)
def test_what_cannot_be_created_has_its_exit_code_and_writes_nothing(mtctl, words: tuple[str, ...], code: int) -> None:
    assert mtctl("workflow", "create", *words).code == code
    assert data(mtctl("workflow", "list", "-o", "json")) == []


def test_a_dry_run_shows_the_lines_and_writes_nothing(mtctl) -> None:
    called = mtctl("workflow", "create", "w", "--task", "command:true", "--dry-run")
    assert (called.code, called.out.splitlines()[0]) == (0, "+ workflow w is new")
    assert mtctl("workflow", "show", "w").code == 3


def test_an_existing_name_is_a_conflict(mtctl) -> None:
    two_tasks(mtctl)
    called = mtctl("workflow", "create", "w", "--task", "command:true", "-o", "json")
    assert called.code == 4
    assert json.loads(called.err)["error"]["code"] == "workflow_exists"


def test_edit_from_stdin_shows_the_difference(mtctl) -> None:
    mtctl("workflow", "create", "w", "-f", "-", stdin=TOML)
    called = mtctl("workflow", "edit", "w", "-f", "-", stdin="retries = 5\n" + TOML)
    assert called.code == 0
    assert called.out.splitlines()[0].startswith("~ workflow w changed (version 2)")
    assert "    + retries = 5" in called.out.splitlines()
    assert mtctl("workflow", "edit", "w", "-f", "-", stdin="retries = 5\n" + TOML).out.startswith("= workflow w")
    assert mtctl("workflow", "edit", "w", "-f", "-", stdin="retrys = 5\n" + TOML).code == 7
    assert mtctl("workflow", "edit", "w", "-f", "-", stdin="retries = ").code == 7


def test_an_editor_needs_a_terminal(mtctl) -> None:
    two_tasks(mtctl)
    called = mtctl("workflow", "edit", "w", stdin="")
    assert called.code == 2
    assert "use -f FILE" in called.err


def test_delete_asks_and_names_the_command_without_a_terminal(mtctl) -> None:
    two_tasks(mtctl)
    called = mtctl("workflow", "delete", "w", stdin="")
    assert called.code == 2
    assert called.err.rstrip().endswith("workflow delete w --yes")
    mtctl("workflow", "run", "w", "--detach")
    assert mtctl("workflow", "delete", "w", "--yes").code == 4
    assert mtctl("workflow", "delete", "w", "--yes", "--cancel").out == "- workflow w deleted\n"
    assert mtctl("workflow", "delete", "w", "--yes").code == 3


def test_enable_and_disable_are_idempotent(mtctl) -> None:
    mtctl("workflow", "create", "w", "--task", "command:true", "--schedule", "0 2 * * *")
    for verb, first in (("disable", "~ workflow w disabled"), ("enable", "~ workflow w enabled")):
        assert mtctl("workflow", verb, "w").out.startswith(first)
        again = mtctl("workflow", verb, "w", "-o", "json")
        assert (again.code, data(again)[0]["action"]) == (0, "none")
    assert mtctl("workflow", "enable", "w", "--catchup", "some").code == 2
    assert mtctl("workflow", "enable", "nobody").code == 3


# --- tasks ------------------------------------------------------------------------------------------------------


def test_tasks_are_added_changed_linked_and_removed(mtctl) -> None:
    two_tasks(mtctl)
    added = mtctl("workflow", "add-task", "w", "c", "--command", "ls -l", "--upstream", "b", "--retries", "4")
    assert "  + task c" in added.out.splitlines()
    assert mtctl("workflow", "add-task", "w", "c", "--command", "ls").code == 4
    assert mtctl("workflow", "set-task", "w", "c", "--timeout", "10m").code == 0
    assert mtctl("workflow", "set-task", "w", "c").code == 2
    assert mtctl("workflow", "link", "w", "a", "c").code == 0
    assert mtctl("workflow", "remove-task", "w", "b").code == 4
    assert mtctl("workflow", "link", "w", "b", "c", "--remove").code == 0
    assert mtctl("workflow", "remove-task", "w", "b").code == 0
    definition = data(mtctl("workflow", "show", "w", "-o", "json"))[0]["definition"]
    assert 'name = "c"' in definition
    assert 'name = "b"' not in definition


def test_json_lists_what_a_table_proposes_and_nothing_is_asked(mtctl, root: Path) -> None:
    (root / "tables" / "one.sql").write_text("CREATE MATERIALIZED TABLE one AS SELECT 1 AS n", encoding="utf-8")
    (root / "tables" / "two.sql").write_text("CREATE MATERIALIZED TABLE two AS SELECT * FROM one", encoding="utf-8")
    assert mtctl("apply").code == 0
    two_tasks(mtctl)
    [added] = data(mtctl("workflow", "add-task", "w", "--table", "one", "-o", "json"))
    assert (added["tasks"], added["proposed"]) == (["one"], ["two"])
    shown = mtctl("workflow", "remove-task", "w", "one")
    assert shown.code == 0
    called = mtctl("workflow", "add-task", "w", "--table", "one", "--with-downstream", stdin="")
    assert [line for line in called.out.splitlines() if "task" in line][-2:] == ["  + task one", "  + task two"]
    assert mtctl("table", "drop", "two", "--yes").code == 4


def test_the_workflow_of_the_help_topic_is_valid(mtctl) -> None:
    example = "\n".join(line[2:] for line in WORKFLOW_LINES if line.startswith("  "))
    called = mtctl("workflow", "validate", "-f", "-", "-o", "json", stdin='name = "nightly"\n' + example)
    [found] = data(called)
    # It names what this empty project does not have, and nothing else is wrong with it.
    assert len(found["errors"]) == 3
    assert all("is named" in error for error in found["errors"])


# --- looking ----------------------------------------------------------------------------------------------------


def test_list_and_show_in_every_format(mtctl) -> None:
    two_tasks(mtctl)
    mtctl("schedule", "set", "w", "--cron", "0 2 * * *")
    heads, line = mtctl("workflow", "list").out.splitlines()
    assert heads.split() == ["WORKFLOW", "STATE", "SCHEDULE", "TASKS", "NEXT", "LAST", "ENDED", "INSTANCES"]
    assert line.startswith("w         ● enabled  0 2 * * *")
    document = json.loads(mtctl("workflow", "list", "-o", "json").out)
    assert document["schema"] == "mtctl.workflow.list/v1"
    [found] = document["data"]
    assert (found["kind"], found["state"], found["origin"], found["tasks"]) == ("workflow", "enabled", "command", 2)
    assert set(found["instances"]) == {"pending", "running", "suspended", "success", "failed", "cancelled"}
    [row] = list(csv.DictReader(io.StringIO(mtctl("workflow", "list", "-o", "csv").out)))
    assert (row["workflow"], row["schedule"]) == ("w", "0 2 * * *")
    shown = json.loads(mtctl("workflow", "show", "w", "-o", "ndjson").out)
    assert [one["version"] for one in shown["versions"]] == [1, 2]
    assert shown["variables"]["logical_date"]
    assert mtctl("workflow", "show", "ww").code == 3


def test_an_empty_project_has_no_workflows_and_says_so(mtctl) -> None:
    assert mtctl("workflow", "list").out == "there is no workflow\n"
    assert data(mtctl("workflow", "list", "-o", "json")) == []


@pytest.mark.parametrize(
    ("words", "part"), [(("--text",), "└─ b"), (("--format", "dot"), "digraph"), (("--format", "mermaid"), "flowchart")]
)
def test_graph_prints_the_picture_as_it_is(mtctl, words: tuple[str, ...], part: str) -> None:
    two_tasks(mtctl)
    called = mtctl("workflow", "graph", "w", *words)
    assert called.code == 0
    assert part in called.out


def test_validate_tells_errors_and_warnings(mtctl, root: Path) -> None:
    folder = root / "workflows"
    folder.mkdir()
    (folder / "good.toml").write_text('start = "2000-01-01"\n' + TOML, encoding="utf-8")
    called = mtctl("workflow", "validate")
    assert called.code == 0
    assert "warning: good: the start" in called.err
    (folder / "bad.toml").write_text(TOML + "retrys = 1\n", encoding="utf-8")
    called = mtctl("workflow", "validate", "-o", "json")
    assert called.code == 7
    assert {one["workflow"]: one["valid"] for one in data(called)} == {"good": True, "workflows/bad.toml": False}
    assert mtctl("workflow", "validate", "good").code == 0
    assert mtctl("workflow", "validate", "-f", "-", stdin='[[tasks]]\ntable = "nothing"\n').code == 7
    assert mtctl("workflow", "validate", "-f", "-", stdin='name = "x"\n' + TOML).code == 0
    assert mtctl("workflow", "validate", "good", "-f", "-").code == 2


# --- files ------------------------------------------------------------------------------------------------------


def test_plan_apply_and_prune_take_workflow_files(mtctl, root: Path) -> None:
    path = root / "workflows" / "w.toml"
    path.parent.mkdir()
    path.write_text(TOML, encoding="utf-8")
    assert mtctl("plan", "--exit-code").code == 10
    planned = data(mtctl("plan", "-o", "json"))
    assert [(one["kind"], one["workflow"], one["action"]) for one in planned] == [("workflow_change", "w", "create")]
    assert mtctl("apply").out.splitlines()[0] == "+ workflow w created (workflows/w.toml)"
    assert mtctl("plan").out == "no changes: 0 tables and 1 workflow as applied\n"
    path.write_text(TOML.replace("0 2", "0 3"), encoding="utf-8")
    assert mtctl("apply", "--require-disabled").code == 4
    assert '    + schedule = "0 3 * * *"' in mtctl("plan").out.splitlines()
    assert mtctl("apply").code == 0
    path.unlink()
    assert "? workflow w" in mtctl("plan").out
    called = mtctl("apply", "--prune", stdin="")
    assert (called.code, "drop the workflows w?" in called.err) == (2, True)
    assert mtctl("apply", "--prune", "--yes").out.startswith("- workflow w deleted")


# --- running ----------------------------------------------------------------------------------------------------


def test_run_exits_by_how_it_ended(mtctl) -> None:
    two_tasks(mtctl)
    called = mtctl("workflow", "run", "w", "-o", "json")
    assert called.code == 0
    *tasks, summary = data(called)
    assert [(task["task"], task["state"]) for task in tasks] == [("a", "success"), ("b", "success")]
    assert (summary["kind"], summary["state"], summary["existing"]) == ("run", "success", False)

    mtctl("workflow", "set-task", "w", "b", "--command", "false", "--retries", "0")
    called = mtctl("workflow", "run", "w")
    assert called.code == 5
    assert "error[command_exit]" in called.err
    assert mtctl("workflow", "run", "w", "--task", "b").code == 1
    assert mtctl("workflow", "run", "w", "--task", "a").code == 0
    assert [one["state"] for one in data(mtctl("workflow", "history", "w", "-n", "2", "-o", "json"))] == [
        "success", "failed",
    ]  # fmt: skip


def test_a_key_makes_one_instance_and_answers_like_the_first(mtctl) -> None:
    two_tasks(mtctl)
    first = data(mtctl("workflow", "run", "w", "--key", "k", "-o", "json"))[-1]
    again = data(mtctl("workflow", "run", "w", "--key", "k", "-o", "json"))[-1]
    assert (again["instance"], again["existing"]) == (first["instance"], True)


def test_a_detached_run_is_left_to_others(mtctl) -> None:
    two_tasks(mtctl)
    called = mtctl("workflow", "run", "w", "--detach")
    assert (called.code, called.out.startswith("queued as instance ")) == (0, True)
    assert data(mtctl("workflow", "list", "-o", "json"))[0]["instances"]["pending"] == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--param", "region"), 2),
        (("--param", "region=eu", "--param", "region=us"), 2),
        (("--param", "regoin=eu"), 2),
        (("--task", "nothing"), 3),
        (("--downstream",), 2),
        (("--interval", "soon"), 2),
        (("--priority", "20"), 2),
    ],
)
def test_what_cannot_run_has_its_exit_code(mtctl, words: tuple[str, ...], code: int) -> None:
    two_tasks(mtctl)
    assert mtctl("workflow", "run", "w", *words).code == code
    assert data(mtctl("workflow", "list", "-o", "json"))[0]["last_instance"] is None
