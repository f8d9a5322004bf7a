"""A dashboard that is served by a process of its own, and visitors that speak as a browser's page does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

import mtctl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

PRODUCT = Path(mtctl.__file__).parents[1]
PATIENCE = 30.0

_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Served:
    """A running server."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        parts = urlsplit(address)
        self.base = f"{parts.scheme}://{parts.netloc}"
        self.host = parts.netloc
        self.token = parts.query.removeprefix("token=")

    def visitors(self) -> list[int]:
        """Return the processes of those who look."""
        return children(self.process.pid)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said


@contextmanager
def served(root: Path, *words: str, environ: dict[str, str] | None = None) -> Iterator[Served]:
    """Serve the dashboard of a project at a free port while this lasts."""
    with subprocess.Popen(
        [sys.executable, "-m", "mtctl", "-C", str(root), "ui", "--serve", "--port=0", *words],
        cwd=PRODUCT,
        env=os.environ | (environ or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            address = process.stdout.readline().strip()
            assert address, process.stderr.read()
            yield Served(process, address)
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=PATIENCE)


class Visit:
    """One websocket, and what was drawn on it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.drawn = ""
        self.told: list[object] = []

    async def until(self, holds: Callable[[str], bool]) -> str:
        """Read until what was drawn holds something, colours and places left aside; return all of it."""
        text = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not holds(text := _SEQUENCE.sub("", self.drawn)):
                    message = await self.socket.receive()
                    assert message.type not in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING}, text
                    self._take(message)
        assert holds(text), text
        return text

    async def closed(self) -> int | None:
        """Read to the end; return its code."""
        async with asyncio.timeout(PATIENCE):
            async for message in self.socket:
                self._take(message)
        return self.socket.close_code

    async def keys(self, keys: str) -> None:
        await self.socket.send_json(["stdin", keys])

    def _take(self, message: aiohttp.WSMessage) -> None:
        if message.type is aiohttp.WSMsgType.BINARY:
            self.drawn += message.data.decode("utf-8", "replace")
        elif message.type is aiohttp.WSMsgType.TEXT:
            self.told.append(json.loads(message.data))


@asynccontextmanager
async def browser(server: Served) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session that came with the token and keeps the cookie."""
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of addresses without a name
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        async with session.get(server.address) as answer:
            assert answer.status == 200
        yield session


@asynccontextmanager
async def visit(server: Served, size: str = "width=100&height=30") -> AsyncIterator[Visit]:
    """Open the dashboard as the page does."""
    async with (
        browser(server) as session,
        session.ws_connect(f"{server.base}/ws?{size}", origin=server.base, max_msg_size=0) as socket,
    ):
        await socket.send_json(["focus"])
        yield Visit(socket)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def words_of(pid: int) -> list[str]:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")


def environ_of(pid: int) -> list[str]:
    """Return what is in the environment of a process."""
    return Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")


def alive(pid: int) -> bool:
    """Return whether a process runs; one that only waits for its parent does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


async def gone(pids: list[int]) -> None:
    """Wait until all of them have ended."""
    async with asyncio.timeout(PATIENCE):
        while any(alive(pid) for pid in pids):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.05)
