"""Clocks that were wrong: rewind brings back what one that was ahead has written, a daemon waits after a long jump."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from fakes import FakeClock
from flow_kit import Flows, new_ulid
from store_kit import noop

from mtctl.core.errors import MtctlError
from mtctl.core.pulse import TroubleKind
from mtctl.core.states import WorkflowState
from mtctl.services import jumps
from mtctl.services.daemon import Daemon
from mtctl.services.health import Pulses
from mtctl.services.jumps import Jumps
from mtctl.services.looks import Looks
from mtctl.services.pool import Pool
from mtctl.services.rewinding import Rewinds, is_needed
from mtctl.services.scheduler import Scheduler
from mtctl.services.why import Whys

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from threading import Event

    from mtctl.services.dispatcher import Dispatcher

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOW = 20_000 * DAY + 12 * HOUR  # a noon
YEAR = 365 * DAY
TWO = NOW - 10 * HOUR  # the newest fire of 0 2 * * *


@pytest.fixture
def flows(tmp_path: Path) -> Flows:
    return Flows(tmp_path, NOW - 3 * DAY)


def ahead(flows: Flows, *, by: int = YEAR) -> None:
    """Fire to NOW, then with a clock that is ahead, ask for a task then, and set the clock right."""
    flows.at(NOW)
    flows.finish()
    flows.at(NOW + by)
    flows.kit.add(noop(0))
    flows.clock.set_wall(NOW)


def rewinds(flows: Flows) -> Rewinds:
    return Rewinds(flows.kit.store, flows.clock, "ana")


def health(flows: Flows) -> list[tuple[TroubleKind, str]]:
    pulses = Pulses(flows.kit.store, flows.clock, Looks(flows.root / "looked", flows.clock))
    return [(trouble.kind, trouble.fix) for trouble in pulses.health().troubles]


# --- rewind -----------------------------------------------------------------------------------------------------------


def test_a_project_whose_clock_was_a_year_ahead_goes_on_at_once(flows: Flows) -> None:
    flows.create()
    ahead(flows)
    assert flows.row().last_fire_at == TWO + YEAR
    with pytest.raises(MtctlError, match="scheduler rewind"):
        flows.create("other")

    report = rewinds(flows).rewind()

    assert (report.done, report.ahead, report.tasks, report.instances) == (True, YEAR // SECOND, 2, 1)
    [moved] = report.workflows
    assert (moved.last_fire_at, moved.back_to, moved.fires_at) == (TWO + YEAR, TWO, TWO + DAY)
    row = flows.row()
    assert (row.last_fire_at, row.next_fire_at, row.due_at) == (TWO, TWO + DAY, TWO + DAY)
    flows.finish()
    flows.at(TWO + DAY)
    assert flows.fires()[-1] == TWO + DAY
    flows.create("other")


def test_looking_writes_nothing_and_says_the_same(flows: Flows) -> None:
    flows.create()
    ahead(flows)
    before = flows.kit.sql("SELECT last_now FROM project"), flows.row()
    found = rewinds(flows).look()
    assert (flows.kit.sql("SELECT last_now FROM project"), flows.row()) == before
    assert is_needed(found)
    assert not found.done
    assert rewinds(flows).rewind().workflows == found.workflows


def test_nothing_ahead_is_nothing_to_rewind(flows: Flows) -> None:
    flows.create()
    flows.create("hourly", "0 * * * *", jitter="30 minutes")
    flows.create("by_hand", None)
    flows.at(NOW)
    report = rewinds(flows).rewind()
    assert (is_needed(report), report.done, report.workflows) == (False, False, ())
    assert flows.events("clock_rewind") == []


def test_the_second_time_there_is_nothing_left(flows: Flows) -> None:
    flows.create()
    flows.create("jittered", "0 3 * * *", jitter="2 hours")
    ahead(flows)
    assert rewinds(flows).rewind().done
    assert not rewinds(flows).rewind().done


def test_the_event_names_who_and_what(flows: Flows) -> None:
    flows.create()
    ahead(flows)
    rewinds(flows).rewind()
    [(actor, detail)] = flows.events("clock_rewind")
    assert actor == "ana"
    assert json.loads(str(detail)) == {"ahead": YEAR // SECOND, "workflows": ["w"], "tasks": 2, "instances": 1}


def test_what_was_made_for_the_future_stays_and_is_not_made_again(flows: Flows) -> None:
    flows.create(schedule="0 2 * * *", overlap="allow")
    ahead(flows, by=2 * DAY)
    made = flows.fires()
    assert made[-1] == TWO + 2 * DAY
    rewinds(flows).rewind()
    for day in (1, 2, 3):
        flows.at(TWO + day * DAY)
    assert flows.fires() == [*made, TWO + DAY, TWO + 3 * DAY]
    assert flows.row().last_fire_at == TWO + 3 * DAY


def test_a_schedule_that_began_while_the_clock_was_ahead_fires_now(flows: Flows) -> None:
    flows.clock.set_wall(NOW + YEAR)
    flows.create()
    flows.clock.set_wall(NOW)
    assert flows.row().next_fire_at == TWO + YEAR + DAY
    [moved] = rewinds(flows).rewind().workflows
    assert (moved.last_fire_at, moved.back_to, moved.fires_at) == (None, None, TWO + DAY)


def test_a_fire_that_is_due_stays_due(flows: Flows) -> None:
    flows.create(overlap="allow")
    flows.at(TWO - 1)
    flows.clock.set_wall(NOW + YEAR)
    flows.kit.add(noop(0))
    flows.clock.set_wall(NOW)
    report = rewinds(flows).rewind()
    assert (report.done, report.workflows) == (True, ())
    flows.at(NOW)
    assert flows.fires()[-1] == TWO


def test_a_schedule_that_ended_by_the_wrong_clock_goes_on(flows: Flows) -> None:
    flows.create(end="2024-12-01")  # NOW is in October 2024
    ahead(flows)
    assert flows.row().state is WorkflowState.COMPLETED
    [moved] = rewinds(flows).rewind().workflows
    assert (moved.again, moved.fires_at) == (True, TWO + DAY)
    assert flows.row().state is WorkflowState.ENABLED


def test_a_schedule_that_has_ended_rightly_stays_so(flows: Flows) -> None:
    flows.create(end="2024-10-03")
    flows.at(NOW)
    assert flows.row().state is WorkflowState.COMPLETED
    flows.at(NOW + YEAR)
    flows.kit.add(noop(0))
    flows.clock.set_wall(NOW)
    assert rewinds(flows).rewind().workflows == ()
    assert flows.row().state is WorkflowState.COMPLETED


def test_a_disabled_workflow_keeps_silent_with_its_mark_moved_back(flows: Flows) -> None:
    flows.create()
    flows.at(NOW + YEAR)
    flows.verbs.edits.disable(["w"], actor="ana")
    flows.clock.set_wall(NOW)
    [moved] = rewinds(flows).rewind().workflows
    assert (moved.back_to, moved.fires_at) == (TWO, None)
    row = flows.row()
    assert (row.state, row.last_fire_at, row.next_fire_at) == (WorkflowState.DISABLED, TWO, None)


def test_a_schedule_that_starts_later_has_no_mark(flows: Flows) -> None:
    flows.create(start="2025-01-01")
    ahead(flows)
    [moved] = rewinds(flows).rewind().workflows
    assert moved.back_to is None
    assert flows.row().last_fire_at is None
    assert moved.fires_at is not None
    assert moved.fires_at > NOW + 60 * DAY


def test_a_house_that_was_full_ahead_is_asked_again_now(flows: Flows) -> None:
    flows.create(misfire="all", misfire_cap=1, overlap="allow")
    flows.at(TWO - DAY)
    flows.clock.set_wall(NOW + YEAR)
    flows.scheduler.tick()  # its one open instance leaves no room: due again, a year ahead
    flows.clock.set_wall(NOW)
    row = flows.row()
    assert (row.next_fire_at or 0) <= NOW < (row.due_at or 0)
    assert rewinds(flows).rewind().done
    assert (flows.row().due_at or 0) <= NOW
    flows.finish()
    flows.at(NOW)
    assert flows.fires()[-1] == row.next_fire_at


def test_health_and_why_name_the_command_until_it_is_done(flows: Flows) -> None:
    flows.create()
    ahead(flows)
    [(kind, fix)] = health(flows)[:1]
    assert (kind, "`mtctl scheduler rewind`" in fix) == (TroubleKind.CLOCK, True)
    whys = Whys(flows.project, flows.kit.store, flows.clock, Looks(flows.root / "looked", flows.clock), lambda _: True)
    root = whys.why("w").why.root
    assert "clock behind" in root.text
    assert "`mtctl scheduler rewind`" in root.fix
    rewinds(flows).rewind()
    assert TroubleKind.CLOCK not in [kind for kind, _ in health(flows)]
    assert "clock" not in whys.why("w").why.root.text


def test_health_sees_a_newest_time_that_no_event_bears(flows: Flows) -> None:
    flows.clock.set_wall(NOW + YEAR)
    with flows.kit.store.write() as tx:
        tx.beat(flows.kit.holder)
    flows.clock.set_wall(NOW)
    assert [kind for kind, _ in health(flows)] == [TroubleKind.CLOCK]


# --- jumps ------------------------------------------------------------------------------------------------------------


def test_time_that_passes_is_no_jump() -> None:
    clock = FakeClock(NOW)
    seen = Jumps(clock)
    clock.advance(30 * 86_400)  # asleep: the time since boot counts it
    assert (seen.look(), seen.holds) == (0, False)
    clock.set_wall(clock.now() + 4 * MINUTE)
    assert (seen.look(), seen.holds) == (0, False)


@pytest.mark.parametrize(("by", "holds"), [(10 * MINUTE, False), (23 * HOUR, False), (25 * HOUR, True), (-YEAR, False)])
def test_only_a_long_jump_ahead_holds(by: int, holds: bool) -> None:  # noqa: FBT001 - a table
    clock = FakeClock(NOW)
    seen = Jumps(clock)
    clock.set_wall(NOW + by)
    assert (seen.look(), seen.holds) == (by, holds)
    assert seen.look() == 0
    clock.advance(jumps.HOLD_SECONDS)
    assert not seen.holds


def test_a_clock_that_is_set_right_ends_the_wait_and_a_small_correction_does_not() -> None:
    clock = FakeClock(NOW)
    seen = Jumps(clock)
    clock.set_wall(NOW + YEAR)
    seen.look()
    clock.set_wall(clock.now() - HOUR)
    assert (seen.look(), seen.holds) == (-HOUR, True)
    clock.set_wall(NOW)
    assert (seen.look(), seen.holds) == (HOUR - YEAR, False)


# --- the daemon -------------------------------------------------------------------------------------------------------


class Script(FakeClock):
    """A clock on which things happen: each step of the daemon may set it or stop the daemon."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.on_step: Callable[[], None] = lambda: None

    def wait(self, event: Event, seconds: float) -> bool:
        self.on_step()
        return super().wait(event, max(seconds, 5.0))


