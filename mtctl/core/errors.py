"""Floor 0. The one error that a user may see, and its kinds.

Adapters translate their library's exceptions into it; nothing above them sees `apsw` or `duckdb`.
An edge (CLI, TUI, gateway) maps `Kind` to its own codes in one table and renders
`error[code]: what – where – how to fix`.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What sort of trouble an error is; each edge maps it once."""

    FAILED = "failed"  # the work ran and failed
    USAGE = "usage"  # a bad option, argument or missing confirmation
    NOT_FOUND = "not_found"  # a named thing does not exist
    CONFLICT = "conflict"  # exists already, wrong state, too late, not ready
    TIMEOUT = "timeout"  # waiting ran out; the work may go on
    INVALID = "invalid"  # a definition, project file or input file is not valid
    ENGINE = "engine"  # engine, lake or source could not be used
    STATE = "state"  # the state file is missing, corrupt, foreign, newer or not permitted
    BUSY = "busy"  # somebody else holds it; try again later
    INTERNAL = "internal"  # a bug in mtctl


FULL = frozenset({"state_full", "disk_full"})
"""Codes of trouble that goes away once there is room on the disk: no fault of the work that met with it."""


class MtctlError(Exception):
    """One trouble, in the words of the user.

    `code` is a stable snake_case name; `what` says what is wrong, `where` points at the file, line, column or
    field, `fix` tells the way out. `excerpt` may carry the source line with a caret below it. `details` holds
    machine-readable extras for `-o json` (for example `did_you_mean`).
    """

    def __init__(  # noqa: PLR0913 - the parts of one message, all named
        self,
        code: str,
        what: str,
        *,
        kind: Kind,
        where: str = "",
        fix: str = "",
        excerpt: str = "",
        details: dict[str, object] | None = None,
    ) -> None:
        """Keep the parts; `str(error)` joins them with dashes."""
        super().__init__(what)
        self.code = code
        self.what = what
        self.kind = kind
        self.where = where
        self.fix = fix
        self.excerpt = excerpt
        self.details: dict[str, object] = details or {}

    def __str__(self) -> str:
        """Return `what – where – fix`, leaving out what is empty, on one line."""
        parts = (self.what, self.where, self.fix)
        return " – ".join(" ".join(part.split()) for part in parts if part)


def invalid(code: str, what: str, *, where: str = "", fix: str = "", excerpt: str = "") -> MtctlError:
    """Return an error about a definition or an input file."""
    return MtctlError(code, what, kind=Kind.INVALID, where=where, fix=fix, excerpt=excerpt)


def usage(code: str, what: str, *, where: str = "", fix: str = "") -> MtctlError:
    """Return an error about how a command was called."""
    return MtctlError(code, what, kind=Kind.USAGE, where=where, fix=fix)


def not_found(code: str, what: str, *, where: str = "", fix: str = "") -> MtctlError:
    """Return an error about a name that nothing bears."""
    return MtctlError(code, what, kind=Kind.NOT_FOUND, where=where, fix=fix)


def conflict(code: str, what: str, *, where: str = "", fix: str = "") -> MtctlError:
    """Return an error about a wrong moment: exists already, too late, not ready."""
    return MtctlError(code, what, kind=Kind.CONFLICT, where=where, fix=fix)
