"""Floor 4. One visitor of the dashboard in a browser: a process of its own, and the pipes between it and a websocket.

Its command is a list of words and goes through no shell. It ends with its websocket, and at the latest with the server.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual_serve.app_service import AppService

from mtctl.core.names import printable
from mtctl.tui.web.driver import DRIVER

if TYPE_CHECKING:
    from asyncio import StreamReader
    from asyncio.subprocess import Process
    from collections.abc import Callable, Mapping

    from aiohttp.web import WebSocketResponse
    from textual_serve.download_manager import DownloadManager

LARGEST = 1000
"""Columns or lines of a screen at most, whatever a browser asks for."""

LEAVING_SECONDS = 3.0
"""How long a visitor's process may take to leave when asked, and again when told by a signal."""

ERROR_BYTES = 4096
"""How much of what a process says in its trouble is kept: the end of it."""

_READY = b"__GANGLION__\n"
_READY_LINES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How the process of a visitor is started."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]


def visitor_environ(environ: Mapping[str, str], *, without: str | None) -> dict[str, str]:
    """Return the environment of a visitor's process, `without` the variable that holds the token.

    A browser speaks Unicode and every colour, whatever the terminal does that the server was started in.
    """
    here = str(Path(__file__).resolve().parents[3])
    before = environ.get("PYTHONPATH")
    return {name: value for name, value in environ.items() if name != without} | {
        "PYTHONPATH": here if not before else f"{here}{os.pathsep}{before}",
        "TEXTUAL_DRIVER": DRIVER,
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }


class Visitor(AppService):
    """The process of one visitor."""

    def __init__(
        self, call: Call, socket: WebSocketResponse, downloads: DownloadManager, say: Callable[[str], None]
    ) -> None:
        """Start nothing yet; `say` tells the operator of the server what the process says in its trouble."""
        super().__init__(
            shlex.join(call.argv),
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=lambda: _closed(socket),
            download_manager=downloads,
        )
        self._call = call
        self._say = say
        self._heard = b""
        self._ending: asyncio.Task[None] | None = None

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the process a new size, within reason."""
        await super().set_terminal_size(within(width), within(height))

    async def stop(self) -> None:
        """End the process: asked, then told, then killed; whoever calls this waits until it is gone."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def run(self) -> None:
        """Carry what the process draws to the browser until it ends, and then why it did."""
        process = self._process
        if process is None or process.stdout is None or process.stderr is None:
            return
        hearing = asyncio.create_task(self._hear(process.stderr))
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
                if await _is_ready(process.stdout):
                    await self._relay(process.stdout)
            await _ended(process, LEAVING_SECONDS)
            await asyncio.wait({hearing}, timeout=LEAVING_SECONDS)
        finally:
            hearing.cancel()
        with suppress(ConnectionError, RuntimeError):  # the browser may have gone before
            if self._heard:
                await self._tell(self._heard.decode("utf-8", "replace").strip().splitlines())
            await self.remote_close()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        size = {"COLUMNS": str(within(width)), "ROWS": str(within(height))}
        self._process = process = await asyncio.create_subprocess_exec(
            *self._call.argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self._call.environ, **size},
            start_new_session=True,  # Ctrl-C in the server's terminal is for the server
        )
        self._stdin = process.stdin
        return process

    async def _relay(self, stdout: StreamReader) -> None:
        while True:
            kind = await stdout.readexactly(1)
            payload = await stdout.readexactly(int.from_bytes(await stdout.readexactly(4), "big"))
            if kind == b"D":
                await self.on_data(payload)
            elif kind == b"M":
                await self.on_meta(payload)
            elif kind == b"P":
                await self.on_packed(payload)

    async def _hear(self, stderr: StreamReader) -> None:
        while data := await stderr.read(ERROR_BYTES):
            self._heard = (self._heard + data)[-ERROR_BYTES:]

    async def _tell(self, lines: list[str]) -> None:
        self._say(f"a visitor's dashboard ended: {' '.join(lines)}")
        text = "\r\n".join(printable(line) for line in lines)
        await self.remote_write_bytes(b"\x1b[?1049l\x1b[2J\x1b[H" + text.encode())

    async def _end(self) -> None:
        process, task = self._process, self._task
        if process is None or task is None:
            return
        await self._download_manager.cancel_app_downloads(self.app_service_id)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.send_meta({"type": "quit"}), 1)
        self.stdin.close()
        for last in (process.terminate, process.kill):
            if await _ended(process, LEAVING_SECONDS):
                break
            with suppress(ProcessLookupError):
                last()
        await process.wait()
        await asyncio.wait({task}, timeout=1)
        task.cancel()


async def _closed(socket: WebSocketResponse) -> None:
    await socket.close()


def within(cells: int) -> int:
    """Return a number of columns or lines that a screen may have."""
    return max(1, min(cells, LARGEST))


async def _is_ready(stdout: StreamReader) -> bool:
    for _ in range(_READY_LINES):
        line = await stdout.readline()
        if line == _READY:
            return True
        if not line:
            break
    return False


async def _ended(process: Process, seconds: float) -> bool:
    try:
        await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        return False
    return True
