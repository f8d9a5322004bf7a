"""A headless Chromium with one tab, driven by its debugging protocol; what the page's terminal shows comes as text."""

from __future__ import annotations

import asyncio
import base64
import re
import shutil
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

CHROMIUM = shutil.which("chromium")
PATIENCE = 60.0

_WORDS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=1100,700",
    "--remote-debugging-port=0",
)  # fmt: skip

_SPY = """
Object.defineProperty(Object.prototype, "_core", {
  configurable: true,
  set(core) {
    Object.defineProperty(this, "_core", { value: core, writable: true, configurable: true });
    if (core && core.buffer) window.drawn = window.drawn || this;
  },
});
"""
"""The terminal of the page is nobody's variable: it is caught when it is made."""

_TEXT = """
(() => {
  const lines = [document.body ? document.body.innerText : ""];
  const buffer = window.drawn && window.drawn.buffer.active;
  for (let at = 0; buffer && at < buffer.length; at++) lines.push(buffer.getLine(at).translateToString(true));
  return lines.join("\\n");
})()
"""


class Tab:
    """The one tab. `asked` are the addresses that it loaded, `trouble` what it complained of."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.asked: list[str] = []
        self.trouble: list[str] = []

    async def call(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol and return its answer."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            async with asyncio.timeout(PATIENCE):
                found = await self._socket.receive_json()
            if found.get("id") == number:
                return found["result"]
            self._hear(found.get("method", ""), found.get("params", {}))

    async def open(self, address: str) -> None:
        for part in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{part}.enable")
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=_SPY)
        await self.call("Page.navigate", url=address)

    async def value(self, expression: str) -> Any:
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def until(self, holds: Callable[[str], bool]) -> str:
        """Wait until what is shown holds something."""
        text = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while not holds(text):
                    await asyncio.sleep(0.1)
                    text = str(await self.value(_TEXT))
        assert holds(text), text
        return text

    async def type(self, text: str) -> None:
        """Press keys; no click comes before."""
        for letter in text:
            await self.call("Input.dispatchKeyEvent", type="keyDown", text=letter, key=letter)
            await self.call("Input.dispatchKeyEvent", type="keyUp", key=letter)

    async def picture(self) -> bytes:
        """Return what is seen, as PNG."""
        await asyncio.sleep(0.5)  # the page fades in
        return base64.b64decode((await self.call("Page.captureScreenshot"))["data"])

    def _hear(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.asked.append(params["url"])
        elif method == "Runtime.exceptionThrown":
            self.trouble.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.trouble.append(str(params["entry"]))


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Tab]:
    """Start it with a profile of its own, and end it."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        *_WORDS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            base = await _base(process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{base}/json") as answer:
                (page,) = (found for found in await answer.json() if found["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Tab(socket)
    finally:
        process.terminate()
        await process.communicate()


async def _base(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        if found := re.search(r"ws://([^/]+)/", line):
            return f"http://{found[1]}"
    raise AssertionError("chromium did not start")
