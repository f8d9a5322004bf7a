"""Floor 3. Keeps the shared copy of the catalog up to date: at most once a second, by whoever has published.

The last publish of a burst counts: who comes too early waits for the second to pass and looks again, and a process that
ends with something unshared shares it before it goes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.ports.sharing import FILE, FILE_MODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self

    from mtctl.config import Project
    from mtctl.ports.clock import Clock
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store

EVERY = 1_000_000
"""How long after a copy the next one may be made, in microseconds."""

_MARK = "shared"


def settle(project: Project, store: Store, lake: Lake, *, even_if_new: bool = False) -> bool:
    """Bring the shared copy to the newest snapshot, or take it away where the project shares nothing; whether it did.

    `even_if_new` copies though another copy was made less than a second ago.
    """
    mark = project.state_folder / _MARK
    found = lake.mark()
    if found is None or found.state != str(project.state_file):
        return True  # nothing is published yet, or the lake is another project's
    if not project.share:
        if mark.exists():
            with _locked(project):
                (project.lake / FILE).unlink(missing_ok=True)
                lake.open_to("")
                mark.unlink(missing_ok=True)
        return True
    if _is_shared(project, store):
        return True
    with _locked(project):
        if _is_shared(project, store):
            return True
        if not even_if_new and _is_new(mark, project.lake / FILE):
            return False
        if _word(mark) != project.share:
            lake.open_to(project.share)
        snapshot = store.copy_catalog(project.lake / FILE, FILE_MODES[project.share])
        mark.write_text(f"{project.share} {snapshot}", encoding="ascii")
    return True


class Sharer:
    """A thread that shares while tasks publish, on a connection of its own."""

    def __init__(
        self, project: Project, open_store: Callable[[], Store], lake: Lake, clock: Clock, say: Callable[[str], None]
    ) -> None:
        """Keep the parts; trouble is said, and nobody's work fails by it."""
        self._project = project
        self._open_store = open_store
        self._lake = lake
        self._clock = clock
        self._say = say
        self._poked = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mtctl-sharer", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Share what is left, and end."""
        self._end.set()
        self._poked.set()
        self._thread.join()

    def poke(self) -> None:
        """Say that something may have been published."""
        self._poked.set()

    def _run(self) -> None:
        store = self._open_store()
        try:
            ended = False
            while not ended:
                self._poked.wait()
                self._poked.clear()
                ended = self._end.is_set()  # asked before the look: the last one comes after the end was told
                self._share(store)
        finally:
            store.close()

    def _share(self, store: Store) -> None:
        try:
            while not settle(self._project, store, self._lake, even_if_new=self._end.is_set()):
                self._clock.wait(self._end, EVERY / 4e6)
        except (MtctlError, OSError) as error:
            self._say(f"the catalog is not shared: {error}")


def _is_shared(project: Project, store: Store) -> bool:
    with store.read() as view:
        wanted = f"{project.share} {view.snapshot()}"
    try:
        shared = (project.state_folder / _MARK).read_text(encoding="ascii")
    except OSError:
        return False
    return shared == wanted and (project.lake / FILE).exists()


def _is_new(mark: Path, copy: Path) -> bool:
    """Return whether the copy is less than a second old, by the file system's own clock."""
    probe = mark.with_name(f"{_MARK}.{os.getpid()}")
    try:
        made = copy.stat().st_mtime_ns
        probe.write_bytes(b"")
        now = probe.stat().st_mtime_ns
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return 0 <= now - made < EVERY * 1_000


def _word(mark: Path) -> str:
    try:
        return mark.read_text(encoding="ascii").partition(" ")[0]
    except OSError:
        return ""


@contextlib.contextmanager
def _locked(project: Project) -> Iterator[None]:
    """Let one process share at a time."""
    path = project.state_folder / "share.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
