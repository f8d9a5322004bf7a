"""Floor 2. The lake's folders and files: staged files are renamed into place, unknown ones found and removed.

Staging lies beside the data, never in it: a foreign cleanup deletes every Parquet file below the data folder that the
catalog does not name. A file is renamed only after it is on the disk, and its folder is brought to the disk before
anybody may publish its name.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mtctl.core.errors import Kind, MtctlError
from mtctl.lake.access import file_mode, folder_mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mtctl.core.staged import StagedFile
    from mtctl.ports.lake_mark import LakeMark

_FOLDER_MODE = 0o700
_NS = 1_000_000_000
_PROBE = ".clock"


class LakeFiles:
    """The files below one lake folder: `data` for what is published, `_staging` for what is not yet."""

    def __init__(self, root: str | Path, share: str = "") -> None:
        """Name the folders; nothing is touched. `share` says who else may read: `group`, `all`, or nobody."""
        self.root = Path(root)
        self.data = self.root / "data"
        self.staging = self.root / "_staging"
        self._lasting: set[str] = set()
        self._share = share

    def create(self) -> None:
        """Make the folders, readable by their owner only.

        Errors `lake_layout` when they cannot share a rename, `lake_io` when they cannot be made.
        """
        with _told(self.root):
            for folder in (self.root, self.data, self.staging):
                _make(folder)
            same = self.same_filesystem()
        if not same:
            raise MtctlError(
                "lake_layout",
                "data and staging lie on different file systems",
                kind=Kind.ENGINE,
                where=str(self.root),
                fix="keep both folders of the lake on one file system; files are renamed between them",
            )

    def same_filesystem(self) -> bool:
        """Whether a staged file can be renamed into place."""
        return self.data.stat().st_dev == self.staging.stat().st_dev

    def place(self, files: Sequence[StagedFile], folder: str) -> tuple[str, ...]:
        """Rename staged files into the table's folder and sync it; return their names there.

        A name that exists already is refused (`lake_file_exists`): a path stands in one catalog row only. Error
        `lake_io` when the disk refuses. After an error nothing that this call placed stays in the table's folder.
        """
        if not files:
            return ()
        target = self.data / folder
        placed: list[Path] = []
        try:
            with _told(target):
                self._place(files, folder, placed)
        except MtctlError:
            for path in placed:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise
        return tuple(path.name for path in placed)

    def _place(self, files: Sequence[StagedFile], folder: str, placed: list[Path]) -> None:
        """Rename and sync; `placed` grows by each name that stands."""
        target = self.data / folder
        # A folder found here may be one that its maker died over before the sync.
        if folder not in self._lasting or not target.is_dir():
            self._last(folder)
        for file in files:
            path = Path(file.path)
            try:
                _link(path, target / path.name)
            except FileNotFoundError:
                # Another process's cleanup may have removed the folder while it was empty.
                self._last(folder)
                _link(path, target / path.name)
            placed.append(target / path.name)
            if self._share:
                (target / path.name).chmod(file_mode(self._share))
            path.unlink()
        # What a published row names is on the disk now: the bytes since the runner's fsync of the file, the name by
        # this one. The staging folder needs none: the name there was never told to anybody, and if the loss of power
        # brings it back it is a second name of the same file, which `gc` removes like any other stray.
        _sync(target)

    def _last(self, folder: str) -> None:
        """Make a table's folder and bring its name to the disk."""
        _make(self.data / folder)
        if self._share:
            (self.data / folder).chmod(folder_mode(self._share))
        _sync(self.data)
        self._lasting.add(folder)

    def link(self, pairs: Iterable[tuple[str, str]], folder: str) -> frozenset[str]:
        """Give files (absolute path, new name) a second name in a table's folder; return the paths that had a file.

        Error `lake_io` when the disk refuses.
        """
        from mtctl.lake.links import link_all  # noqa: PLC0415 - only for tables that come back

        with _told(self.data / folder):
            self._last(folder)
            return link_all(pairs, self.data / folder)

    def discard(self, paths: Iterable[str]) -> None:
        """Remove files (absolute paths) that nobody can see, and table folders that they leave empty.

        A missing one is fine; a path outside of the lake raises ValueError.
        """
        folders = set()
        for path in (Path(os.path.normpath(text)) for text in paths):
            if not self.owns(str(path)):
                raise ValueError(f"{path} is not in the lake")
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            folders.add(path.parent)
        for folder in folders - {self.data, self.staging}:
            with contextlib.suppress(OSError):  # it holds other files, or is gone
                folder.rmdir()

    def owns(self, path: str) -> bool:
        """Return whether an absolute path lies in the lake's own folders."""
        plain = Path(os.path.normpath(path))
        return plain.is_relative_to(self.data) or plain.is_relative_to(self.staging)

    def listing(self, *, older_than_s: float) -> tuple[list[tuple[str, int]], int]:
        """Return all files below data and staging (absolute path, bytes) that are old enough, and how many are not."""
        if not self.data.is_dir():
            return [], 0
        now = self._now()
        found: list[tuple[str, int]] = []
        young = 0
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):
                stat = path.lstat()
                if (now - stat.st_mtime_ns) / _NS < older_than_s:
                    young += 1
                else:
                    found.append((str(path), stat.st_size))
        return sorted(found), young

    def open_to(self, share: str) -> None:
        """Let a `group`, `all` or nobody else read what is published; error `lake_io`."""
        from mtctl.lake.access import open_to  # noqa: PLC0415 - when the settings change

        with _told(self.root):
            open_to(self.root, self.data, share)

    def mark(self) -> LakeMark | None:
        """Return whose lake this is, None where no mark stands in its folder; error `lake_io`."""
        from mtctl.lake.mark import read_mark  # noqa: PLC0415 - only who changes the lake

        with _told(self.root):
            return read_mark(self.root)

    def set_mark(self, mark: LakeMark) -> None:
        """Write down whose lake this is; makes the folder where it is missing. Error `lake_io`."""
        from mtctl.lake.mark import write_mark  # noqa: PLC0415 - once in a lake's life

        with _told(self.root):
            _make(self.root)
            write_mark(self.root, mark)

    def examine(self, path: str, *, size: int, footer: int | None, sha256: str | None) -> tuple[str, str] | None:
        """Return what is wrong with a file (check, detail), None where nothing is; see `lake.examine`."""
        from mtctl.lake.examine import examine  # noqa: PLC0415 - only who checks

        return examine(path, size=size, footer=footer, sha256=sha256)

    def _now(self) -> int:
        """Return the file system's own clock in ns, by a file just written: ages compare only with that."""
        probe = self.staging / f"{_PROBE}-{os.getpid()}"
        probe.write_bytes(b"")
        try:
            return probe.stat().st_mtime_ns
        finally:
            probe.unlink(missing_ok=True)

    def _files(self) -> Iterator[Path]:
        for top in (self.data, self.staging):
            for folder, _, names in os.walk(top):
                yield from (Path(folder, name) for name in names if not name.startswith(_PROBE))


def _make(folder: Path) -> None:
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into the user's error."""
    try:
        yield
    except OSError as error:
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise MtctlError(
            "disk_full" if full else "lake_io",
            f"the lake cannot be written: {error.strerror or error}",
            kind=Kind.FAILED if full else Kind.ENGINE,
            where=str(error.filename2 or error.filename or path),
            fix="check that the disk has space and that the folders of the lake may be written, then refresh again",
        ) from None


def _link(source: Path, target: Path) -> None:
    """Begin a rename that never replaces: a link refuses a name that exists, a rename would swallow it."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise MtctlError(
            "lake_file_exists",
            "a data file of this name exists already",
            kind=Kind.CONFLICT,
            where=str(target),
            fix="run the refresh again; it stages under a new name",
        ) from None


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
