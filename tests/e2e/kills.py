"""Kills: which process dies where, over and over on one project, until every interval has gone in.

Shared by the short run of the suite, the campaign, and the long run by command.
"""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from e2e.kit import PATIENCE, Process, Traced, check_proof, kill, ok, project, run, runner_of, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

DAYS = 100
WORDS = ("refresh", "daily", "--batch", "1")

HOLDER_POINTS = ("claimed", "renamed", "publishing", "published", "reported")
RUNNER_POINTS = ("staged", "fsynced")


@dataclass(frozen=True, kw_only=True)
class Kill:
    """Who dies (`holder` or `runner`) and where: at the nth time of a point, or after some seconds."""

    victim: str
    point: str = ""
    nth: int = 1
    seconds: float = 0.0


def steered(rng: random.Random) -> list[Kill]:
    """Return each named point once for each process that can die there."""
    found = [Kill(victim="holder", point=point, nth=rng.randint(1, 4)) for point in (*HOLDER_POINTS, *RUNNER_POINTS)]
    found += [Kill(victim="runner", point=point, nth=rng.randint(1, 4)) for point in (*RUNNER_POINTS, "renamed")]
    return found


def at_random(rng: random.Random) -> Kill:
    """Return a kill at a random moment, start-up included."""
    return Kill(victim=rng.choice(("holder", "runner")), seconds=rng.uniform(0.05, 1.0))


def mixed(count: int, seed: int) -> Iterator[Kill]:
    """Yield so many kills: every named point again and again, each round followed by as many random ones."""
    rng = random.Random(seed)  # noqa: S311 - chosen by seed, so that a failure can be repeated
    while count > 0:
        named = steered(rng)
        chosen = named + [at_random(rng) for _ in named]
        rng.shuffle(chosen)
        yield from chosen[:count]
        count -= len(chosen)


def soak(folder: Path, kills: Iterable[Kill], on_kill: Callable[[int, str], None] | None = None) -> int:
    """Kill and restart until all kills are done, proving each project once it is full; return how many there were."""
    projects = 0
    root = project(folder / "p0", days=DAYS)
    for number, one in enumerate(kills, 1):
        if on_kill is not None:
            on_kill(number, str(one))
        due = one
        while not perform(root, due):
            prove(root)
            projects += 1
            root = project(folder / f"p{projects}", days=DAYS)
            due = replace(due, seconds=due.seconds * 0.8)  # a fast machine may be done before a late moment
    prove(root)
    return projects + 1


def perform(root: Path, one: Kill) -> bool:
    """Start a refresh and kill as told; return whether there was somebody to kill."""
    return _at_point(root, one) if one.point else _at_moment(root, one)


def prove(root: Path) -> None:
    """Finish what the kills left over and check that everything has gone in once."""
    done = run(root, *WORDS)
    assert done.code == 0, done.err
    check_proof(root, days=DAYS)
    ok(root, "refresh", "--all")
    again = ok(root, "refresh", "--all")
    assert again.startswith("nothing to do"), again


def _at_point(root: Path, one: Kill) -> bool:
    with Traced(root, *WORDS) as traced:
        pid = traced.until(one.point, one.nth)
        if pid is None:
            assert traced.finish().code == 0
            return False
        holder = traced.process.pid
        if one.victim == "holder":
            kill(holder)
            traced.process.wait(PATIENCE)
            traced.forget()
            # Its runner notices by itself and ends, wherever it stands.
            assert traced.until("never") is None
            return True
        runner = pid if one.point in RUNNER_POINTS else runner_of(holder)
        assert runner is not None
        assert runner != holder
        kill(runner)
        if runner == pid:
            traced.forget()
        # The holder outlives its runner: the attempt is over, the next task gets a fresh one.
        if traced.until("fsynced") is not None:
            kill(holder)
        return True


def _at_moment(root: Path, one: Kill) -> bool:
    with start(root, *WORDS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        if _ends_within(process, one.seconds):
            assert process.returncode == 0
            return False
        if one.victim == "runner":
            runner = runner_of(process.pid)
            if runner is not None:
                kill(runner)
                _ends_within(process, one.seconds / 2)
        kill(process.pid)
    return True


def _ends_within(process: Process, seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
