"""Floor 3. Removes files that no book names any more: expired ones, strays of dead attempts, logs of the forgotten.

Three kinds, each spared for a while: files that expiry has scheduled (an hour, for readers that have no pin), files
that nothing ever named (a day, somebody may just be writing them), and log files whose attempts are forgotten.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

from mtctl.core.errors import conflict
from mtctl.services.reports.upkeep import GcReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from mtctl.ports.clock import Clock
    from mtctl.ports.files import Lake
    from mtctl.ports.retention import Scheduled
    from mtctl.ports.store import Store

SCHEDULED_SECONDS = 3_600.0
"""How long a file stays after the last snapshot that showed it has expired."""

STRAY_SECONDS = 86_400.0
"""How long a file stays that nothing names and nothing has ever named."""

AT_ONCE = 200
"""How many files are removed between two looks at the state file."""

_LOG = re.compile(r"([0-9A-HJKMNP-TV-Z]{26})\.log")


class Collector:
    """Removes what nobody names."""

    def __init__(self, store: Store, lake: Lake, clock: Clock, logs: Path) -> None:
        """Keep the ports; `logs` is the folder of the attempts' output."""
        self._store = store
        self._lake = lake
        self._clock = clock
        self._logs = logs

    def gc(self, *, grace_seconds: float | None, dry_run: bool) -> GcReport:
        """Remove all three kinds; `grace_seconds` counts for each of them, None: an hour, a day, a day.

        Error `lake_mismatch` (CONFLICT), and nothing is removed, where no file is there that the catalog names.
        """
        found, young = self._strays(STRAY_SECONDS if grace_seconds is None else grace_seconds)
        if not dry_run:
            self._lake.discard(path for path, _ in found)
        files, size = self.expired(
            grace_seconds=SCHEDULED_SECONDS if grace_seconds is None else grace_seconds, dry_run=dry_run
        )
        logs = self._forgotten_logs()
        if not dry_run:
            _unlink(logs)
        return GcReport(
            removed=(*files, *(path for path, _ in found)),
            bytes=size + sum(one for _, one in found),
            kept_young=young,
            dry_run=dry_run,
            logs=len(logs),
        )

    def expired(
        self,
        *,
        grace_seconds: float = SCHEDULED_SECONDS,
        dry_run: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> tuple[list[str], int]:
        """Remove files that were scheduled long enough ago; return their paths and bytes.

        A path that the catalog names again is only taken from the schedule; one outside of the lake, which only a
        foreign client can have scheduled, is left to it.
        """
        removed: list[str] = []
        size, after = 0, -1
        before = self._clock.now() - round(grace_seconds * 1e6)
        while not stopped():
            with self._store.read() as view:
                part = view.retention().scheduled(before, AT_ONCE, after)
            if not part:
                break
            after = part[-1].file_id
            gone = [one for one in part if not one.is_named and self._lake.owns(one.path)]
            sizes = [(one.path, _size(one.path)) for one in gone]
            removed += [path for path, there in sizes if there is not None]
            size += sum(there or 0 for _, there in sizes)
            if not dry_run:
                self._remove(gone, [one for one in part if one.is_named])
        return removed, size

    def _remove(self, gone: list[Scheduled], named: list[Scheduled]) -> None:
        self._lake.discard(one.path for one in gone)
        with self._store.write() as tx:
            tx.retention().unschedule([one.file_id for one in (*gone, *named)])

    def _strays(self, grace_seconds: float) -> tuple[list[tuple[str, int]], int]:
        """Return files that no catalog row, pin or live attempt names, and how many are too young to tell.

        The files are listed before the books are read: what is published in between is then in the books.
        """
        old, young = self._lake.listing(older_than_s=grace_seconds)
        every = self._lake.listing(older_than_s=0.0)[0] if young else old
        with self._store.read() as view:
            known, live = view.known_paths(), view.live_attempt_ulids()
        spelling = _Spelling()
        named = {spelling.of(path) for path in known}
        strays = [
            (path, size) for path, size in every if spelling.of(path) not in named and not _belongs(path, live)
        ]
        aged = frozenset(path for path, _ in old)
        found = [one for one in strays if one[0] in aged]
        if found and named and not any(os.path.exists(path) for path in named):  # noqa: PTH110 - a hundred thousand texts
            raise conflict(
                "lake_mismatch",
                "none of the files that the catalog names is there: this is another lake",
                fix="check lake.path in mtctl.toml; nothing was removed",
            )
        return found, len(strays) - len(found)

    def _forgotten_logs(self) -> list[str]:
        """Return the logs of attempts that are not there any more; a log is made after its attempt."""
        if not self._logs.is_dir():
            return []
        logs = {match[1]: match[0] for path in self._logs.iterdir() if (match := _LOG.fullmatch(path.name))}
        with self._store.read() as view:
            known = view.retention().attempts_known(list(logs))
        return [str(self._logs / name) for ulid, name in logs.items() if ulid not in known]


class _Spelling:
    """One spelling of a file, whichever links lead to its folder."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def of(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        return f"{self._folders[folder]}/{name}"


def _belongs(path: str, live: Iterable[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(name.startswith(ulid) for ulid in live)


def _size(path: str) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        return None


def _unlink(paths: Iterable[str]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108 - texts
