"""Floor 4. What a command talks with: its global options, stdout for data, stderr for talk, and the project.

Data never goes to stderr and talk never to stdout, whatever the format.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtctl.cli.output import Format, write_answer
from mtctl.cli.paint import Paint, When, speaks_unicode, wants_color
from mtctl.core.errors import usage
from mtctl.core.names import printable
from mtctl.core.values import frozen
from mtctl.core.words import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TextIO

    from mtctl.app import App
    from mtctl.cli.answer import Answer
    from mtctl.cli.stop import Stop
    from mtctl.ports.engine import QueryResult


@frozen
class Settings:
    """The global options of one call, those before the command and those behind it joined."""

    directory: Path | None = None
    output: Format = Format.TABLE
    color: When = When.AUTO
    quiet: bool = False
    verbose: bool = False
    debug: bool = False


def settings_of(chosen: Mapping[str, Any]) -> Settings:
    """Return the global options from their texts by parameter name; what is absent or None has its default."""
    directory = chosen.get("directory")
    return Settings(
        directory=Path(directory) if directory else None,
        output=Format(chosen.get("output") or Format.TABLE),
        color=When(chosen.get("color") or When.AUTO),
        quiet=bool(chosen.get("quiet")),
        verbose=bool(chosen.get("verbose")),
        debug=bool(chosen.get("debug")),
    )


@frozen
class Shell:
    """One call of the program: its words, its signals, and the way to the project (the module `mtctl.app`)."""

    argv: tuple[str, ...]
    stop: Stop
    roof: Callable[[], Any]
    now: Callable[[], int]


@frozen
class Ui:
    """The terminal side of one command."""

    settings: Settings
    shell: Shell

    @contextmanager
    def project(self) -> Iterator[App]:
        """Open the project of this call; a signal stops its work while it is open."""
        with self.shell.roof().open_app(self.settings.directory, self.say) as app:
            self.shell.stop.work = app
            try:
                yield app
            finally:
                self.shell.stop.work = None

    def show(self, answer: Answer) -> None:
        """Write an answer to stdout in the chosen format, and its warnings to stderr for people."""
        write_answer(
            answer,
            self.settings.output,
            sys.stdout,
            self._paint(sys.stdout),
            terminal=_is_terminal(sys.stdout),
            generated_at=self._generated_at(),
        )
        if self.settings.output is not Format.JSON:
            for warning in answer.warnings:
                self.say(f"warning: {warning}")

    def stream(self, result: QueryResult, *, schema: str = "mtctl.query.result/v1") -> int:
        """Write a query result to stdout while it comes; return the number of rows."""
        from mtctl.cli.stream import write_result  # only queries stream

        return write_result(
            result,
            self.settings.output,
            sys.stdout,
            self._paint(sys.stdout),
            terminal=_is_terminal(sys.stdout),
            generated_at=self._generated_at(),
            schema=schema,
        )

    def say(self, text: str) -> None:
        """Tell a hint or a notice on stderr, unless `--quiet`."""
        if not self.settings.quiet:
            sys.stderr.write(printable(text) + "\n")
            sys.stderr.flush()

    def say_drawn(self, text: str) -> None:
        """Write a line to stderr that is painted and escaped already."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def detail(self, text: str) -> None:
        """Tell something on stderr that only `--verbose` wants to hear."""
        if self.settings.verbose:
            self.say(text)

    def confirm(self, question: str) -> bool:
        """Ask a yes-or-no question, default no.

        Without a terminal nothing is asked and nothing assumed: usage error `confirmation_missing` with the command to
        run instead.
        """
        if not self.can_ask:
            from shlex import join  # only this mistake needs it

            command = join(("mtctl", *self.shell.argv, "--yes"))
            raise usage("confirmation_missing", f"'{question}' needs an answer and there is no terminal", fix=command)
        sys.stderr.write(f"{printable(question)} [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer a question."""
        return _is_terminal(sys.stdin) and _is_terminal(sys.stderr)

    @property
    def talks_to_terminal(self) -> bool:
        """Whether stderr is a terminal that progress may be drawn on."""
        return _is_terminal(sys.stderr) and not self.settings.quiet and os.environ.get("TERM") != "dumb"

    def paint_talk(self) -> Paint:
        """Return how to draw on stderr."""
        return self._paint(sys.stderr)

    def _paint(self, stream: TextIO) -> Paint:
        color = wants_color(self.settings.color, os.environ, terminal=_is_terminal(stream))
        return Paint(color=color, unicode=speaks_unicode(os.environ))

    def _generated_at(self) -> str | None:
        return rfc3339(self.shell.now()) if self.settings.output is Format.JSON else None


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty()
