"""Floor 4. One call of the program from its words to its exit code: nothing escapes from here but a number.

Every error becomes one line on stderr; a bug becomes a crash file and exit 70; a reader that goes away is no error.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtctl.cli.errors import error_json, error_text, exit_of, from_usage, is_usage
from mtctl.cli.exit import ExitCode
from mtctl.cli.output import Format
from mtctl.cli.stop import Stop, TerminatedError
from mtctl.cli.ui import Shell
from mtctl.core.errors import Kind, MtctlError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def run(argv: Sequence[str], roof: Callable[[], Any] | None = None) -> int:
    """Run one command line and return its exit code.

    `roof` gives the module that opens projects; tests bring their own.
    """
    _keep_streams_open()
    stop = Stop()
    stop.install()
    shell = Shell(argv=tuple(argv), stop=stop, roof=roof or _roof, now=_now)
    try:
        code = _call(shell)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the last net; what it cannot name becomes exit 70
        return _end(error, shell)
    return code


def tell(error: MtctlError, argv: Sequence[str]) -> None:
    """Write an error to stderr as one line, in JSON when the call asked for JSON."""
    form = asked_format(argv)
    text = error_json(error) if form in {Format.JSON, Format.NDJSON} else error_text(error)
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def asked_format(argv: Sequence[str]) -> Format:
    """Return the output format that the words ask for, also when they do not parse."""
    found = Format.TABLE
    words = list(argv[: argv.index("--")] if "--" in argv else argv)
    for number, word in enumerate(words):
        if word in {"-o", "--output"}:
            value = words[number + 1] if number + 1 < len(words) else ""
        elif word.startswith("--output="):
            value = word.removeprefix("--output=")
        elif word.startswith("-o") and not word.startswith("--"):
            value = word[2:]
        else:
            continue
        if value in set(Format):
            found = Format(value)
    return found


def _call(shell: Shell) -> int:
    from mtctl.cli.fast import plain_call  # here, so that a Ctrl-C during the imports ends quietly

    code = plain_call(shell)
    return _parsed_call(shell) if code is None else code


def _parsed_call(shell: Shell) -> int:
    from typer import Exit  # here, so that a Ctrl-C during the imports ends quietly too

    from mtctl.cli.root import build

    root = build()
    if not shell.argv:
        sys.stderr.write(root.get_help(root.make_context("mtctl", [], resilient_parsing=True)) + "\n")
        return ExitCode.USAGE
    try:
        # Not `root.main`: it turns a broken pipe into exit 1 before anybody here could see it.
        with root.make_context("mtctl", list(shell.argv), obj=shell) as context:
            root.invoke(context)
    except Exit as exit_:
        return exit_.exit_code
    return ExitCode.OK


def _end(error: BaseException, shell: Shell) -> int:
    if isinstance(error, KeyboardInterrupt | TerminatedError):
        shell.stop.received = shell.stop.received or 2
        return _finish(shell.stop.exit_code)
    if isinstance(error, BrokenPipeError) or (isinstance(error, OSError) and error.errno == errno.EPIPE):
        _silence_stdout()
        return ExitCode.PIPE
    if is_usage(error):
        error = from_usage(error)
    elif isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT}:
        _silence_stdout()
        what = f"cannot write the output: {error.strerror}"
        error = MtctlError("output_failed", what, kind=Kind.FAILED, fix="free some space or write elsewhere")
    if isinstance(error, MtctlError):
        if _wants_traceback(shell.argv):
            _print_traceback(error)
        if shell.stop.received is not None and error.code == "cancelled":
            return _finish(shell.stop.exit_code)
        tell(error, shell.argv)
        return _finish(exit_of(error))
    return _crash(error, shell)


def _crash(error: BaseException, shell: Shell) -> int:
    if _wants_traceback(shell.argv):
        _print_traceback(error)
    what = f"mtctl made a mistake: {type(error).__name__}: {error}"
    fix = f"please report it with the file {_crash_file(error, shell)}"
    tell(MtctlError("internal", what, kind=Kind.INTERNAL, fix=fix), shell.argv)
    return _finish(ExitCode.INTERNAL)


def _crash_file(error: BaseException, shell: Shell) -> str:
    """Write the traceback beside the state, into the user's log folder or the temporary one; return where, or ''."""
    import tempfile  # a crash may cost ten milliseconds, no other call
    from traceback import format_exception

    from platformdirs import user_log_path  # only a crash needs it

    text = f"mtctl {' '.join(shell.argv)}\n\n" + "".join(format_exception(error))
    logs = user_log_path("mtctl")
    for folder in (Path(".mtctl"), logs, None):
        try:
            if folder == logs:
                logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder is not None and not folder.is_dir():
                continue
            descriptor, name = tempfile.mkstemp(prefix="mtctl-crash-", suffix=".txt", dir=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return name
    return ""


def _finish(code: ExitCode) -> int:
    """Flush what the command wrote before its trouble; its own error is the one that counts."""
    try:
        sys.stdout.flush()
    except OSError:
        _silence_stdout()
    return int(code)


def _wants_traceback(argv: Sequence[str]) -> bool:
    return "--debug" in argv or os.environ.get("MTCTL_DEBUG") == "1"


def _print_traceback(error: BaseException) -> None:
    from traceback import print_exception  # only where it was asked for

    print_exception(error)


def _silence_stdout() -> None:
    """Point stdout at /dev/null, so that the interpreter's last flush finds no broken pipe."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)


def _keep_streams_open() -> None:
    """Give a closed stream /dev/null, lest the next file opened (state.db) becomes somebody's stdout."""
    for number, mode, name in ((0, os.O_RDONLY, "stdin"), (1, os.O_WRONLY, "stdout"), (2, os.O_WRONLY, "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _roof() -> Any:
    import mtctl.app  # help and usage errors need no project

    return mtctl.app


def _now() -> int:
    from mtctl.clock import SystemClock  # only JSON says when it was made

    return SystemClock().now()
