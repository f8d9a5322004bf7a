"""The dashboard in a browser: who gets in, what a visitor may do, and that nobody stays behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tui.chromium_kit import CHROMIUM, chromium
from tui.serving_kit import PRODUCT, browser, environ_of, gone, served, visit, words_of
from tui.tui_kit import worked
from yarl import URL

from mtctl.cli.main import run
from mtctl.cli.tree import command_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui.serving_kit import Served

TOKEN = "a-token-of-24-characters"  # noqa: S105 - of a test


@pytest.fixture(scope="module")
def server(seen: Path) -> Iterator[Served]:
    """A server that only looks, with a token of its own."""
    with served(seen) as found:
        yield found


async def ask(server: Served, path: str, **headers: str) -> tuple[int, str, aiohttp.typedefs.LooseHeaders]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(server.base + path, encoded=True), headers=headers, allow_redirects=False) as answer,
    ):
        return answer.status, await answer.text(), answer.headers


@pytest.mark.parametrize(
    "path", ["/", "/?token=wrong", "/?token=", "/ws", "/static/js/textual.js", "/page/page.js", "/download/x", "/no"]
)
def test_without_the_token_nothing_is_shown(server: Served, path: str) -> None:
    status, text, headers = asyncio.run(ask(server, path, Origin=server.base))
    assert status == 401
    assert "flights" not in text
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("path", ["/", "/ws", "/static/js/textual.js", "/download/x"])
def test_a_strange_name_and_a_strange_page_get_nothing_even_with_the_token(server: Served, path: str) -> None:
    path = f"{path}?token={server.token}"
    assert asyncio.run(ask(server, path, Host="evil.example"))[0] == 403
    assert asyncio.run(ask(server, path, Origin="http://evil.example"))[0] == 403


def test_the_token_is_taken_out_of_the_address_and_a_seal_is_kept(server: Served) -> None:
    status, _, headers = asyncio.run(ask(server, f"/?token={server.token}"))
    assert (status, headers["Location"]) == (303, "/")
    cookie = headers["Set-Cookie"]
    assert server.token not in cookie
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))


def test_the_page_is_whole_and_asks_no_other_host(server: Served) -> None:
    async def read() -> None:
        async with browser(server) as session:
            seen, left = set(), ["/"]
            while left:
                path = left.pop()
                seen.add(path)
                async with session.get(server.base + path) as answer:
                    assert answer.status == 200, path
                    policy = answer.headers["Content-Security-Policy"]
                    if path.endswith(".ttf"):
                        continue
                    text = await answer.text()
                assert "default-src 'none'" in policy
                assert server.token not in text
                found = re.findall(r"""(?:src|href)\s*=\s*"([^"]+)"|url\("([^"]+)"\)""", text)
                left += [link for pair in found for link in pair if link.startswith("/") and link not in seen]
                if path == "/" or path.startswith("/page/"):
                    assert "http" not in text.replace('"https:"', "")
            assert {"/page/page.js", "/static/js/textual.js", "/static/css/xterm.css"} <= seen
            assert sum(path.endswith(".ttf") for path in seen) == 2

    asyncio.run(read())


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e/server.py", "/page/..%2fapp.py", "/static/"])
def test_only_the_files_of_the_page_are_served(server: Served, path: str) -> None:
    status, text, _ = asyncio.run(ask(server, f"{path}?token={server.token}"))
    assert status in {403, 404}
    assert "import" not in text


def test_a_visitor_sees_the_tables_and_has_no_verbs(server: Served) -> None:
    async def look() -> None:
        async with visit(server) as seen:
            await seen.until(lambda drawn: all(word in drawn for word in ("months", "failing", "read-only", "✘")))
            (pid,) = server.visitors()
            assert "--read-only" in words_of(pid)
            assert not any(server.token in word for word in (*words_of(pid), *environ_of(pid)))
            await seen.keys("?")
            shown = (await seen.until(lambda drawn: "Turn the order round" in drawn)).split("months")[-1]
            assert "Refresh" not in shown
            await seen.keys("\x1b")
            await seen.socket.send_json(["resize", {"width": 61, "height": 21}])
            await seen.socket.send_json(["ping", "7"])
            seen.drawn = ""
            await seen.until(lambda _: "\x1b[21;" in seen.drawn)
            assert seen.told == [["pong", "7"]]
        await gone([pid])

    asyncio.run(look())


def test_what_makes_no_sense_does_no_harm(server: Served) -> None:
    async def look() -> None:
        async with visit(server, "width=x&height=99999999999") as seen:
            await seen.until(lambda drawn: "months" in drawn)
            for said in (
                5, [], {}, ["stdin"], ["stdin", 7], ["resize", {}], ["resize", {"width": "1", "height": None}], ["no"],
                ["blur"], ["resize", {"width": 10**12, "height": -4}], ["stdin", "\ud800"], ["ping", {"a": 1}],
            ):  # fmt: skip
                await seen.socket.send_json(said)
            await seen.socket.send_json(["resize", {"width": 80, "height": 24}])
            await seen.socket.send_json(["ping", "still here"])
            await seen.until(lambda _: ["pong", "still here"] in seen.told)
            await seen.socket.send_str("{no json")
            await seen.closed()

    asyncio.run(look())


def test_who_leaves_by_a_key_or_by_closing_leaves_no_process(server: Served) -> None:
    async def look() -> None:
        async with visit(server) as seen:
            await seen.until(lambda drawn: "months" in drawn)
            pids = server.visitors()
            assert len(pids) == 1
            await seen.keys("q")
            assert await seen.closed() == 1000
        async with visit(server) as seen:
            pids += server.visitors()
        await gone(pids)

    asyncio.run(look())


def test_no_more_than_so_many_look_at_once(seen: Path) -> None:
    async def look(server: Served) -> None:
        async with visit(server) as first:
            await first.until(lambda drawn: "months" in drawn)
            async with visit(server) as second:
                assert await second.closed() == 1013
                assert "1 visitors" in second.drawn
            assert len(server.visitors()) == 1

    with served(seen, "--visitors=1", "--no-token") as server:
        assert server.address.endswith("/")
        asyncio.run(look(server))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)])
def test_the_visitors_end_with_the_server(seen: Path, number: int, code: int) -> None:
    async def look(server: Served) -> list[int]:
        async with visit(server) as one, visit(server) as two:
            for each in (one, two):
                await each.until(lambda drawn: "months" in drawn)
            pids = server.visitors()
            assert len(pids) == 2
            ended, said = await asyncio.to_thread(server.end, number)
            assert ended == code, said
            assert "Traceback" not in said
            await gone(pids)
        return pids

    with served(seen) as server:
        asyncio.run(look(server))


def test_verbs_and_a_secret_of_ones_own_in_a_folder_with_an_odd_name(tmp_path: Path) -> None:
    root = tmp_path / """it's "$(touch pwned)" & more"""
    worked(root)

    async def look(server: Served) -> None:
        assert TOKEN not in server.address
        server.address += f"?token={TOKEN}"
        async with visit(server) as seen:
            shown = await seen.until(lambda drawn: "months" in drawn and "Refresh" in drawn)
            assert "read-only" not in shown
            (pid,) = server.visitors()
            assert not any(TOKEN in word for word in (*words_of(pid), *environ_of(pid)))
        await gone([pid])

    with served(root, "--allow-verbs", "--token=env:MY_TOKEN", environ={"MY_TOKEN": TOKEN, "LANG": "C"}) as server:
        asyncio.run(look(server))
        assert not any(TOKEN in word for word in words_of(server.process.pid))
        assert server.end()[0] == 0
    assert not list(tmp_path.rglob("pwned"))
    assert not (PRODUCT / "pwned").exists()


def test_what_is_exported_goes_to_the_browser_and_no_file_is_written_here(server: Served) -> None:
    async def look() -> None:
        async with visit(server) as seen, browser(server) as session:
            await seen.until(lambda drawn: "months" in drawn)
            await seen.keys("e")
            await seen.until(lambda drawn: "export to a new file" in drawn and "tables.csv" in drawn)
            await seen.keys("/mine.csv")  # behind the name that is proposed
            await seen.until(lambda drawn: "tables.csv/mine.csv" in drawn)
            await seen.keys("\r")
            await seen.until(lambda _: bool(seen.told))
            ((what, key),) = seen.told
            assert what == "deliver_file_start"
            async with session.get(f"{server.base}/download/{key}") as answer:
                assert "filename=mine.csv" in answer.headers["Content-Disposition"]
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "months" in await answer.text()
        assert not [*PRODUCT.glob("tables.csv"), *PRODUCT.glob("mine.csv")]

    asyncio.run(look())


def test_what_a_process_says_in_its_trouble_is_shown(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    worked(root)

    async def look(server: Served) -> None:
        (root / "mtctl.toml").write_text("nonsense = 1\n", encoding="utf-8")
        async with visit(server) as seen:
            await seen.closed()
            assert "error[key_unknown]" in seen.drawn

    with served(root) as server:
        asyncio.run(look(server))
        code, said = server.end()
    assert code == 0
    assert "a visitor's dashboard ended: error[key_unknown]" in said


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        ("--serve --host 0.0.0.0", 2, "token_missing"),
        ("--serve --host ::", 2, "token_missing"),
        ("--serve --host localhost.evil.example", 2, "token_missing"),
        ("--serve --host 192.0.2.1 --no-token", 2, "token_missing"),
        ("--serve --public-url https://a.example", 2, "token_missing"),
        ("--serve --public-url https://a.example/x --token env:SERVE_TOKEN", 2, "public_url"),
        ("--serve --public-url a.example --token env:SERVE_TOKEN", 2, "public_url"),
        ("--serve --token env:SERVE_TOKEN --no-token", 2, "option_conflict"),
        ("--serve --token env:SERVE_SHORT", 2, "token_short"),
        ("--serve --token a-token-itself-not-a-name", 7, "secret_reference"),
        ("--serve --token env:SERVE_NONE", 7, "secret_missing"),
        ("--serve --read-only --allow-verbs", 2, "option_conflict"),
        ("--serve --theme nonsense", 2, "theme_unknown"),
        ("--serve --host 192.0.2.1 --token env:SERVE_TOKEN", 2, "serve_address"),
        ("--port 0", 2, "option_conflict"),
        ("--allow-verbs", 2, "option_conflict"),
        ("--public-url https://a.example", 2, "option_conflict"),
    ],
)
def test_what_is_not_safe_is_refused_in_a_line(
    seen: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, code: int, error: str
) -> None:
    monkeypatch.setenv("SERVE_TOKEN", TOKEN)
    monkeypatch.setenv("SERVE_SHORT", "short-one")
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert run(["-C", str(seen), "ui", *words.split()]) == code
    signal.signal(signal.SIGINT, before[0])
    signal.signal(signal.SIGTERM, before[1])
    said = capsys.readouterr()
    assert said.err.startswith(f"error[{error}]:")
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert TOKEN not in said.err
    assert "not-a-name" not in said.err


