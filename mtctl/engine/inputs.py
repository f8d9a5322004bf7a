"""Floor 2. The inputs of one attempt: its query bound to frozen sources, hashed meanwhile, checked again at the end.

A source that changed while it was read fails the attempt: nobody can say which content the result came from.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from mtctl.core.errors import Kind, MtctlError
from mtctl.core.model import SourceFile
from mtctl.engine.binding import Binder, Bound, freeze_sources
from mtctl.engine.databases import databases_of
from mtctl.engine.sandbox import Seen, freeze
from mtctl.engine.syntax import read_select
from mtctl.engine.versions import version_of
from mtctl.engine.written import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from mtctl.engine.session import Session
    from mtctl.ports.engine import StageRequest


class Inputs:
    """What a stage request reads. Use as a context: digests are computed beside the query."""

    def __init__(self, session: Session, binder: Binder, request: StageRequest) -> None:
        self._session = session
        self.syntax = read_select(session.connection, request.query, session.syntaxes)
        self._frozen = freeze_sources(session.settings, self.syntax, request.sources, request.relations)
        databases = databases_of(self.syntax, request.sources)
        session.read_from(self._frozen.paths, databases)
        # Before what is built from them: a change meanwhile is seen as one later.
        self._versions = tuple(version_of(session, one, one.version) for one in databases if one.version is not None)
        session.use_zone(request.zone)
        bind = binder.bind if len(request.statements) > 1 else binder.bind_once
        self.bound: Bound = bind(self.syntax, request.relations, self._frozen)
        self._known = {_identity(file): file.sha256 for file in request.known}
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._digests: list[tuple[Seen, Future[str] | None]] = []

    def __enter__(self) -> Self:
        for seen in self._frozen.seen:
            known = _identity(seen) in self._known
            self._digests.append((seen, None if known else self._pool.submit(self._digest, seen.path)))
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def settled(self) -> tuple[SourceFile, ...]:
        """Return the files with their digests; error `source_changed` when one is not what it was at the start."""
        files = tuple(self._file(seen, digest) for seen, digest in self._digests)
        for text, patterns in self._frozen.patterns.items():
            before = self._frozen.files[text]
            after = _again(self._session, text, patterns)
            if before != after:
                raise _changed(text, set(before) ^ set(after))
        return (*files, *self._versions)

    def _digest(self, path: str) -> str:
        return digest_of(path, self._session.check)

    def _file(self, seen: Seen, digest: Future[str] | None) -> SourceFile:
        sha256 = self._known[_identity(seen)] if digest is None else _result(digest, seen.path)
        return SourceFile(path=seen.path, size=seen.size, mtime_ns=seen.mtime_ns, inode=seen.inode, sha256=sha256)


def _identity(file: Seen | SourceFile) -> tuple[str, int, int, int]:
    return file.path, file.size, file.mtime_ns, file.inode


def _result(digest: Future[str], path: str) -> str:
    try:
        return digest.result()
    except OSError as error:
        raise _changed(path, ()) from error


def _again(session: Session, text: str, patterns: Iterable[str]) -> tuple[Seen, ...]:
    try:
        return freeze(session.settings, text, patterns)
    except MtctlError:
        return ()


def _changed(text: str, files: Iterable[Seen]) -> MtctlError:
    names = sorted({seen.path for seen in files})
    return MtctlError(
        "source_changed",
        f"the source {text!r} changed while it was read",
        kind=Kind.FAILED,
        where=names[0] if names else "",
        fix="refresh again once the files are complete; write them under another name and rename them into place",
    )
