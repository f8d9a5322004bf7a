"""Floor 4. How trouble is told: one line `error[code]: what – where – how to fix`, or one JSON line with `-o json`.

Usage errors of the option parser are translated here by their shape, because their classes are private to Typer.
"""

from __future__ import annotations

import json
import re
from typing import Any

from mtctl.cli.exit import OF_KIND, ExitCode
from mtctl.core.errors import Kind, MtctlError, usage
from mtctl.core.names import closest, printable

_CODES = {
    "NoSuchOption": "option_unknown",
    "MissingParameter": "argument_missing",
    "BadParameter": "argument_invalid",
    "BadOptionUsage": "option_invalid",
    "BadArgumentUsage": "argument_invalid",
    "NoArgsIsHelpError": "command_missing",
}
_HINT = re.compile(r"\s*Did you mean[^?]*\?\s*|\s*\(Possible options:[^)]*\)", re.IGNORECASE)


def exit_of(error: MtctlError) -> ExitCode:
    """Return the exit code of an error: by its kind, unless its details name one (`exit`)."""
    named = error.details.get("exit")
    return ExitCode(named) if isinstance(named, int) else OF_KIND[error.kind]


def error_text(error: MtctlError) -> str:
    """Return what people see: the one line, then the excerpt with its caret if there is one."""
    lines = [f"error[{error.code}]: {printable(str(error))}"]
    lines += ["  " + printable(line.expandtabs(4)) for line in error.excerpt.splitlines()]
    return "\n".join(lines)


def error_json(error: MtctlError) -> str:
    """Return what machines see, on one line."""
    body: dict[str, object] = {"code": error.code, "what": error.what, "where": error.where, "fix": error.fix}
    body["exit"] = int(exit_of(error))
    if error.excerpt:
        body["excerpt"] = error.excerpt
    body.update({key: value for key, value in error.details.items() if key not in body})
    return json.dumps({"schema": "mtctl.error/v1", "error": body}, default=str)


def two_of(first: str, second: str) -> MtctlError:
    """Return the usage error about two options that exclude each other."""
    return usage("option_conflict", f"{first} and {second} exclude each other", fix="give one of them")


def is_usage(error: BaseException) -> bool:
    """Return whether an exception is a usage error of the option parser."""
    return hasattr(error, "exit_code") and hasattr(error, "format_message")


def from_usage(error: Any) -> MtctlError:
    """Return a usage error of the option parser in our own form."""
    name = type(error).__name__
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "mtctl"
    what = " ".join(_HINT.sub("", str(error.format_message())).split()).rstrip(".")
    what = what[:1].lower() + what[1:]
    fix = f"see `{path} --help`"
    details: dict[str, object] = {}
    near = _near_option(error, context) if name == "NoSuchOption" else None
    if near:
        details["did_you_mean"] = [near]
        fix = f"did you mean '{near}'? – {fix}"
    return MtctlError(_CODES.get(name, "usage"), what, kind=Kind.USAGE, where=path, fix=fix, details=details)


def _near_option(error: Any, context: Any) -> str | None:
    words = [option for param in context.command.params for option in param.opts] if context is not None else []
    return closest(str(error.option_name), words)