def test_a_port_that_is_taken_is_told(server: Served, seen: Path) -> None:
    port = server.host.rpartition(":")[2]
    done = _mtctl("-C", str(seen), "ui", "--serve", f"--port={port}")
    assert done.returncode == 75
    assert done.stderr.startswith("error[serve_taken]:")


def test_without_the_extra_it_says_what_to_install(seen: Path) -> None:
    code = (
        "import sys; sys.modules['textual_serve'] = None; from mtctl.cli.main import run; sys.exit(run(sys.argv[1:]))"
    )
    words = ["-C", str(seen), "ui", "--serve"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, cwd=PRODUCT, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error[serve_missing]:")
    assert "pip install 'mtctl[serve]'" in done.stderr


def test_neither_the_terminal_nor_a_visitor_loads_the_server(seen: Path) -> None:
    code = """
import json, sys
from mtctl.cli.main import run
assert run(sys.argv[1:]) == 0
print(json.dumps([name for name in ("aiohttp", "textual_serve", "duckdb") if name in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "-C", str(seen), "ui", "--read-only"],
        capture_output=True,
        check=True,
        cwd=PRODUCT,
        env=os.environ | {"TEXTUAL_DRIVER": "mtctl.tui.web.driver:VisitorDriver"},
        input=b"D\x00\x00\x00\x01q",
        timeout=60,
    )
    assert done.stdout.endswith(b"[]\n")


def test_every_option_of_the_look_reaches_a_visitor() -> None:
    """Whoever gives `ui` an option says here whether it belongs to the server or to each dashboard."""
    (node,) = (node for node in command_tree().commands if node.name == "ui")
    server = {"serve", "host", "port", "token", "no_token", "public_url", "allow_verbs", "visitors"}
    passed = {"first", "palette", "theme", "read_only", "ascii_"}
    needless = {"fresh"}  # the view of a visitor is never kept
    everywhere = {"directory", "output", "color", "quiet", "verbose", "debug", ""}
    assert {option.param for option in node.options} - everywhere == server | passed | needless


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_draws_it_and_its_keys_arrive(server: Served, tmp_path: Path) -> None:
    async def look() -> bytes:
        async with chromium(tmp_path / "profile") as tab:
            await tab.open(server.address)
            await tab.until(lambda text: all(word in text for word in ("months", "failing", "read-only")))
            picture = await tab.picture()
            await tab.type("3")
            await tab.until(lambda text: "WHAT" in text)
            assert await tab.value("location.href") == f"{server.base}/"
            assert await tab.value("document.cookie") == "", "a script cannot read it"
            assert await tab.value("document.fonts.check('16px \"Roboto Mono\"')") is True
            assert {URL(address).host for address in tab.asked} == {"127.0.0.1"}
            assert tab.trouble == []
            assert await tab.picture() != picture
            await tab.type("q")
            await tab.until(lambda text: "This visit has ended." in text)
            return picture

    picture = asyncio.run(look())
    (tmp_path / "page.png").write_bytes(picture)
    assert len(picture) > 10_000, "nothing is drawn"


def _mtctl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mtctl", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=PRODUCT,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )
