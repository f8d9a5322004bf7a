from __future__ import annotations

import shutil
import subprocess

import pytest

from mtctl.cli.docs import ROOT, generated, stale
from mtctl.cli.exit import ExitCode
from mtctl.cli.root import ENTRIES
from mtctl.cli.topics import KEY_LINES, STATE_LINES, TOPIC_LINES, Topic
from mtctl.cli.tree import Node, command_tree
from mtctl.core.health import Health
from mtctl.core.keys import PATTERN_KEYS, PLAIN_KEYS
from mtctl.core.states import InstanceState, TaskState

TREE = command_tree()
LEAVES = [node for node in TREE.walk() if not node.commands]
GLOBALS = {"--directory", "--output", "--color", "--quiet", "--verbose", "--debug", "--help"}


def name_of(node: Node) -> str:
    return " ".join(node.path)


@pytest.mark.parametrize("node", LEAVES, ids=name_of)
def test_every_command_has_help_examples_and_the_global_options(node: Node) -> None:
    assert len(node.short) > 10
    assert node.examples
    assert all("mtctl" in example for example in node.examples)
    assert {option.names[-1] for option in node.options} >= GLOBALS
    assert all(option.help for option in node.options)
    assert all(argument.help for argument in node.arguments)


@pytest.mark.parametrize("node", LEAVES, ids=name_of)
def test_the_help_of_every_command_shows_its_examples(node: Node, call) -> None:
    called = call(*node.path[1:], "--help")
    assert called.code == 0
    assert "Examples:" in called.out
    assert "--color <auto|always|never>" in called.out


def test_the_lines_of_the_root_are_those_of_the_commands() -> None:
    assert {node.name: node.short + "." for node in TREE.commands} == {
        name: entry.help for name, entry in ENTRIES.items()
    }
    assert {name for name, entry in ENTRIES.items() if entry.group} == {n.name for n in TREE.commands if n.commands}


def test_generated_files_are_true() -> None:
    assert [str(path.relative_to(ROOT)) for path in stale()] == []


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("page", sorted(path.name for path in generated() if path.suffix == ".1"))
def test_man_pages_pass_mandoc(page: str) -> None:
    words = ["mandoc", "-Tlint", "-W", "style", ROOT / "man" / page]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert found.stdout == ""


def test_every_command_and_option_stands_in_a_man_page() -> None:
    for top in TREE.commands:
        page = (ROOT / "man" / f"mtctl-{top.name}.1").read_text(encoding="utf-8").replace("\\-", "-")
        for node in top.walk():
            assert " ".join(node.path) in page
            assert all(f"\\fB{name}\\fR" in page for option in node.options for name in option.names)


def test_help_topics_hold_the_words_of_the_enums() -> None:
    assert set(TOPIC_LINES) == set(Topic)
    assert set(STATE_LINES["task"]) == set(TaskState)
    assert set(STATE_LINES["instance"]) == set(InstanceState)
    assert set(STATE_LINES["table"]) == set(Health)
    assert set(KEY_LINES) == {*PLAIN_KEYS, *PATTERN_KEYS}


@pytest.mark.parametrize("topic", [None, *Topic])
@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_every_topic_answers_in_every_format(call, topic: Topic | None, form: str) -> None:
    called = call("help", *([] if topic is None else [topic]), "-o", form)
    assert called.code == 0
    assert len(called.out.splitlines()) >= 5


def test_the_readme_has_the_exit_codes_of_the_enum_and_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = "\n".join(f"| {int(code)} | {code.name.lower()} | {code.reason} |" for code in ExitCode)
    assert f"|---|---|---|\n{table}\n" in text
    assert [node.name for node in TREE.commands if f"`mtctl {node.name}" not in text] == []
