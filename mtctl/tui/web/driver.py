"""Floor 4. The screen of a dashboard that is seen in a browser: packets on pipes to the server that started it.

Textual's own driver for this goes on when its pipe is cut, as it is when the server is killed. Nobody could ever end
such a process from the browser, so this one leaves.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from textual.drivers.web_driver import WebDriver
from textual.events import AppFocus
from textual.messages import ExitApp

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVER = "mtctl.tui.web.driver:VisitorDriver"
"""What `TEXTUAL_DRIVER` says in the process of a visitor."""


def is_visitor(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this process draws for a browser, so that it needs no terminal."""
    return environ.get("TEXTUAL_DRIVER") == DRIVER


class VisitorDriver(WebDriver):
    """Draws for one visitor, and leaves with the server."""

    def start_application_mode(self) -> None:
        """Begin with somebody who looks: Textual's driver waits to be told, and is told before it listens."""
        super().start_application_mode()
        self._app.call_later(self._app.post_message, AppFocus())
        self._app.call_later(self._app.refresh_bindings)

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Take what the page tells; keys are not listed anew while nobody looks, so they are when somebody does."""
        super().on_meta(packet_type, payload)
        if packet_type == "focus":
            self._app.call_later(self._app.refresh_bindings)

    def run_input_thread(self) -> None:
        """Give keys and the mouse to the dashboard until the pipe ends, then end the dashboard."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(ExitApp())
