"""Floor 4. Captured output, printed while it comes.

A program's output may hold anything: on a terminal its control characters are shown and not obeyed, in a pipe it passes
as it is.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Lines
from mtctl.cli.output import Format, to_json
from mtctl.core.names import printable

if TYPE_CHECKING:
    from mtctl.cli.answer import Record
    from mtctl.cli.ui import Ui
    from mtctl.services.reports.verbs import LogFile

_FIELDS = ("task", "attempt", "try", "text")
_LONGEST = 1 << 16
"""A line is shown in pieces of so many bytes: a program need not write lines."""


class Printer:
    """Takes output piece by piece and prints it in the format of the call."""

    def __init__(self, ui: Ui) -> None:
        """Keep where to print."""
        self._ui = ui
        self._form = ui.settings.output
        self._is_terminal = sys.stdout.isatty()
        self._rest: dict[str, tuple[LogFile, bytes]] = {}
        self._records: list[Record] = []
        self._shown = ""

    def take(self, file: LogFile, data: bytes) -> None:
        """Print the whole lines of what has come; the rest waits for its end."""
        *lines, rest = (self._rest.pop(file.attempt, (file, b""))[1] + data).split(b"\n")
        for line in lines:
            self._line(file, line)
        while len(rest) > _LONGEST:
            self._line(file, rest[:_LONGEST])
            rest = rest[_LONGEST:]
        if rest:
            self._rest[file.attempt] = (file, rest)
        sys.stdout.flush()

    def end(self) -> None:
        """Print what had no end of line, and what is printed at once."""
        for file, rest in self._rest.values():
            self._line(file, rest)
        if self._form in {Format.JSON, Format.CSV}:
            answer = Answer(
                schema="mtctl.instance.logs/v1", records=tuple(self._records), fields=_FIELDS, blocks=(Lines(()),)
            )
            self._ui.show(answer)

    def _line(self, file: LogFile, line: bytes) -> None:
        text = line.decode("utf-8", errors="replace").removesuffix("\r")
        if self._form is not Format.TABLE:
            record: Record = {
                "kind": "line",
                "task": file.task,
                "attempt": file.attempt,
                "try": file.number,
                "text": text,
            }
            if self._form is Format.NDJSON:
                sys.stdout.write(to_json(record) + "\n")
            else:
                self._records.append(record)
            return
        if self._shown != file.attempt:
            self._shown = file.attempt
            sys.stdout.flush()
            self._ui.say(f"--- {file.task}, try {file.number} ({file.attempt})")
        sys.stdout.write((printable(text.expandtabs()) if self._is_terminal else text) + "\n")
