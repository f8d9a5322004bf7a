"""Any story of ticks, workers, crashes, frozen processes, people and clocks keeps the promises of the scheduler.

First anything may happen and nothing unlawful may ever show; then the faults stop, one healthy process is left, and
everything that is due must come to its end.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import simulation_kit
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from simulation_kit import HOUR, OVERLAPS, POLICIES, SCHEDULES, World, flow
from store_kit import DAY

from mtctl.core.calendar import show
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.schedule import fires, shift_of
from mtctl.core.states import ALLOWED, DONE, TERMINAL, TaskState, WorkflowState, rollup
from mtctl.services.loading import load_views
from mtctl.services.scheduler import Firing, Scheduler, TickReport, key_of
from mtctl.services.workflow_versions import Versions
from mtctl.store import claims, turns
from mtctl.store import fires as store_fires
from mtctl.store import session as store_session
from mtctl.store.audit import recompute_coverage, stored_coverage
from mtctl.store.statements import statement

if TYPE_CHECKING:

    from mtctl.core.schedule import Schedule

MINUTE = 60_000_000
FURTHEST_BACK = 50 * MINUTE  # further than an hour, and nothing is written until the clock is set
HANDS = st.integers(0, 2)
POINTS = st.sampled_from(["supervisor", "program", "engine", "write"])
VERBS = st.sampled_from(["cancel", "suspend", "resume", "retry", "rerun", "rerun_x", "skip"])
FATES = st.sampled_from(["ok", "ok", "ok", "ok", "transient", "permanent"])


class Replay:
    """The events told again: states by task, and what of them breaks the law."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._last = 0
        self.states: dict[int, TaskState] = {}
        self.published: dict[int, int] = {}
        self.resets: dict[int, int] = {}

    def read_on(self) -> None:
        """Tell what was written since; all that one step wrote stands together."""
        ask = "SELECT event_id, kind, instance_id, task_id, detail FROM event WHERE event_id > ? ORDER BY event_id"
        found = self._world.store._connection.execute(ask, (self._last,)).fetchall()
        verbs = {f"instance_{verb}" for verb in ("retry", "rerun", "skip", "resume", "suspend", "cancel")}
        by_word = {instance for _, kind, instance, _, _ in found if kind in verbs}
        for event_id, kind, instance, task, detail in found:
            assert event_id == self._last + 1, "a hole in the events"
            self._last = event_id
            if kind == "published":
                self.published[task] = self.published.get(task, 0) + 1
                assert self.published[task] <= 1 + self.resets.get(task, 0), f"task {task} took effect twice"
            if kind == "task_state":
                self._moved(task, json.loads(detail), by_word=instance in by_word)

    def _moved(self, task: int, detail: dict[str, str], *, by_word: bool) -> None:
        source, target = TaskState(detail["from"]), TaskState(detail["to"])
        known = self.states.get(task)
        assert source is known if known else source in {TaskState.CREATED, TaskState.PENDING}, f"{task}: {detail}"
        assert target in ALLOWED[source], f"task {task} went {source} to {target}"
        if source in TERMINAL:
            assert by_word, f"task {task} left {source} and nobody asked for it"
            self.resets[task] = self.resets.get(task, 0) + 1
        if target is TaskState.RUNNING:
            above = self._world.store._connection.execute(
                "SELECT u.task_id, u.state FROM task_edge e JOIN task_instance u ON u.task_id = e.upstream_id "
                "WHERE e.task_id = ?",
                (task,),
            ).fetchall()
            assert all(self.states.get(one, TaskState(state)) in DONE for one, state in above), f"{task} ran too early"
        self.states[task] = target


