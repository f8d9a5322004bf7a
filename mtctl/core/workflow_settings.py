"""Floor 0. Flink's options that have a meaning here: how many threads and how much memory a task's runner gets.

Any other option is kept as it is and named in a warning, so that a definition can be carried over whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from mtctl.core.errors import invalid
from mtctl.core.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

THREADS = ("threads", "parallelism", "table.exec.resource.default-parallelism", "parallelism.default")
"""Options that mean threads, the strongest first; each may have `execution.` before it."""

MEMORY = (
    "memory",
    "taskmanager.memory.process.size",
    "taskmanager.memory.flink.size",
    "taskmanager.memory.task.heap.size",
    "taskmanager.memory.managed.size",
)
"""Options that mean memory, the strongest first; each may have `execution.` before it."""

MOST_THREADS = 1024
"""Threads of one runner."""

_SIZE = re.compile(r"(?P<number>[0-9]{1,15})[ ]?(?P<unit>[A-Za-z]*)")
_UNITS = {
    "": 1, "b": 1, "bytes": 1, "k": 2**10, "kb": 2**10, "kib": 2**10, "kibibytes": 2**10, "m": 2**20, "mb": 2**20,
    "mib": 2**20, "mebibytes": 2**20, "g": 2**30, "gb": 2**30, "gib": 2**30, "gibibytes": 2**30, "t": 2**40,
    "tb": 2**40, "tib": 2**40, "tebibytes": 2**40,
}  # fmt: skip
"""Flink's units of memory: powers of 1,024, whatever their spelling."""
_SMALLEST = 16 << 20


class Settings(NamedTuple):
    """Threads and memory (`512MiB`) of a runner, None where nothing says; `ignored` are the options kept only."""

    threads: int | None
    memory: str | None
    ignored: tuple[str, ...]


def settings_of(settings: Iterable[tuple[str, str]], *, where: str = "") -> Settings:
    """Return what options mean; error `setting_value` (INVALID) for a wrong number or size."""
    pairs = {name.removeprefix("execution."): (name, value) for name, value in settings}
    threads = next((pairs[name] for name in THREADS if name in pairs), None)
    memory = next((pairs[name] for name in MEMORY if name in pairs), None)
    meant = {*THREADS, *MEMORY}
    return Settings(
        threads=_threads(*threads, where) if threads is not None else None,
        memory=_memory(*memory, where) if memory is not None else None,
        ignored=tuple(name for plain, (name, _) in pairs.items() if plain not in meant),
    )


def _threads(name: str, value: str, where: str) -> int | None:
    text = value.strip()
    if text in {"-1", "auto"}:  # Flink's words for "not set"
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 4 or not 1 <= int(text) <= MOST_THREADS:
        what = f"'{printable(name[:80])}' = '{printable(value[:80])}' is not a number of threads"
        raise invalid("setting_value", what, where=where, fix=f"write a whole number from 1 to {MOST_THREADS:,}")
    return int(text)


def _memory(name: str, value: str, where: str) -> str:
    match = _SIZE.fullmatch(value.strip())
    unit = _UNITS.get(match["unit"].lower()) if match else None
    size = int(match["number"]) * unit if match and unit else 0
    if not _SMALLEST <= size < 2**50:
        what = f"'{printable(name[:80])}' = '{printable(value[:80])}' is not a size of memory"
        raise invalid("setting_value", what, where=where, fix="write for example '512m' or '2g', at least '16m'")
    return f"{size >> 20}MiB"
