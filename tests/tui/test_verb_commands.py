from __future__ import annotations

import shlex
import subprocess
from itertools import combinations
from typing import Any

import pytest

from mtctl.cli.root import load
from mtctl.cli.tree import Node, command_tree
from mtctl.tui.drawn.lines import Line
from mtctl.tui.verbs import KEYED, KIND_OF_LIST, MENU, VERBS, offered, reached, verb_named, verbs_for
from mtctl.tui.verbs.first import first_command
from mtctl.tui.verbs.verb import YES, Field, FieldKind, Given, Verb

GROUPS = ("table", "workflow", "instance", "queue", "schedule")
SINGLE = ("refresh", "why", "verify", "diff")

SEEN_OTHERWISE = {
    "table list": "the list of tables",
    "table show": "the screen of a table",
    "workflow list": "the list of workflows",
    "workflow show": "the screen of a workflow",
    "instance list": "the list of instances",
    "instance show": "the screen of an instance",
    "queue list": "the list of queues",
    "schedule list": "the list of schedules",
    "schedule explain": "about an expression, not about a thing of the project",
    "schedule next": "the same; the next fires of a workflow are on its screen",
    "schedule validate": "about expressions",
}
"""Commands that are no verbs of the dashboard, with the reason."""

COMMON = {"--directory", "--output", "--color", "--quiet", "--verbose", "--debug", "--help"}

OPTIONS_LEFT_OUT = {
    "refresh": {
        "--all": "mark the tables",
        "--dry-run": "the wizard of ranges plans",
        "--lock-wait": "whoever runs it",
    },
    "table create": {"--dry-run": "a dry run cannot read stdin"},
    "table drop": {"--dry-run": "the question says what goes"},
    "workflow create": {
        **dict.fromkeys(
            ("--task", "--chain", "--schedule", "--tz", "--start", "--end", "--queue", "--retries", "--comment"),
            "stands in the definition",
        ),
        "--dry-run": "the errors of a definition stand in the form, and it stays",
    },
    "workflow run": {"--wait": "`instance wait` tells its end", "--lock-wait": "whoever runs it"},
    "workflow add-task": {"--file": "edit the definition"},
    "workflow set-task": {"--file": "edit the definition"},
    "workflow validate": {"--file": "a form that is refused says what is wrong"},
    "workflow graph": {"--text": "the same as --format text"},
    "instance retry": {"--wait": "the dashboard runs nothing itself"},
    "instance rerun": {"--wait": "the dashboard runs nothing itself"},
    "instance watch": {"--exit-status": "a screen has no exit status"},
    "instance logs": {"--task": "the cursor is on the task", "--follow": "the screen always follows"},
}
"""Options that no field stands for, with the reason."""

EXAMPLES = {"statement": "CREATE MATERIALIZED TABLE t AS SELECT 'it''s' AS x", "partition": "d=2013-01-01 d=2013-01-02",
            "param": "region=eu who='a b'", "command": "./report.sh 'a b'", "wait": "10s"}  # fmt: skip


def _parsed(line: str) -> dict[str, Any]:
    """Return the parameters that the real command line finds in a line, without running it."""
    words = shlex.split(line.partition(" <<'END")[0])
    assert words[0] == "mtctl"
    command, rest = load(words[1]), words[2:]
    if words[1] in GROUPS:
        command, rest = command.commands[rest[0]], rest[1:]
    return dict(command.make_context(words[-1], list(rest)).params)


def _example(field: Field) -> str:
    match field.kind:
        case FieldKind.TICK:
            return YES
        case FieldKind.NUMBER:
            return str(field.least if field.least is not None else 3)
        case FieldKind.CHOICE:
            return field.choices[-1] if field.choices else "one"
        case _:
            return EXAMPLES.get(field.name, f"-a {field.name}" if field.option else f"a_{field.name}")