class Story(RuleBasedStateMachine):
    """The rules: what may happen next."""

    worlds: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        Story.worlds += 1
        self.world = World()
        self.replay = Replay(self.world)
        self.newest = self.world.clock.now()
        self.regimes: list[tuple[Schedule, int, int]] = []
        self.since = self.row().created_at - 1

    def row(self) -> Any:
        with self.world.store.read() as view:
            [row] = view.workflows(["flow"])
        return row

    def rows(self, sql: str, *bindings: object) -> list[Any]:
        return self.world.store._connection.execute(sql, bindings).fetchall()

    # --- time -------------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 5, 16, 31, 45, 70, 600, 3_600, 7_200, 20_000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.advance(seconds)
        for hand in self.world.hands:
            hand.beat()

    @rule(minutes=st.sampled_from([-40, -20, -5, 5, 60, 300]))
    def the_clock_jumps(self, minutes: int) -> None:
        self.newest = max(self.newest, self.world.clock.now())
        target = max(self.world.clock.now() + minutes * MINUTE, self.newest - FURTHEST_BACK)
        self.world.went_back |= minutes < 0
        self.world.clock.set_wall(target)

    # --- processes --------------------------------------------------------------------------------------------

    @rule(number=st.integers(0, 3), steps=st.integers(1, 3))
    def a_tick_or_a_sweep_goes_on(self, number: int, steps: int) -> None:
        for _ in range(steps):
            self.world.move(number)

    @rule(number=st.integers(0, 3))
    def a_tick_or_a_sweep_is_done(self, number: int) -> None:
        self.world.move(number)
        for _ in range(300):
            if not self.world.looks[number][0].at:
                return
            self.world.move(number)
        pytest.fail("it goes round for ever")

    @rule(number=HANDS, steps=st.integers(1, 6), fate=FATES, looks=st.booleans())
    def a_worker_goes_on(self, number: int, steps: int, fate: str, looks: bool) -> None:  # noqa: FBT001 - drawn
        hand = self.world.hands[number]
        hand.fate = fate
        for _ in range(steps):
            if looks:
                hand.notice_cancel()
            hand.step()

    @rule(number=HANDS)
    def a_worker_works_for_a_while(self, number: int) -> None:
        self.world.hands[number].fate = "ok"
        for _ in range(40):
            self.world.hands[number].step()

    @rule(number=HANDS)
    def a_worker_freezes(self, number: int) -> None:
        self.world.hands[number].frozen = True

    @rule(number=HANDS, notices=st.booleans(), steps=st.integers(0, 6))
    def a_worker_thaws(self, number: int, notices: bool, steps: int) -> None:  # noqa: FBT001 - drawn
        """Whether its heartbeat wakes before its work goes on is chance."""
        hand = self.world.hands[number]
        hand.frozen = False
        if notices:
            hand.beat()
        for _ in range(steps):
            hand.step()
        hand.beat()

    @rule(seconds=st.sampled_from([3_600, 7_200, 30_000]), number=HANDS, until=POINTS)
    def work_falls_due_and_a_worker_is_amid_it(self, seconds: int, number: int, until: str) -> None:
        self.time_passes(seconds)
        self.a_tick_or_a_sweep_is_done(0)
        self._go_until(number, until)

    @rule(number=HANDS, until=POINTS, orphans=st.booleans())
    def a_worker_dies_amid_its_work_and_another_takes_over(self, number: int, until: str, orphans: bool) -> None:  # noqa: FBT001
        self._go_until(number, until)
        self.world.hands[number].crash(orphans=orphans)
        self.a_tick_or_a_sweep_is_done(2)
        self._go_until((number + 1) % 3, "program")

    @rule(number=HANDS, until=POINTS, other=POINTS, steps=st.integers(1, 5))
    def a_worker_sleeps_through_its_lease_and_wakes(self, number: int, until: str, other: str, steps: int) -> None:
        """What it does before its heartbeat wakes too is what only the store can refuse."""
        self._go_until(number, until)
        self.a_worker_freezes(number)
        self.time_passes(70)
        self.a_tick_or_a_sweep_is_done(2)
        self._go_until((number + 1) % 3, other)
        self.a_worker_thaws(number, notices=False, steps=steps)

    @rule(first=st.integers(1, 2), seconds=st.sampled_from([3_600, 7_200]))
    def two_ticks_look_at_the_same_moment(self, first: int, seconds: int) -> None:
        self.time_passes(seconds)
        for number in (0, 1):
            self.world.looks[number][0].kill()
        for _ in range(first):
            self.world.move(0)
            self.world.move(1)
        self.a_tick_or_a_sweep_is_done(1)
        self.a_tick_or_a_sweep_is_done(0)

    @rule(number=HANDS, until=POINTS, steps=st.integers(1, 4))
    def a_sweep_looks_while_a_frozen_worker_wakes(self, number: int, until: str, steps: int) -> None:
        self._go_until(number, until)
        self.a_worker_freezes(number)
        self.time_passes(70)
        self.world.looks[3][0].kill()
        self.world.move(3)
        self.world.move(3)  # it has read and is about to write
        self.a_worker_thaws(number, notices=False, steps=steps)
        self.a_tick_or_a_sweep_is_done(3)

    def _go_until(self, number: int, point: str) -> None:
        hand = self.world.hands[number]
        hand.fate = "ok"
        for _ in range(40):
            if hand.frozen or hand.lane.at == point:
                return
            hand.step()
            if not hand.lane.at and not hand.raw_has_work():
                return

    @rule(number=HANDS, orphans=st.booleans())
    def a_worker_is_killed(self, number: int, orphans: bool) -> None:  # noqa: FBT001 - drawn
        self.world.hands[number].crash(orphans=orphans)

    @rule(number=HANDS)
    def a_worker_signs_off(self, number: int) -> None:
        self.world.hands[number].leave()

    @rule(number=st.integers(0, 3))
    def a_tick_or_a_sweep_is_killed(self, number: int) -> None:
        self.world.looks[number][0].kill()

    # --- people -----------------------------------------------------------------------------------------------

    @rule(verb=VERBS, back=st.integers(0, 5))
    def a_person_acts(self, verb: str, back: int) -> None:
        found = self.rows("SELECT i.ulid, t.name FROM workflow_instance i JOIN task_instance t USING (instance_id) "
                          "GROUP BY i.instance_id ORDER BY i.instance_id DESC LIMIT 1 OFFSET ?", back)  # fmt: skip
        if not found:
            return
        [(ulid, name)] = found
        desk = self.world.instances
        try:
            match verb:
                case "rerun_x":
                    desk.rerun(ulid, name)
                case "rerun":
                    desk.rerun(ulid, None)
                case "retry":
                    desk.retry(ulid)
                case "skip":
                    desk.skip(ulid, name)
                case _:
                    getattr(desk, verb)([ulid])
        except MtctlError as error:
            assert error.kind is Kind.CONFLICT, error  # noqa: PT017 - refused is one of two good answers

    @rule(paused=st.booleans(), queue=st.sampled_from(["default", "narrow"]))
    def a_queue_is_paused_or_resumed(self, paused: bool, queue: str) -> None:  # noqa: FBT001 - drawn
        with self.world.store.write() as tx:
            tx.pause_queue(queue, paused=paused, why="")

    @precondition(lambda self: self.row().state is WorkflowState.ENABLED)
    @rule(text=st.sampled_from(SCHEDULES), overlap=st.sampled_from(OVERLAPS), kind=st.sampled_from(POLICIES),
          jitter=st.sampled_from([0, 0, 1_200_000_000]))  # fmt: skip
    def the_schedule_is_edited(self, text: str, overlap: Any, kind: Any, jitter: int) -> None:
        before = self.row()
        try:
            with self.world.store.write() as tx:
                after = self.world.versions.change(tx, before, flow(text, overlap, kind, jitter))
        except MtctlError as error:
            assert error.code == "workflow_behind", error  # noqa: PT017 - the same
            return
        if after.definition.schedule == before.definition.schedule:
            return
        edge = max(self.world.clock.now(), after.last_fire_at or 0)
        self.regimes.append((before.definition.schedule, self.since, edge))
        self.since = edge

    @rule()
    def the_workflow_is_disabled(self) -> None:
        self.world.edits.disable(["flow"], actor="ana")

    @rule(catchup=st.sampled_from([None, *POLICIES]))
    def the_workflow_is_enabled(self, catchup: Any) -> None:
        self.world.edits.enable(["flow"], catchup=catchup, actor="ana")

    # --- what must hold at any moment -------------------------------------------------------------------------

    @invariant()
    def all_is_lawful(self) -> None:
        self.nothing_unlawful_shows()
        self.the_stored_states_are_the_computed_ones()
        self.fires_are_made_once_and_follow_each_other()

    def nothing_unlawful_shows(self) -> None:
        assert self.world.broken == []
        self.replay.read_on()
        clock = self.world.clock
        for name, slots, running in self.rows(
            "SELECT q.name, q.slots, count(*) FROM queue q JOIN task_instance t ON t.queue = q.name AND "
            "t.state = 'running' JOIN attempt a USING (attempt_id) WHERE a.lease_until > ? GROUP BY 1",
            clock.boottime(),
        ):
            assert running <= slots, f"{running} run in {name}, which has {slots} slots"
        assert self.rows(
            "SELECT t.task_id FROM task_instance t LEFT JOIN attempt a USING (attempt_id) LEFT JOIN holder h "
            "USING (holder_id) WHERE t.state = 'running' AND (a.outcome IS NOT NULL OR h.ended_at IS NOT NULL "
            "OR h.holder_id IS NULL)"
        ) == [], "what runs has an open attempt of a holder that can be swept"
        assert self.rows(
            "SELECT a.attempt_id FROM attempt a LEFT JOIN task_instance t ON t.attempt_id = a.attempt_id "
            "AND t.state = 'running' WHERE a.outcome IS NULL AND t.task_id IS NULL"
        ) == [], "an open attempt runs its task"
        if not self.world.went_back:
            assert self.rows(
                "SELECT a.attempt_id FROM attempt a JOIN task_instance t USING (task_id) JOIN workflow_instance i "
                "USING (instance_id) WHERE a.started_at < i.fire_at"
            ) == [], "nothing starts before it is due"

    def the_stored_states_are_the_computed_ones(self) -> None:
        for number, state, started, states in self.rows(
            "SELECT i.instance_id, i.state, i.started_at IS NOT NULL, group_concat(t.state) FROM workflow_instance i "
            "LEFT JOIN task_instance t USING (instance_id) GROUP BY 1"
        ):
            found = [TaskState(one) for one in (states or "").split(",") if one]
            assert rollup(found, started=bool(started)).value == state, f"instance {number}"

    def fires_are_made_once_and_follow_each_other(self) -> None:
        handled = self.handled()
        for (_, last, _), (first, _, date) in pairwise(handled):
            assert last < first, "a fire is dealt with twice"
            assert date is None or date == last, "a data interval begins where the one before it ended"

    def handled(self) -> list[tuple[int, int, int | None]]:
        """What has been made of the flow's fires: first, last, and the logical date of an instance."""
        made = self.rows("SELECT fire_at, fire_at, logical_date FROM workflow_instance i JOIN workflow w USING "
                         "(workflow_id) WHERE w.name = 'flow' AND i.trigger = 'schedule'")  # fmt: skip
        left = self.rows("SELECT s.first_fire_at, s.last_fire_at, NULL FROM skipped_fire s JOIN workflow w USING "
                         "(workflow_id) WHERE w.name = 'flow'")  # fmt: skip
        return sorted(made + left, key=lambda one: one[:2])

    # --- then the faults stop ---------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self._everything_due_ends()
        finally:
            self.world.close()

    def _everything_due_ends(self) -> None:
        world = self.world
        world.clock.set_wall(max(self.newest, world.clock.now()))
        for lane, _ in world.looks:
            lane.kill()
        for hand in world.hands:
            hand.crash(orphans=False)
        for queue in ("default", "narrow"):
            self.a_queue_is_paused_or_resumed(paused=False, queue=queue)
        for (ulid,) in self.rows("SELECT ulid FROM workflow_instance WHERE ended_at IS NULL"):
            world.instances.resume([ulid])
        world.edits.enable(["flow"], catchup=None, actor="ana")
        self._work_off()
        self._every_fire_is_accounted_for()

        world.clock.advance(2 * DAY / 1e6)
        self._work_off()
        with world.store.read() as view:
            for found in load_views(view, world.clock.now() - 2 * HOUR).values():
                lacking = found.wanted - found.coverage.fresh
                assert not lacking, f"{found.definition.name} lacks {lacking}"
                kept = stored_coverage(view, found.table.table_id)
                assert kept == recompute_coverage(view, found.table.table_id)
                assert view.audit(found.table.table_id) == []
        done = self.rows("SELECT i.logical_date, t.name FROM task_instance t JOIN workflow_instance i USING "
                         "(instance_id) WHERE t.kind = 'command' AND t.state = 'success'")  # fmt: skip
        keys = {f"flow/{show(date, 'UTC')}/{name}" for date, name in done}
        assert keys <= set(world.lines), "a line is missing"
        assert world.programs == {}

    def _work_off(self) -> None:
        hand, pause, before = self.world.hands[0], 61, ""
        for _ in range(600):
            self.a_tick_or_a_sweep_is_done(2)
            self.a_tick_or_a_sweep_is_done(0)
            for _ in range(60):
                self.a_worker_goes_on(0, 1, "ok", looks=True)
                if not hand.lane.at:
                    break
            self.nothing_unlawful_shows()
            with self.world.store.read() as view:
                due = view.next_due()
                idle = view.next_task(None) is None
            now = self.world.clock.now()
            is_open = bool(self.rows("SELECT 1 FROM workflow_instance WHERE ended_at IS NULL LIMIT 1"))
            if idle and not is_open and (due is None or due > now + MINUTE):
                return  # a workflow that waits for room to make more looks again within the minute
            if idle and not hand.lane.at:
                states = str(self.rows("SELECT state, count(*) FROM task_instance GROUP BY 1"))
                pause = min(2 * pause, 1800) if states == before else 61
                before = states
                self.world.clock.advance(pause)
            hand.beat()
        left = self.rows("SELECT i.title, t.name, t.state, t.why, t.ready_at FROM workflow_instance i LEFT JOIN "
                         "task_instance t USING (instance_id) WHERE i.ended_at IS NULL")  # fmt: skip
        pytest.fail(f"it never came to an end: {left[:5]}")

    def _every_fire_is_accounted_for(self) -> None:
        row = self.row()
        schedule = row.definition.schedule
        until = self.world.clock.now() - shift_of(schedule, key_of(row))
        wanted = {
            fire
            for rule_, since, end in [*self.regimes, (schedule, self.since, until)]
            for fire in fires(rule_, since, end)
        }
        handled = self.handled()
        made = {first for first, _, date in handled if date is not None}
        told = [(first, last) for first, last, date in handled if date is None]
        late = max((last for _, last, _ in handled), default=0)
        assert made <= wanted | {one for one in made if one > until}, "a fire that no schedule has"
        lost = [one for one in wanted - made if one <= max(until, late) and not any(a <= one <= b for a, b in told)]
        assert lost == [], f"lost without a word: {sorted(lost)}"


