"""What everything is drawn in where a terminal has ASCII only."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from mtctl.tui.drawn.ascii import SIGNS, Ascii, ascii_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("‹ daily – 3h late", "< daily - 3h late"),
        ("╸━━╺━━━", " -- ---"),
        ("日本", "????"),
        ("\N{WARNING SIGN}\N{VARIATION SELECTOR-16} late", None),
        ("\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL} family", None),
        ("a\N{ZERO WIDTH JOINER}b", None),
        ("e\N{COMBINING ACUTE ACCENT}t\N{LATIN SMALL LETTER E WITH ACUTE}", None),
    ],
)
def test_a_text_in_ascii_has_as_many_cells(text: str, shown: str | None) -> None:
    found = ascii_of(text)
    assert found.isascii()
    assert cell_len(found) == cell_len(text)
    assert shown is None or found == shown


def test_each_sign_has_one_of_one_cell() -> None:
    assert {len(str(to)) for to in SIGNS.values()} == {1}
    assert {cell_len(chr(sign)) for sign in SIGNS} == {1}


def test_a_line_keeps_its_styles() -> None:
    line = [Segment("✔ ", Style(bold=True)), Segment("ok")]
    assert Ascii().apply(line, Color(0, 0, 0)) == [Segment("+ ", Style(bold=True)), Segment("ok")]