def _lines(verb: Verb, number: int = 1) -> list[Line]:
    kind = min(verb.kinds)
    return [
        Line(kind=kind, key=f"01JD4N{at}/load" if kind == "task" else f"thing{at}", cells=()) for at in range(number)
    ]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_command_of_a_verb_is_one_that_the_command_line_takes(verb: Verb) -> None:
    _parsed(verb.line(_lines(verb)).replace("--slots N", "--slots 1"))
    given = Given(values={field.name: _example(field) for field in verb.fields})
    found = _parsed(verb.line(_lines(verb), given))
    words = {str(word) for value in found.values() for word in (value if isinstance(value, tuple) else (value,))}
    for field in verb.fields:
        if field.kind in {FieldKind.TEXT, FieldKind.NUMBER, FieldKind.CHOICE}:
            assert _example(field) in words, field.name
        elif field.kind is FieldKind.WORDS:
            assert set(shlex.split(_example(field))) <= words, field.name
        elif field.kind is FieldKind.LONG:
            assert "-" in words
    ticks = sum(value is True for value in found.values())
    fixed = sum(word.startswith("--") for word in (*verb.always, *verb.path.split()))
    assert ticks == fixed + sum(field.kind is FieldKind.TICK for field in verb.fields)


def test_several_lines_are_one_command_or_several() -> None:
    lines = [Line(kind="table", key=name, cells=()) for name in ("a", "b c")]
    assert verb_named("drop_table").line(lines) == "mtctl table drop a 'b c' --yes"
    lines = [Line(kind="task", key=f"01J/{name}", cells=()) for name in ("a", "b/c")]
    assert verb_named("skip").line(lines) == ("mtctl instance skip 01J --task a; mtctl instance skip 01J --task b/c")


@pytest.mark.parametrize("text", ["a = 1\n$HOME `id` \\ 'x'", "one\nEND\ntwo"])
def test_a_long_text_goes_to_the_stdin_of_the_command_as_it_is(text: str) -> None:
    line = verb_named("create_workflow").line((), Given(values={"definition": text, "disabled": YES}))
    assert line.startswith("mtctl workflow create -f - --disabled <<'END")
    done = subprocess.run(["bash", "-c", "mtctl() { cat; }\n" + line], capture_output=True, text=True, check=True)
    assert done.stdout == text + "\n"


def test_options_are_left_out_of_the_command_while_nothing_is_in_them() -> None:
    verb = verb_named("set_queue")
    before = {"slots": "2", "memory": "4GB", "threads": "0"}
    line = verb.line(_lines(verb), Given(values=before | {"slots": "3", "memory": ""}, before=before))
    assert line == "mtctl queue set thing0 --slots 3 --memory ''"
    priority = Given(values={"priority": "-5"})
    assert verb_named("run").line(_lines(verb_named("run")), priority).endswith("--priority=-5 --detach")


def test_the_command_line_has_no_verb_that_the_dashboard_lacks() -> None:
    paths = {" ".join(verb.path.split()[:2]) if verb.path.split()[0] in GROUPS else verb.path for verb in VERBS}
    commands = {" ".join(node.path[1:]) for group in _groups() for node in group.commands} | set(SINGLE)
    assert paths <= commands
    assert commands - paths == set(SEEN_OTHERWISE), "a new command is a verb of the dashboard, or says why not"


def test_the_command_line_has_no_option_that_a_form_lacks() -> None:
    nodes = {" ".join(node.path[1:]): node for node in command_tree().walk() if len(node.path) > 1}
    offers: dict[str, set[str]] = {}
    for verb in VERBS:
        path = " ".join(word for word in verb.path.split() if not word.startswith("-"))
        own = {field.option for field in verb.fields if field.option}
        own |= {word for word in (*verb.always, *verb.path.split()) if word.startswith("-")}
        own |= {"--task"} if verb.kinds == {"task"} else set()
        offers.setdefault(path, set()).update(own)
    for path, own in offers.items():
        for option in nodes[path].options:
            left_out = set(OPTIONS_LEFT_OUT.get(path, {})) | COMMON
            assert own.intersection(option.names) or left_out.intersection(option.names), f"{path}: {option.names}"