def _run(examples: int, steps: int, *, shrinks: bool = True) -> None:
    phases = [Phase.generate, Phase.shrink] if shrinks else [Phase.generate]
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, database=None, phases=phases,
            derandomize=True, suppress_health_check=list(HealthCheck), print_blob=False,
        ),
    )  # fmt: skip


def test_any_story_keeps_the_promises_and_ends():
    _run(12, 40)


@pytest.mark.campaign
def test_a_hundred_longer_stories_keep_the_promises_and_end():
    _run(100, 80)


@pytest.mark.soak
def test_a_thousand_stories_keep_the_promises_and_end():
    _run(1000, 80)


# --- broken code: each of these must be caught ----------------------------------------------------------------


def _unguarded_mark(patch: pytest.MonkeyPatch) -> None:
    """A tick fires what it read before its transaction; the mark is set whatever it was, fires need not be unique."""
    begin = World.__init__

    def without_index(self: World) -> None:
        begin(self)
        self.store._connection.execute("DROP INDEX instance_fire_once")

    def tick(self: Scheduler) -> TickReport:
        with self._store.read() as view:
            due = view.due_workflows(self._clock.now(), 100)
        if due:
            with self._store.write() as tx:
                for row in due:
                    Firing(tx, self._new_ulid).fire(row)
        return TickReport()

    text = statement("workflows.move_mark").partition("AND (last_fire_at IS NULL")[0]
    _patch_sql(patch, "workflows.move_mark", text)
    patch.setattr(Scheduler, "tick", tick)
    patch.setattr(store_fires, "_exists", lambda *_: False)
    patch.setattr(World, "__init__", without_index)


