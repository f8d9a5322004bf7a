"""One word and one strip for a table."""

from __future__ import annotations

import pytest
from worlds import DAYS, WHOLE_SET, days, definition, view

from mtctl.core.health import ASCII, UNICODE, Health, coverage_strip, health
from mtctl.core.interval import EMPTY, WHOLE
from mtctl.core.ledger import Coverage, Stale
from mtctl.core.states import Outcome

FRESH = view(definition(), now=10, fresh=days(0, 10))
LATE = view(definition(), now=10, fresh=days(0, 9))
STALE = view(definition(), now=10, fresh=days(0, 9), stale=[(9, 10, "r")])
ALL_STALE = view(definition(), now=10, stale=[(0, 10, "r")])
NEVER = view(definition(), now=10)
FUTURE = view(definition(start=20), now=10)
EXTRA = view(definition(end=5), now=10, fresh=days(0, 5), stale=[(5, 6, "r")])


@pytest.mark.parametrize(
    ("table", "outcome", "running", "expected"),
    [
        (FRESH, Outcome.SUCCESS, False, Health.FRESH),
        (FRESH, None, False, Health.FRESH),
        (FRESH, Outcome.FAILED, False, Health.FRESH),
        (EXTRA, Outcome.FAILED, False, Health.FRESH),
        (LATE, Outcome.SUCCESS, False, Health.LATE),
        (STALE, Outcome.SUCCESS, False, Health.LATE),
        (ALL_STALE, Outcome.SUCCESS, False, Health.LATE),
        (LATE, Outcome.FAILED, False, Health.FAILING),
        (LATE, Outcome.TIMED_OUT, False, Health.FAILING),
        (LATE, Outcome.LOST, False, Health.FAILING),
        (LATE, Outcome.FAILED, True, Health.LATE),
        (LATE, Outcome.CANCELLED, False, Health.LATE),
        (LATE, Outcome.SUPERSEDED, False, Health.LATE),
        (NEVER, None, False, Health.NEVER),
        (NEVER, Outcome.FAILED, False, Health.FAILING),
        (NEVER, Outcome.FAILED, True, Health.NEVER),
        (FUTURE, None, False, Health.NEVER),
    ],
)
def test_health_in_one_word(table, outcome, running, expected):
    assert health(table, outcome, running=running) is expected


def strip(wanted, fresh, width, *stale, glyphs=ASCII):
    marks = tuple(Stale(interval=interval, reason="r") for one in stale for interval in one)
    return coverage_strip(wanted, Coverage(table_id=1, fresh=fresh, stale=marks), DAYS, width, glyphs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (strip(days(0, 10), days(0, 4), 10, days(4, 7)), "####~~~..."),
        (strip(days(0, 10), days(0, 4), 10, days(4, 7), glyphs=UNICODE), "████░░░···"),
        (strip(days(0, 10), days(0, 4), 5, days(4, 7)), "##~+."),
        (strip(days(0, 10), days(0, 3), 5), "#+..."),
        (strip(days(0, 10), days(0, 10), 4), "####"),
        (strip(days(0, 2), days(0, 1), 6), "###..."),
        (strip(days(0, 3), days(1, 2), 4), "..#."),
        (strip(days(0, 365), days(0, 364), 10), "#########+"),
        (strip(days(0, 2) | days(4, 6), days(0, 2), 6), "##  .."),
        (strip(EMPTY, days(0, 3), 10), ""),
        (strip(days(0, 3), days(0, 3), 0), ""),
    ],
)
def test_a_strip_shows_the_wanted_range_in_cells(text, expected):
    assert text == expected


def test_a_whole_table_is_one_cell_drawn_wide():
    fresh = Coverage(table_id=1, fresh=WHOLE_SET)
    stale = Coverage(table_id=1, stale=(Stale(interval=WHOLE, reason="r"),))
    assert coverage_strip(WHOLE_SET, fresh, None, 4, ASCII) == "####"
    assert coverage_strip(WHOLE_SET, stale, None, 4, ASCII) == "~~~~"
    assert coverage_strip(WHOLE_SET, Coverage(table_id=1), None, 4, ASCII) == "...."
