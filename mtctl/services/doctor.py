"""Floor 3. Looks at everything around a project that can be wrong: versions, files, disks, clock, processes, backups.

Each check is one line with a verdict; none changes anything.
"""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mtctl import __version__
from mtctl.core.errors import MtctlError
from mtctl.ports.lake_mark import FILE as MARK
from mtctl.services.attaching import closed_folders
from mtctl.services.lake_mark import is_others
from mtctl.services.reports.doctor import Examined, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mtctl.config import Project
    from mtctl.ports.backup import Backups, Opener
    from mtctl.ports.clock import Clock
    from mtctl.ports.files import Lake
    from mtctl.ports.holders import HolderInfo
    from mtctl.ports.machine import Machine
    from mtctl.ports.store import Store

LEAST_SQLITE = (3, 51, 3)
"""Before this SQLite a checkpoint race can corrupt a file that several connections write."""

LARGE_LOG = 64 << 20
"""From this size on a write-ahead log is worth a warning, in bytes: SQLite cuts it back to that when it can."""

LITTLE_SPACE = 1 << 30
"""Below this much free space there is a warning, in bytes; below a tenth of it trouble."""

OLD_BACKUP = 2 * 86_400_000_000
"""From this age on the newest backup is worth a warning, in microseconds."""

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"})
_NAMED = 5
_OK, _WARNING, _TROUBLE = Verdict.OK, Verdict.WARNING, Verdict.TROUBLE