def _slots_by_counter(patch: pytest.MonkeyPatch) -> None:
    """A slot is taken at the claim and given back at the end; who dies keeps it."""
    taken: dict[int, int] = {}
    pick, finish = turns.pick, claims.finish

    def counted_pick(session: Any, instance_id: int | None) -> int | None:
        world = hash(session.connection.filename)
        found = pick(session, instance_id) if taken.get(world, 0) < 6 else None
        taken[world] = taken.get(world, 0) + (found is not None)
        return found

    def counted_finish(session: Any, *parts: Any, **more: Any) -> bool:
        world = hash(session.connection.filename)
        taken[world] = taken.get(world, 0) - 1
        return finish(session, *parts, **more)

    patch.setattr(turns, "pick", counted_pick)
    patch.setattr(claims, "finish", counted_finish)


def _publish_without_lease(patch: pytest.MonkeyPatch) -> None:
    """Whoever has staged something publishes it, whether the attempt is still its own or not, and ends the task."""
    text = "SELECT epoch, version_id, pinned_snapshot, started_at FROM attempt WHERE attempt_id = :attempt_id"
    move = statement("work.move_running").replace("AND state = 'running' AND attempt_id = :attempt_id", "")
    _patch_sql(patch, "work.attempt_guard", text, "work.move_running", move)