def test_no_two_verbs_of_a_line_have_one_key_and_none_has_a_key_of_the_frame() -> None:
    frame = set("bnNpyTqzde<>RgGjk:LSiIQHhl/? ") | set("123456789")
    for kind in ("table", "workflow", "instance", "range", "task", "queue"):
        keys = [verb.key for verb in (MENU, *verbs_for(kind)) if verb.key]
        assert len(keys) == len(set(keys)), kind
        assert not frame.intersection(keys), kind
    assert {verb.key for verb in KEYED} >= {"a", "c", "r"}
    assert all(one.name != other.name for one, other in combinations((MENU, *VERBS), 2))


def test_what_destroys_asks() -> None:
    asking = {verb.name for verb in VERBS if verb.asks}
    destroying = {"drop", "delete", "cancel", "skip", "mark", "rerun", "disable", "clear", "remove-task"}
    for verb in VERBS:
        if destroying.intersection(verb.path.split()):
            assert verb.name in asking, verb.name


def test_who_may_only_look_is_offered_what_changes_nothing_and_starts_no_engine() -> None:
    looks = {verb.name for verb in VERBS if verb.looks}
    assert looks == {"why", "history", "partitions", "validate_workflow", "workflow_history", "graph", "watch", "logs",
                     "wait"}  # fmt: skip
    for verb in VERBS:
        kind = min(verb.kinds)
        assert offered(verb, _lines(verb), kind, read_only=True) == verb.looks


def test_creating_needs_no_line_and_one_thing_at_a_time_needs_one() -> None:
    empty = {name: {verb.name for verb in VERBS if offered(verb, (), kind, read_only=False)}
             for name, kind in KIND_OF_LIST.items()}  # fmt: skip
    assert empty["tables"] == {"create_table", "undrop_table"}
    assert empty["workflows"] == {"create_workflow"}
    assert empty["queues"] == {"create_queue"}
    assert empty["instances"] == {"cancel_all"}
    rename = verb_named("rename_table")
    assert offered(rename, _lines(rename), "table", read_only=False)
    assert not offered(rename, _lines(rename, 2), "table", read_only=False)


@pytest.mark.parametrize(
    ("kind", "state", "first", "looking"),
    [
        ("instance", "pending", "instance watch K", "instance watch K"),
        ("instance", "running", "instance watch K", "instance watch K"),
        ("instance", "failed", "instance retry K", "why K"),
        ("instance", "cancelled", "instance retry K", "why K"),
        ("instance", "success", "why K", "why K"),
        ("instance", "suspended", "instance resume K", "why K"),
        ("task", "failed", "instance retry K", "why K"),
        ("task", "running", "instance watch K", "instance watch K"),
        ("task", "pending", "why K", "why K"),
        ("queue", "paused", "queue resume K", ""),
        ("queue", "open", "queue pause K", ""),
        ("table", "stale", "refresh K --detach", "why K"),
    ],
)
def test_the_command_that_is_shown_first_is_of_the_state(kind: str, state: str, first: str, looking: str) -> None:
    line = Line(kind=kind, key="K/load" if kind == "task" else "K", cells=(), facts={"state": state})
    for read_only, wanted in ((False, first), (True, looking)):
        found = first_command((line,), is_current=True, read_only=read_only)
        assert found == (f"mtctl {wanted}" if wanted else "")


def test_several_lines_and_old_ones_have_a_command_that_fits_them() -> None:
    lines = [Line(kind="instance", key=key, cells=(), facts={"state": "running"}) for key in ("A", "B")]
    assert first_command(lines, is_current=True, read_only=False) == "mtctl instance cancel A B --wait 0s"
    assert first_command(lines[:1], is_current=False, read_only=False) == "mtctl instance watch A"
    assert first_command((), is_current=True, read_only=False) == ""


def test_a_task_leads_to_its_instance() -> None:
    tasks = [Line(kind="task", key=f"01J/{name}", cells=()) for name in ("a", "b")]
    assert [(line.kind, line.key) for line in reached(verb_named("retry"), tasks)] == [("instance", "01J")]
    assert reached(verb_named("rerun"), tasks) == ()
    assert reached(verb_named("rerun_task"), tasks) == tuple(tasks)


def _groups() -> list[Node]:
    return [node for node in command_tree().commands if node.name in GROUPS]
