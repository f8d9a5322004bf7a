"""Floor 0. What a command may be: which words of it may hold a variable, and which names its environment.

Arguments reach a program exactly as they are, so a variable is harmless in them, except where a program takes an
argument for a program text: `sh -c`, `python -c`, `ssh host …`. There a value would be run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtctl.core.errors import invalid
from mtctl.core.names import printable
from mtctl.core.workflow_variables import names_in

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from mtctl.core.errors import MtctlError

INHERITED = ("HOME", "LANG", "LC_ALL", "PATH", "TZ", "USER")
"""What every command gets from the environment of whoever runs it; `inherit` adds to it."""

MOST_ARGUMENTS = 1000
"""Words of one command."""

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_LOADERS = frozenset({
    "BASHOPTS", "BASH_ENV", "ENV", "GCONV_PATH", "GLIBC_TUNABLES", "IFS", "JAVA_TOOL_OPTIONS", "NODE_OPTIONS",
    "NODE_PATH", "PATH", "PERL5DB", "PERL5LIB", "PERL5OPT", "PROMPT_COMMAND", "PS4", "PYTHONBREAKPOINT", "PYTHONHOME",
    "PYTHONINSPECT", "PYTHONPATH", "PYTHONSTARTUP", "RUBYLIB", "RUBYOPT", "SHELLOPTS", "_JAVA_OPTIONS",
})  # fmt: skip
_LOADER_PREFIXES = ("LD_", "DYLD_", "BASH_FUNC_")
_OURS = "MTCTL_"

_SHELL = re.compile(r"(r?ba|da|a|z|k|mk|pdk|fi|c|tc|pw)?sh")
_WITH_CODE = {
    "python": r"-[A-Za-z]*c.*", "pypy": r"-[A-Za-z]*c.*", "perl": r"-[A-Za-z]*[eE].*", "ruby": r"-[A-Za-z]*e.*",
    "node": r"-[ep].*|--eval.*|--print.*", "php": r"-r.*", "lua": r"-e.*", "Rscript": r"-e.*",
    "su": r"-[A-Za-z]*c.*|--command.*", "runuser": r"-[A-Za-z]*c.*|--command.*",
    "script": r"-[A-Za-z]*c.*|--command.*", "flock": r"-[A-Za-z]*c.*|--command.*",
    "duckdb": r"-{1,2}(c|s|cmd)", "sqlite3": r"-cmd", "psql": r"-[A-Za-z]*c.*|--command.*",
}  # fmt: skip
"""Programs that take a program text after an option, and that option."""
_ALL_CODE = frozenset({"ssh", "eval", "watch", "parallel", "awk", "gawk", "mawk", "nawk"})
"""Programs that join their arguments to a program text, or take the first for one; also ordinary words, so they count
only as the program or behind one of these."""
_LAUNCHERS = frozenset({
    "busybox", "chroot", "docker", "doas", "env", "ionice", "nice", "nohup", "podman", "setsid", "stdbuf", "sudo",
    "time", "timeout", "xargs",
})  # fmt: skip
_TAKES_WORD = re.compile(r"[-+][A-Za-z]*[oO]|--rcfile|--init-file")


def check_command(argv: Sequence[str], *, where: str = "") -> None:
    """Refuse variables where they would be run, and arguments that no program can be given.

    Errors (INVALID): `command_argv`, `command_variable`.
    """
    if len(argv) > MOST_ARGUMENTS:
        raise invalid("command_argv", f"a command has {len(argv):,} words", where=where, fix="pass a file of them")
    for word in argv:
        if "\0" in word:
            raise invalid("command_argv", "a word of a command holds NUL", where=where, fix="remove it")
    if not argv or not argv[0].strip():
        raise invalid("command_argv", "the command is empty", where=where, fix='write ["program", "argument"]')
    if names_in(argv[0]):
        raise _variable(argv[0], "names the program", where)
    for at, word in enumerate(argv):
        _check_from(argv, at, word.rpartition("/")[2], where)


def check_shell_text(text: str, env: Container[str], known: Container[str], *, where: str = "") -> None:
    """Refuse a variable in the text of a shell unless the environment gives it: error `command_variable`.

    What nobody declared is the shell's own, `${HOME}` for one.
    """
    if "\0" in text:
        raise invalid("command_argv", "the command holds NUL", where=where, fix="remove it")
    for name in names_in(text):
        if name in known and name not in env:
            raise _variable(f"${{{name}}}", "stands in the text of a shell", where)


def check_env_name(name: str, *, where: str = "", inherited: bool = False) -> str:
    """Return the name of an environment variable; error `command_env`.

    Names that make a program load other code are refused, and so is PATH, which is always `inherited`.
    """
    shown = printable(name[:80])
    if not _ENV_NAME.fullmatch(name):
        raise invalid("command_env", f"'{shown}' cannot name an environment variable", where=where,
                      fix="use letters, digits and _, not beginning with a digit")  # fmt: skip
    if inherited and name in INHERITED:
        return name
    upper = name.upper()
    if name == "PATH":
        raise invalid("command_env", "PATH is inherited and may not be set", where=where,
                      fix="write the full path of the program")  # fmt: skip
    if upper in _LOADERS or upper.startswith(_LOADER_PREFIXES):
        raise invalid("command_env", f"{shown} would load other code into the program", where=where,
                      fix="start a script of your own that sets it")  # fmt: skip
    if upper.startswith(_OURS):
        raise invalid("command_env", f"{shown} is set by mtctl", where=where, fix="choose another name")
    return name


def _check_from(argv: Sequence[str], at: int, program: str, where: str) -> None:
    """Refuse variables in what the program at this place of the command takes for a program text."""
    if _SHELL.fullmatch(program) or program == "busybox":
        for word in argv[at + 1 : _operand(argv, at + 1) + 1]:
            if names_in(word):
                raise _variable(word, f"would be run by {program}", where)
        return
    if program in _ALL_CODE and (at == 0 or argv[0].rpartition("/")[2] in _LAUNCHERS):
        for word in argv[at + 1 :]:
            if names_in(word):
                raise _variable(word, f"would be run by {program}", where)
        return
    option = _WITH_CODE.get(program) or _WITH_CODE.get(program.rstrip("0123456789."))
    if option is None:
        return
    code = False
    for word in argv[at + 1 :]:
        is_option = re.fullmatch(option, word, re.DOTALL) is not None
        if names_in(word) and (code or is_option):
            raise _variable(word, f"would be run by {program}", where)
        code = is_option


def _operand(argv: Sequence[str], at: int) -> int:
    """Return where a shell's first word stands that is no option: the text after `-c`, or the script."""
    while at < len(argv):
        word = argv[at]
        if _TAKES_WORD.fullmatch(word):
            at += 2
        elif word[:1] in {"-", "+"} and len(word) > 1:
            at += 1
        else:
            return at
    return at


def _variable(word: str, why: str, where: str) -> MtctlError:
    return invalid(
        "command_variable", f"the variable in '{printable(word[:80])}' {why}", where=where,
        fix='pass it as a word of its own that the program reads, or by the environment: env = {DAY = "${day}"}',
    )  # fmt: skip