def _sweep_from_a_stale_read(patch: pytest.MonkeyPatch) -> None:
    """A sweep that decides by what it has read and writes that down without looking again."""

    def stale(store: Any, liveness: Any) -> int:
        with store.read() as view:
            dead = [one.holder_id for one in view.holders() if not liveness.is_alive(one)] + [
                one.holder_id for one in view.expired_holders()
            ]
            running = view.session.connection.execute(
                "SELECT t.task_id FROM task_instance t JOIN attempt a USING (attempt_id) WHERE t.state = 'running' "
                f"AND a.holder_id IN ({','.join(map(str, dead)) or 'NULL'})"
            ).fetchall()
        if running:
            with store.write() as tx:
                for (task,) in running:
                    again = "UPDATE task_instance SET state = 'pending', attempt_id = NULL WHERE task_id = ?"
                    tx.session.connection.execute(again, (task,))
                for holder in dead:
                    tx.lose(holder)
        return len(dead)

    patch.setattr(simulation_kit, "sweep", stale)


def _late_results_count(patch: pytest.MonkeyPatch) -> None:
    """An attempt that was given up ends its task all the same."""
    text = statement("work.finish_attempt").replace("AND outcome IS NULL", "")
    _patch_sql(patch, "work.finish_attempt", text)


def _edits_do_not_settle(patch: pytest.MonkeyPatch) -> None:
    """A schedule changes without firing first what is due under the old one."""
    patch.setattr(Versions, "settle", lambda _self, _tx, row: row)
    patch.setattr("mtctl.services.workflow_versions._refuse_behind", lambda *_: None)


