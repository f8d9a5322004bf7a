"""Floor 4. The short way in: `status`, `refresh` and `tick` in ordinary words, read without loading the option parser.

The parser costs more than a look at a thousand tables. What stands here reads plain words only, by a table generated
from the same declarations; whatever is unusual (help, an unknown option, an option twice, joined short options) is left
to the parser before anything is done, so that there is one place that explains mistakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.cli.plain_data import PLAIN, ROOT
from mtctl.cli.ui import Settings, Ui, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.cli.ui import Shell


def plain_call(shell: Shell) -> int | None:
    """Run a plain command line and return its exit code; None, and nothing is done, where it is not plain."""
    call = read_words(shell.argv)
    if call is None:
        return None
    command, values, settings = call
    return COMMANDS[command](Ui(settings=settings, shell=shell), values)


def read_words(argv: Sequence[str]) -> tuple[str, dict[str, Any], Settings] | None:
    """Return the command, what its parameters are given and the global options; None where the parser must look."""
    words = list(argv)
    before = _take(words, ROOT, None)
    if before is None or not words or words[0] not in COMMANDS:
        return None
    command = words.pop(0)
    spec = PLAIN[command]
    given = _take(words, spec["options"], spec["arguments"])
    if given is None:
        return None
    settings = settings_of(before | {name: given.pop(name) for name in _GLOBALS & given.keys()})
    return command, given, settings


def _take(words: list[str], options: dict[str, Any], arguments: str | None) -> dict[str, Any] | None:
    """Take options and arguments off the front; without a name for arguments stop at the first."""
    found: dict[str, Any] = {}
    while words:
        word = words[0]
        if word and not word.startswith("-"):
            if arguments is None:
                break
            found.setdefault(arguments, []).append(words.pop(0))
            continue
        name, sign, value = words.pop(0).partition("=")
        if name not in options or (sign and not name.startswith("--")):
            return None
        param, form = options[name]
        if form == "switch":
            accepted: Any = None if sign or param in found else True
        else:
            text = value if sign else words.pop(0) if words else ""
            accepted = _value(text, form, found.get(param))
        if accepted is None:
            return None
        found[param] = accepted
    return found


def _value(text: str, form: str | int | list[str], before: list[str] | None) -> Any:
    """Return the value of an option after what was given to it before, None where that is not plain."""
    if not text or text.startswith("-"):
        return None
    if form == "many":
        return [*(before or ()), text]
    if before is not None:
        return None
    if isinstance(form, list):
        return text if text in form else None
    if isinstance(form, int):
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= form else None
    return text


def _status(ui: Ui, values: dict[str, Any]) -> int:
    from mtctl.cli.daily import show_status  # only what is called is loaded

    return show_status(ui, values.get("names", ()), check=values.get("check", False))


def _refresh(ui: Ui, values: dict[str, Any]) -> int:
    from mtctl.cli.daily import refresh_args, refresh_tables  # only what is called is loaded

    lock_wait = values.pop("lock_wait", None)
    return refresh_tables(ui, refresh_args(**values), lock_wait)


def _tick(ui: Ui, values: dict[str, Any]) -> int:
    from mtctl.cli.daily import run_round  # only what is called is loaded

    given = values.get("max_runtime")
    return run_round(ui, None if given is None else int(given), values.get("lock_wait", 0))


_GLOBALS = frozenset(param for param, _ in ROOT.values())

COMMANDS: dict[str, Callable[[Ui, dict[str, Any]], int]] = {"status": _status, "refresh": _refresh, "tick": _tick}
"""The commands that are run all day."""