class Doctor:
    """The checks of one project."""

    def __init__(  # noqa: PLR0913 - the ports of one service, all named
        self,
        project: Project,
        store: Store,
        clock: Clock,
        *,
        machine: Machine,
        lake: Lake,
        backups: Backups,
        is_alive: Callable[[HolderInfo], bool],
    ) -> None:
        """Keep the ports."""
        self._project = project
        self._store = store
        self._clock = clock
        self._machine = machine
        self._lake = lake
        self._backups = backups
        self._is_alive = is_alive

    def examine(self) -> tuple[Examined, ...]:
        """Return all checks, in a fixed order; one that cannot be done is trouble itself."""
        checks = (
            self._versions, self._state, self._modes, self._disks, self._space, self._log, self._processes,
            self._clocks, self._holders, self._owner, self._sharing, self._copies, self._extensions,
        )  # fmt: skip
        found: list[Examined] = []
        for check in checks:
            try:
                found += check()
            except (MtctlError, OSError) as error:
                found.append(_trouble(check.__name__.strip("_"), f"cannot be looked at: {error}"))
        return tuple(found)

    # --- the programs and the state file --------------------------------------------------------------------------

    def _versions(self) -> Iterator[Examined]:
        facts = self._machine.state()
        numbers = tuple(int(part) for part in facts.sqlite.split("."))
        python = platform.python_version()
        said = f"mtctl {__version__}, Python {python}, SQLite {facts.sqlite}, DuckDB {_duckdb()}"
        if numbers < LEAST_SQLITE:
            yield _trouble("versions", f"{said}: this SQLite can corrupt a shared file", "install a newer apsw")
        else:
            yield _ok("versions", said)

    def _state(self) -> Iterator[Examined]:
        facts = self._machine.state()
        if facts.damage:
            fix = "`mtctl state restore FILE`; the newest backups lie in .mtctl/backups/"
            yield _trouble("state file", f"damaged: {facts.damage}", fix)
        else:
            yield _ok("state file", f"schema {facts.schema}, its pages are whole")
        if facts.catalog != "1.0":
            what = f"version {facts.catalog}: another program has migrated it, nothing can be published"
            yield _trouble("catalog", what, "`mtctl state restore` a backup from before, or use a newer mtctl")
        else:
            yield _ok("catalog", "DuckLake 1.0")
        if facts.guards != facts.guards_wanted:
            what = f"{facts.guards_wanted - facts.guards} of {facts.guards_wanted} triggers are gone"
            yield _trouble("write guard", what, "somebody dropped them: `mtctl state restore` a backup")
        else:
            door = "open for tables of other clients" if facts.foreign_writes else "closed"
            yield _ok("write guard", f"{door}, {facts.guards} triggers")

    def _modes(self) -> Iterator[Examined]:
        state, folder = self._machine.look(self._project.state_file), self._machine.look(self._project.state_folder)
        wrong = [f"{one.path} has mode {one.mode:o}" for one in (state, folder) if one.mode & 0o077]
        user = self._machine.user()
        wrong += [f"{one.path} belongs to user {one.owner}" for one in (state, folder) if one.owner != user]
        if wrong:
            fix = f"chmod 0700 {folder.path}; chmod 0600 {state.path}"
            yield _trouble("permissions", "; ".join(wrong), fix)
        else:
            yield _ok("permissions", "state and folder are private")

    # --- disks ----------------------------------------------------------------------------------------------------

    def _disks(self) -> Iterator[Examined]:
        state = self._machine.look(self._project.state_folder)
        data, staging = (self._machine.look(self._project.lake / name) for name in ("data", "_staging"))
        if data.device != staging.device:
            what = "data and staging of the lake lie on different file systems: nothing can be published"
            yield _trouble("file systems", what, f"keep {self._project.lake} on one")
        elif state.file_system in _NETWORK:
            what = f"the state file is on a network file system ({state.file_system})"
            yield _trouble("file systems", what, "move the project to a local disk")
        elif data.file_system in _NETWORK:
            what = f"the lake is on a network file system ({data.file_system}): renames there may not be atomic"
            yield _warning("file systems", what, "a local disk is safer; never let two machines publish into it")
        else:
            yield _ok("file systems", f"state {state.file_system or '?'}, lake {data.file_system or '?'}")

    def _space(self) -> Iterator[Examined]:
        places = (self._project.state_folder, self._project.lake, self._project.temp or self._project.state_folder)
        for path in dict.fromkeys(places):
            facts = self._machine.look(path)
            said = f"{facts.free_bytes / (1 << 30):.1f} GiB free for {path}"
            if facts.free_bytes < LITTLE_SPACE // 10:
                yield _trouble("disk space", said, "free some")
            elif facts.free_bytes < LITTLE_SPACE:
                yield _warning("disk space", said, "free some")
            else:
                yield _ok("disk space", said)

    # --- who else is there ----------------------------------------------------------------------------------------

    def _log(self) -> Iterator[Examined]:
        size = self._machine.look(self._project.state_file.with_name("state.db-wal")).bytes
        said = f"{size / (1 << 20):.1f} MiB"
        readers = self._machine.readers()
        if size < LARGE_LOG:
            yield _ok("write-ahead log", f"{said}{_held(readers)}")
            return
        with self._store.read() as view:
            pins = [f"{pin.holder} ({pin.purpose})" for pin in view.retention().pins()]
        held = _held(readers) or (f", pinned by {', '.join(pins[:_NAMED])}" if pins else ", nobody reads now")
        yield _warning("write-ahead log", f"{said}{held}", "a long read keeps it from shrinking: end that")

    def _processes(self) -> Iterator[Examined]:
        openers = self._machine.openers()
        yield _ok("open by", _named(openers) or "nobody else")

    def _clocks(self) -> Iterator[Examined]:
        with self._store.read() as view:
            behind = (view.last_now() - self._clock.now()) / 1e6
        if behind > 3_600:
            what = f"{behind / 3_600:.1f} hours behind the state file: nothing can be written"
            yield _trouble("clock", what, "set it; if it is right, `mtctl scheduler rewind`")
        elif behind > 60:
            yield _warning("clock", f"{behind:.0f} s behind the newest time in the state file", "look at its service")
        else:
            yield _ok("clock", "not behind the state file")

    def _holders(self) -> Iterator[Examined]:
        with self._store.read() as view:
            holders = view.holders()
        dead = [holder.command for holder in holders if not self._is_alive(holder)]
        if dead:
            what = f"{len(dead)} ended without a word: {', '.join(dead[:_NAMED])}"
            yield _warning("leases", what, "the next `mtctl tick` or `up` takes back what they held")
        else:
            yield _ok("leases", f"{len(holders)} live holders")

    # --- the lake and its copies ----------------------------------------------------------------------------------

    def _owner(self) -> Iterator[Examined]:
        mark = self._lake.mark()
        if mark is None:
            yield _ok("lake", f"{self._project.lake}: nothing published yet, no mark")
        elif is_others(self._project, self._store, mark):
            what = f"the lake belongs to the state file {mark.state}"
            fix = f"set [lake] path to a folder of its own, or remove {self._project.lake / MARK}"
            yield _trouble("lake", what, fix)
        else:
            yield _ok("lake", str(self._project.lake))
        with self._store.read() as view:
            foreign = [f"{one.schema}.{one.name}" for one in view.damage().foreign_tables()]
        if foreign:
            yield _ok("foreign tables", f"{len(foreign)}: {', '.join(foreign[:_NAMED])}")

    def _sharing(self) -> Iterator[Examined]:
        if not self._project.share:
            return
        closed = closed_folders(self._project, lambda folder: self._machine.look(folder).mode)
        if closed:
            what = f"shared with {self._project.share}, who cannot enter {', '.join(closed)}"
            yield _warning("sharing", what, f"chmod {'g' if self._project.share == 'group' else 'o'}+x these folders")
        else:
            yield _ok("sharing", f"shared with {self._project.share}")

    def _copies(self) -> Iterator[Examined]:
        copies = self._backups.copies()
        fix = "`mtctl state backup`; `up` and `tick` take one a day"
        if not copies:
            yield _warning("backups", "there is none", fix)
            return
        newest = copies[0]
        age = self._clock.now() - newest.stat().st_mtime_ns // 1_000
        said = f"{len(copies)}, the newest {newest.name}"
        yield _warning("backups", said, fix) if age > OLD_BACKUP else _ok("backups", said)

    def _extensions(self) -> Iterator[Examined]:
        missing = [name for name in ("ducklake", "sqlite_scanner") if find_spec(f"duckdb_extension_{name}") is None]
        if missing:
            what = f"{', '.join(missing)} not installed: a DuckDB that attaches the lake fetches them"
            yield _ok("extensions", f"{what}; mtctl[ducklake] brings them")
        else:
            yield _ok("extensions", "ducklake and sqlite_scanner are installed")


def _duckdb() -> str:
    try:
        return version("duckdb")
    except PackageNotFoundError:
        return "missing"


def _held(readers: Iterable[Opener]) -> str:
    named = _named(readers)
    return f", being read by {named}" if named else ""


def _named(openers: Iterable[Opener]) -> str:
    found = [f"{one.pid} ({one.program})" for one in openers]
    return ", ".join(found[:_NAMED]) + (f" and {len(found) - _NAMED} more" if len(found) > _NAMED else "")


def _ok(name: str, detail: str) -> Examined:
    return Examined(name=name, verdict=_OK, detail=detail)


def _warning(name: str, detail: str, fix: str) -> Examined:
    return Examined(name=name, verdict=_WARNING, detail=detail, fix=fix)


def _trouble(name: str, detail: str, fix: str = "") -> Examined:
    return Examined(name=name, verdict=_TROUBLE, detail=detail, fix=fix)