def _dead_are_not_buried(patch: pytest.MonkeyPatch) -> None:
    """A sweep gives work away while the program of the dead one still runs."""
    patch.setattr(simulation_kit.FakeLiveness, "bury", lambda *_: None)


def _downstream_does_not_wait(patch: pytest.MonkeyPatch) -> None:
    """What is created is ready."""
    patch.setattr("mtctl.core.advance.DONE", frozenset(TaskState))


def _patch_sql(patch: pytest.MonkeyPatch, *pairs: str) -> None:
    """Put other texts in the place of named statements."""
    texts = dict(zip(pairs[::2], pairs[1::2], strict=True))
    assert all(texts[name] != statement(name) for name in texts), "the mutant is none"
    patch.setattr(store_session, "statement", lambda asked: texts.get(asked) or statement(asked))


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (_unguarded_mark, "dealt with twice|begins where"),
        (_slots_by_counter, "never came to an end"),
        pytest.param(
            _publish_without_lease, "took effect twice|open attempt|law|'from'", marks=pytest.mark.soak, id="lease"
        ),
        (_sweep_from_a_stale_read, "open attempt|instance \\d+|moved on|'from'|left (success|failed)"),
        (_late_results_count, "moved on"),
        (_edits_do_not_settle, "lost without a word"),
        (_dead_are_not_buried, "two live programs"),
        (_downstream_does_not_wait, "ran too early|'from'"),
    ],
)
def test_broken_code_is_caught(monkeypatch: pytest.MonkeyPatch, breaks: Any, words: str) -> None:
    """By the words of the promise that it breaks: an error of another kind would prove nothing."""
    breaks(monkeypatch)
    before = Story.worlds
    with pytest.raises((AssertionError, MtctlError, pytest.fail.Exception), match=words) as caught:
        _run(400, 80, shrinks=False)
    print(f"{breaks.__name__}: story {Story.worlds - before}: {str(caught.value)[:160]}")
