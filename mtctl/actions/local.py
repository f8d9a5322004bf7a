"""Floor 2. The actions port on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from threading import Event

    from mtctl.ports.actions import ActionResult, CommandRequest, HttpRequest


class LocalActions:
    """Runs programs and sends requests from this machine; any number at a time, each in its caller's thread."""

    def __init__(self, root: Path) -> None:
        """Keep the project's folder, which paths of secrets are taken from."""
        self._root = root

    def command(self, request: CommandRequest, stop: Event, on_group: Callable[[int, int], None]) -> ActionResult:
        """Run a program; see the port."""
        from mtctl.actions.command import run_command  # noqa: PLC0415 - not before the first program

        return run_command(request, stop, on_group)

    def http(self, request: HttpRequest, stop: Event) -> ActionResult:
        """Send a request; see the port."""
        from mtctl.actions.http import send  # noqa: PLC0415 - it loads the TLS library

        return send(request, stop, self._root)