class House:
    """A daemon without work for its workers, over flows; `said` is its talk by the seconds since it began."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows
        self.clock = Script(NOW)
        store = flows.kit.store
        store._clock = self.clock
        flows.kit.clock = flows.clock = self.clock
        self.said: list[tuple[int, str]] = []
        flows.scheduler = scheduler = Scheduler(store, self.clock, new_ulid, lambda _: None)
        self.began = self.clock.boottime()
        self.daemon = Daemon(
            store=store,
            clock=self.clock,
            scheduler=lambda: scheduler,
            pool=Pool(0, self._nobody, self._told),
            sweep=lambda: 0,
            tell=lambda: None,
            reload=lambda: None,
            say=lambda text: self.said.append((self.seconds, text)),
        )

    @property
    def seconds(self) -> int:
        return (self.clock.boottime() - self.began) // 1_000_000_000

    def run(self, seconds: int, **events: Callable[[], None]) -> None:
        """Run the daemon for so long; `events` (`at30=...`) happen once their second has come."""
        left = {int(name[2:]): act for name, act in events.items()}

        def step() -> None:
            for second in sorted(left):
                if self.seconds >= second:
                    left.pop(second)()
            if self.seconds >= seconds:
                self.daemon.stop()

        self.clock.on_step = step
        self.daemon.run()

    def jump(self, by: int) -> Callable[[], None]:
        return lambda: self.clock.set_wall(self.clock.now() + by)

    def fired(self) -> list[int]:
        """The fires that made an instance, in seconds."""
        return [(row.fire_at or 0) // SECOND for row in self.flows.instances()]

    def _nobody(self, number: int) -> AbstractContextManager[Dispatcher]:
        raise AssertionError(f"worker {number} begins")

    def _told(self, error: BaseException) -> None:
        raise error


@pytest.fixture
def house(flows: Flows) -> House:
    flows.create(schedule="* * * * *", overlap="allow")
    flows.at(NOW)
    return House(flows)


def test_after_a_long_jump_ahead_nothing_new_fires_for_ten_minutes_then_it_goes_on(house: House) -> None:
    seen: dict[str, int] = {}

    def count(name: str) -> Callable[[], None]:
        return lambda: seen.update({name: len(house.flows.instances())})

    house.run(900, at30=count("before"), at40=house.jump(YEAR), at630=count("held"), at690=count("after"))

    assert seen["before"] == seen["held"] < seen["after"]
    [(first, jumped), (then, goes_on)] = house.said
    assert (40 <= first <= 60, 640 <= then <= 660) == (True, True)
    assert jumped.startswith("the clock has jumped ahead by 365d00h: nothing new fires for 10 minutes")
    assert goes_on == "new fires go on"
    [(actor, detail)] = house.flows.events("clock_jump")
    assert (actor, json.loads(str(detail))) == ("", {"seconds": YEAR // SECOND, "holds": True})


def test_a_clock_set_right_within_the_wait_has_made_nothing_and_no_mark_is_to_be_rewound(house: House) -> None:
    # The newest time is ahead: the jump itself was written with it, and so was every beat of the daemon.
    with pytest.raises(MtctlError, match="scheduler rewind"):
        house.run(300, at30=house.jump(30 * DAY), at120=house.jump(-30 * DAY))
    assert all(fire < (NOW + DAY) // SECOND for fire in house.fired())
    assert [text.partition(":")[0] for _, text in house.said] == [
        "the clock has jumped ahead by 30d00h",
        "new fires go on",
        "the clock has jumped back by 30d00h",
        "the jump is not noted",
    ]

    report = rewinds(house.flows).rewind()
    assert (report.done, report.workflows, report.tasks, report.instances) == (True, (), 0, 0)
    house.flows.at(house.clock.now())
    assert house.fired()[-1] > NOW // SECOND


def test_a_short_jump_ahead_holds_nothing(house: House) -> None:
    house.run(100, at30=house.jump(2 * HOUR))
    assert [text for _, text in house.said] == [
        "the clock has jumped ahead by 2h00m: schedules are computed anew"
    ]
    assert house.fired()[-1] >= (NOW + 2 * HOUR) // SECOND
    [(_, detail)] = house.flows.events("clock_jump")
    assert json.loads(str(detail)) == {"seconds": 7200, "holds": False}
