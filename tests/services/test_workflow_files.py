from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mtctl.config import load_project
from mtctl.core.errors import MtctlError
from mtctl.services.workflow_files import (
    read_workflow_file,
    scan_workflows,
    unapplied_workflows,
    workflow_paths,
    workflow_settings_mark,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.config import Project

TASK = '[[tasks]]\nname = "a"\ntable = "t"\n'


def project(root: Path, zone: str = "Europe/Berlin") -> Project:
    (root / "mtctl.toml").write_text(f'name = "p"\ntime_zone = "{zone}"\n')
    (root / "workflows").mkdir(exist_ok=True)
    return load_project(root)


def applied(files) -> dict[str, tuple[int, str, int | None, int | None]]:
    return {file.file: (1, file.mark, file.size, file.mtime_ns) for file in files}


def test_files_are_read_in_the_order_of_their_names(tmp_path):
    found = project(tmp_path)
    (tmp_path / "workflows" / "team").mkdir()
    for name in ("b.toml", "a.toml", "team/c.toml", ".hidden.toml", "note.txt"):
        (tmp_path / "workflows" / name).write_text(TASK)
    scan = scan_workflows(found)
    assert [file.file for file in scan.files] == ["workflows/a.toml", "workflows/b.toml", "workflows/team/c.toml"]
    assert [file.definition.name for file in scan.files] == ["a", "b", "c"]
    assert {file.definition.zone for file in scan.files} == {"Europe/Berlin"}
    assert scan.problems == ()


def test_a_project_without_workflows_has_none(tmp_path):
    (tmp_path / "mtctl.toml").write_text("")
    assert workflow_paths(load_project(tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        (f"{TASK}retrys = 3\n", "key_unknown", "workflows/x.toml:4: tasks[1].retrys"),
        (f"# retries = 1\nretries = -1\n{TASK}", "workflow_value", "workflows/x.toml:2: retries"),
        (f"retries = 1\n{TASK}retries = -1\n", "workflow_value", "workflows/x.toml: tasks[1].retries"),
        (f"{TASK}[variables]\nday = {{time = 'YYYY'}}\n", "date_formatter", "workflows/x.toml:5: variables.day"),
        (
            "[[tasks]]\nname = 'a'\ncommand = ['a']\nenv.LD_PRELOAD = 'x'",
            "command_env",
            "workflows/x.toml:4: tasks[1].env.LD_PRELOAD",
        ),
        ("a = 1\na = 2\n", "toml", ""),  # A23
        ("x = " + "[" * 20_000, "toml_depth", ""),  # A28
        (f'comment = "\\u0000"\n{TASK}', "config_value", ""),  # A24
        (f"retries = inf\n{TASK}", "config_value", ""),  # A25
    ],
)
def test_what_is_wrong_has_its_place(tmp_path, text, code, where):
    found = project(tmp_path)
    (tmp_path / "workflows" / "x.toml").write_text(text)
    (tmp_path / "workflows" / "good.toml").write_text(TASK)
    scan = scan_workflows(found)
    assert [file.definition.name for file in scan.files] == ["good"]
    [problem] = scan.problems
    assert problem.code == code
    assert problem.where == where or (not where and "x.toml" in problem.where)


def test_two_files_of_one_workflow_are_an_error_with_both_places(tmp_path):
    found = project(tmp_path)
    (tmp_path / "workflows" / "a.toml").write_text(f'name = "Same"\n{TASK}')
    (tmp_path / "workflows" / "b.toml").write_text(f'name = "same"\n{TASK}')
    [problem] = scan_workflows(found).problems
    assert (problem.code, problem.where) == ("workflow_duplicate", "workflows/a.toml and workflows/b.toml")


def test_what_is_no_file_is_refused_and_never_hangs(tmp_path):
    found = project(tmp_path)
    os.mkfifo(tmp_path / "workflows" / "x.toml")
    with pytest.raises(MtctlError) as caught:
        read_workflow_file(found, tmp_path / "workflows" / "x.toml")
    assert caught.value.code == "file_kind"


def test_changed_and_vanished_files_are_told_apart_from_touched_ones(tmp_path):
    found = project(tmp_path)
    for name in ("same", "touched", "changed", "gone"):
        (tmp_path / "workflows" / f"{name}.toml").write_text(TASK)
    known = applied(scan_workflows(found).files)
    assert unapplied_workflows(found, known) == ([], [])

    os.utime(tmp_path / "workflows" / "touched.toml", ns=(1, 1))
    (tmp_path / "workflows" / "changed.toml").write_text(f"retries = 1\n{TASK}")
    (tmp_path / "workflows" / "gone.toml").unlink()
    (tmp_path / "workflows" / "new.toml").write_text(TASK)
    changed, gone = unapplied_workflows(found, known)
    assert (changed, gone) == (["workflows/changed.toml", "workflows/new.toml"], ["workflows/gone.toml"])


def test_another_zone_of_the_project_changes_every_file(tmp_path):
    found = project(tmp_path)
    (tmp_path / "workflows" / "a.toml").write_text(TASK)
    known = applied(scan_workflows(found).files)
    other = project(tmp_path, "UTC")
    assert workflow_settings_mark(other) != workflow_settings_mark(found)
    assert unapplied_workflows(other, known) == (["workflows/a.toml"], [])
