"""A47, A48, A50, A51 as far as the definition decides them."""

from __future__ import annotations

import json
import tomllib

import pytest

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.workflow import CommandSpec
from mtctl.core.workflow_file import read_workflow

VARIABLES = '[variables]\nx = "1"\nday = {time = "yyyyMMdd"}\n'


def command(keys: str) -> CommandSpec:
    text = f'{VARIABLES}[[tasks]]\nname = "a"\n{keys}'
    spec = read_workflow(tomllib.loads(text), name="w", file="workflows/w.toml", zone="UTC").tasks[0].spec
    assert isinstance(spec, CommandSpec)
    return spec


def refused(keys: str) -> MtctlError:
    with pytest.raises(MtctlError) as caught:
        command(keys)
    assert caught.value.kind is Kind.INVALID
    assert caught.value.where.startswith("workflows/w.toml: tasks[1].")
    assert str(caught.value).isprintable()
    return caught.value


@pytest.mark.parametrize(
    "argv",
    [
        ["sh", "-c", "echo ${x}"],
        ["/bin/sh", "-c", "echo ${ x }"],
        ["bash", "-lc", "echo ${x}"],
        ["bash", "-o", "pipefail", "-c", "echo ${x}"],
        ["bash", "-c", "-o", "pipefail", "echo ${x}"],
        ["bash", "--norc", "+x", "-c", "echo ${x}"],
        ["sh", "${x}"],
        ["zsh", "-${x}", "echo 1"],
        ["env", "A=1", "sh", "-c", "echo ${x}"],
        ["sudo", "-u", "me", "/usr/bin/dash", "-c", "${x}"],
        ["find", ".", "-exec", "sh", "-c", "rm ${x}", ";"],
        ["busybox", "sh", "-c", "echo ${x}"],
        ["python", "-c", "print('${x}')"],
        ["python3.11", "-c", "print('${x}')"],
        ["python3", "-cprint(${x})"],
        ["python3", "-Ic", "print(${x})"],
        ["perl", "-e", "print ${x}"],
        ["perl", "-ne", "print ${x}"],
        ["ruby", "-e", "${x}"],
        ["node", "--eval", "${x}"],
        ["node", "-e", "${x}"],
        ["su", "me", "-c", "echo ${x}"],
        ["ssh", "host", "rm", "${x}"],
        ["awk", "{print ${x}}", "f"],
        ["timeout", "5", "ssh", "host", "${x}"],
        ["duckdb", "-c", "SELECT '${x}'"],
        ["psql", "-c", "SELECT '${x}'"],
        ["${x}", "a"],
    ],
)
def test_a_variable_that_would_be_run_is_refused(argv):  # A47
    assert refused(f"command = {json.dumps(argv)}").code == "command_variable"


@pytest.mark.parametrize(
    "argv",
    [
        ["echo", "${x}"],
        ["sh", "-c", 'echo "$1"', "_", "${x}"],
        ["sh", "run.sh", "${x}"],
        ["python", "load.py", "--day", "${day}"],
        ["python", "-c", "import sys; print(sys.argv)", "${x}"],
        ["sh", "-c", "echo ${{x}}"],
        ["npm", "run", "watch", "${day}"],
        ["curl", "-e", "${x}", "http://localhost/"],
        ["echo", "$${nothing}", "${{7*7}}", "{{ ''.__class__ }}"],
    ],
)
def test_a_variable_that_is_data_is_taken(argv):
    assert command(f"command = {json.dumps(argv)}").argv == tuple(argv)


@pytest.mark.parametrize("text", ["echo a; rm -rf b", "a | b", "a & b", "echo $(b)", "plain words"])
def test_a_text_needs_a_shell(text):  # A48
    error = refused(f'command = "{text}"')
    assert error.code == "command_string"
    assert "shell = true" in error.fix


def test_a_shell_takes_one_text_and_its_variables_from_the_environment():
    spec = command('command = "echo $day ${day} ${HOME:-x} | wc"\nshell = true\nenv = {day = "${day}"}')
    assert (spec.argv, spec.shell, spec.env) == (
        ("echo $day ${day} ${HOME:-x} | wc",), True, (("day", "${day}"),),
    )  # fmt: skip
    assert refused('command = "echo ${day}"\nshell = true').code == "command_variable"
    assert refused('command = "echo ${system.biz.date}"\nshell = true').code == "command_variable"
    assert refused('command = ["echo", "a"]\nshell = true').code == "command_string"
    assert command('command = "echo ${HOME}"\nshell = true').argv == ("echo ${HOME}",)


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "PATH", "BASH_ENV", "ENV", "IFS", "PYTHONSTARTUP",
        "PYTHONPATH", "PERL5OPT", "NODE_OPTIONS", "BASH_FUNC_x", "MTCTL_RUN_KEY", "mtctl_attempt", "A=B", "", "1A",
        "A B", "É", "A-B", "X" * 200,
    ],
)  # fmt: skip
def test_names_that_an_environment_must_not_have(name):  # A51
    assert refused(f'command = ["true"]\nenv = {{"{name}" = "1"}}').code == "command_env"
    if name != "PATH":
        assert refused(f'command = ["true"]\ninherit = ["{name}"]').code in {"command_env", "workflow_value"}


def test_values_of_an_environment():
    assert command('command = ["true"]\nenv = {A = "", B = "a=b ${x}"}').env == (("A", ""), ("B", "a=b ${x}"))
    assert command('command = ["true"]\ninherit = ["PATH", "AWS_PROFILE"]').inherit == ("PATH", "AWS_PROFILE")
    assert refused('command = ["true"]\nenv = {A = 1}').code == "workflow_value"
    assert refused('command = ["true"]\nenv = {A = "x\\u0000"}').code == "workflow_value"
    assert refused('command = ["true"]\nenv = {A = "${nope}"}').code == "variable_unknown"


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ("command = []", "command_argv"),
        ('command = [""]', "command_argv"),
        ("command = [1]", "workflow_value"),
        ("command = 1", "workflow_value"),
        ('command = ["a", "x\\u0000"]', "workflow_value"),
        ('command = ["a", "${nope}"]', "variable_unknown"),
        ('command = ["a"]\nfolder = "/etc"', "workflow_value"),
        ('command = ["a"]\nfolder = "a/../.."', "workflow_value"),
        ('command = ["a"]\nfolder = "${x}"', "workflow_value"),
        ('command = ["a"]\nok = [256]', "workflow_value"),
        ('command = ["a"]\ntransient = [0]', "workflow_value"),
        ('command = ["a"]\nshell = "yes"', "workflow_value"),
    ],
)
def test_wrong_commands(keys, code):
    assert refused(keys).code == code


def test_a_command_has_a_bounded_number_of_words():
    words = ", ".join(['"a"'] * 1001)
    assert refused(f"command = [{words}]").code == "command_argv"
