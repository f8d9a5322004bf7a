from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from tui.tui_kit import worked

from mtctl.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path


class _Checker(HTMLParser):
    """Every tag is closed in its turn, and nothing is loaded from anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as it is called
        self.loads += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a project with trouble in it."""
    root = tmp_path_factory.mktemp("report") / "shop"
    worked(root)
    path = root.parent / "report.html"
    assert run(["-C", str(root), "report", "--html", str(path), "-q"]) == 0
    return path


def test_the_page_tells_tables_failures_and_intervals(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "✘ failing" in text
    assert "no such luck" in text
    assert "workflow run nightly" in text
    assert re.search(r"2013-01 +<span class=\"ok\">••••</span>", text)
    assert "mtctl instance show" in text


def test_the_page_is_whole_and_loads_nothing(page: Path) -> None:
    checker = _Checker()
    checker.feed(page.read_text(encoding="utf-8"))
    assert checker.open == []
    assert checker.loads == []
    assert "<script" not in page.read_text(encoding="utf-8")


def test_a_file_that_cannot_be_written_is_an_error_in_one_line(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = page.parent / "shop"
    assert run(["-C", str(root), "report", "--html", str(root / "nowhere/x.html")]) == 2
    assert capsys.readouterr().err.startswith("error[report_write]:")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_shows_it(page: Path, tmp_path: Path) -> None:
    shot = tmp_path / "page.png"
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--screenshot={shot}", "--window-size=1100,900",
         f"file://{page}"],
        check=True, capture_output=True, timeout=90,
    )  # fmt: skip
    assert shot.stat().st_size > 10_000
