"""Floor 4. The exit codes: one table for every command, README, man pages and `mtctl help exit-codes`.

A script may rely on them, so a number never changes its meaning; a new trouble takes a kind that exists.
"""

from __future__ import annotations

from enum import IntEnum

from mtctl.core.errors import Kind


class ExitCode(IntEnum):
    """What the exit status of a command says; `reason` is the sentence of the documentation."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    PARTIAL = 5
    TIMEOUT = 6
    INVALID = 7
    ENGINE = 8
    STATE = 9
    CHANGES = 10
    INTERNAL = 70
    BUSY = 75
    INTERRUPTED = 130
    PIPE = 141
    TERMINATED = 143

    @property
    def reason(self) -> str:
        """The sentence that documents the code."""
        return _REASONS[self]


_REASONS = {
    ExitCode.OK: "done, or nothing was to be done",
    ExitCode.FAILED: "the work ran and failed, or a check found trouble",
    ExitCode.USAGE: "bad option or argument, or a confirmation is missing",
    ExitCode.NOT_FOUND: "a named table, instance or file does not exist",
    ExitCode.CONFLICT: "exists already, wrong state, too late, or an upstream is not ready",
    ExitCode.PARTIAL: "some of the work succeeded and some did not",
    ExitCode.TIMEOUT: "waiting ran out; the work may go on",
    ExitCode.INVALID: "a definition, the project file or an input file is not valid",
    ExitCode.ENGINE: "engine, lake or source could not be used",
    ExitCode.STATE: "state missing, corrupt, newer, not permitted, or the clock is behind it",
    ExitCode.CHANGES: "plan --exit-code: changes are pending",
    ExitCode.INTERNAL: "a bug in mtctl; a crash file was written",
    ExitCode.BUSY: "somebody else holds it; try again later",
    ExitCode.INTERRUPTED: "stopped by Ctrl-C (SIGINT)",
    ExitCode.PIPE: "the reader of the output went away (SIGPIPE)",
    ExitCode.TERMINATED: "stopped by SIGTERM",
}

OF_KIND = {
    Kind.FAILED: ExitCode.FAILED,
    Kind.USAGE: ExitCode.USAGE,
    Kind.NOT_FOUND: ExitCode.NOT_FOUND,
    Kind.CONFLICT: ExitCode.CONFLICT,
    Kind.TIMEOUT: ExitCode.TIMEOUT,
    Kind.INVALID: ExitCode.INVALID,
    Kind.ENGINE: ExitCode.ENGINE,
    Kind.STATE: ExitCode.STATE,
    Kind.BUSY: ExitCode.BUSY,
    Kind.INTERNAL: ExitCode.INTERNAL,
}
"""Which exit code each kind of trouble has."""
