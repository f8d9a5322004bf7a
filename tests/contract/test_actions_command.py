"""Programs: each trouble by its own name, nothing hangs, and nothing of a program outlives its task."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mtctl.actions import processes
from mtctl.actions.command import run_command
from mtctl.core.states import Outcome
from mtctl.core.values import replace
from mtctl.ports.actions import ActionResult, CommandRequest

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


@dataclass
class Ground:
    """A folder to run programs in; the process groups they had, and how long one may take to be gone."""

    folder: Path
    count: int = 0
    groups: list[tuple[int, int]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def request(self, *argv: str, **more) -> CommandRequest:
        self.count += 1
        request = CommandRequest(
            argv=argv,
            shell=False,
            env=(),
            inherit=("PATH",),
            folder=str(self.folder),
            timeout=20_000_000,
            log=str(self.folder / f"logs/{self.count}.log"),
            attempt=f"{self.folder}-{self.count}",
            grace=200_000,
        )
        return replace(request, **more)

    def run(self, *argv: str, cap: int = 10 * MIB, **more) -> ActionResult:
        request = self.request(*argv, **more)
        return run_command(request, self.stop, lambda *group: self.groups.append(group), cap=cap, head=cap // 10)

    def sh(self, text: str, **more) -> ActionResult:
        return self.run("sh", "-c", text, **more)

    def script(self, name: str, text: str, mode: int = 0o755) -> str:
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def left(self) -> list[int]:
        """Return what still runs of all that was started here."""
        return [
            pid
            for number in range(1, self.count + 1)
            for pid in processes.marked("MTCTL_ATTEMPT", f"{self.folder}-{number}")
        ]


@pytest.fixture
def ground(tmp_path):
    found = Ground(tmp_path)
    yield found
    end = time.monotonic() + 5
    while found.left() and time.monotonic() < end:  # one that was killed may be a moment on its way
        time.sleep(0.02)
    assert found.left() == []


def output(result: ActionResult) -> str:
    assert result.log is not None
    return Path(result.log).read_text()


def test_a_program_gets_its_argv_exactly_and_its_output_is_kept(ground: Ground):
    words = ["a b", "$(touch pwned)", "${x}", "*", "", "ü;|&", "'\""]
    result = ground.run(sys.executable, "-c", "import sys; print(sys.argv[1:]); print('err', file=sys.stderr)", *words)
    assert (result.outcome, result.code, result.message) == (Outcome.SUCCESS, "", "")
    assert sorted(output(result).splitlines()) == sorted([str(words), "err"])
    assert Path(result.log or "").stat().st_mode & 0o777 == 0o600
    assert Path(result.log or "").parent.stat().st_mode & 0o777 == 0o700
    assert not (ground.folder / "pwned").exists()


def test_the_environment_is_an_allow_list(ground: Ground, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "canary")
    monkeypatch.setenv("LD_PRELOAD", "")
    result = ground.run("env", env=(("DAY", "2026-03-01; id"), ("EMPTY", "")), inherit=("PATH", "NOT_SET"))
    found = dict(line.split("=", 1) for line in output(result).splitlines())
    assert found == {
        "PATH": os.environ["PATH"], "DAY": "2026-03-01; id", "EMPTY": "", "MTCTL_ATTEMPT": f"{ground.folder}-1",
    }  # fmt: skip


def test_a_shell_reads_values_from_its_environment_only(ground: Ground):
    hostile = "$(touch pwned); `touch pwned`"
    result = ground.run('printf "%s" "$X"', shell=True, env=(("X", hostile),))  # noqa: S604 - the point
    assert output(result) == hostile
    assert not (ground.folder / "pwned").exists()


def test_a_program_leads_its_own_group_without_our_descriptors_and_with_an_empty_stdin(ground: Ground):
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    code = (
        "import os, sys, signal; print(os.getpid() == os.getpgrp() == os.getsid(0), sys.stdin.read() == '',"
        " sorted(int(n) for n in os.listdir('/proc/self/fd') if int(n) < 900), os.getcwd(),"
        " signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set())"
    )
    result = ground.run(sys.executable, "-c", code)
    os.close(reading), os.close(writing)
    first, second, rest = output(result).split(maxsplit=2)
    assert (first, second) == ("True", "True")
    assert rest.startswith("[0, 1, 2, 3] ")  # 3 is the folder that is being listed
    assert rest.split("] ")[1].strip() == f"{ground.folder} True"
    [(group, started)] = ground.groups
    assert group > 1
    assert started > 0


TROUBLES = {
    "not found": (["nosuchprogram"], "command_not_found", "nosuchprogram on the PATH"),
    "no such path": (["./nosuch"], "command_not_found", "./nosuch"),
    "not executable": (["./plain"], "command_not_executable", "Permission denied"),
    "folder": (["./logs"], "command_not_executable", "Is a directory"),
    "no interpreter": (["./lost"], "command_not_executable", "interpreter"),
    "no program": (["./text"], "command_not_executable", "#!"),
    "exit 255": (["sh", "-c", "echo one; echo last words >&2; exit 255"], "command_exit", "255: last words"),
    "signal": (["sh", "-c", "kill -SEGV $$"], "command_signal", "SIGSEGV"),
    "too long": (["echo", "x" * (200 << 10)], "command_too_long", "too long"),
}


@pytest.mark.parametrize("case", TROUBLES)
def test_each_trouble_has_its_own_code_and_only_an_exit_code_may_pass(ground: Ground, case):
    (ground.folder / "logs").mkdir(mode=0o700)
    ground.script("plain", "#!/bin/sh\n", 0o644)
    ground.script("lost", "#!/nosuch/interpreter\n")
    ground.script("text", "hello\n")
    argv, code, words = TROUBLES[case]
    result = ground.run(*argv)
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, code, code == "command_exit")
    assert words in result.message
    assert "\n" not in result.message


def test_exit_codes_mean_what_the_task_says(ground: Ground):
    assert ground.sh("exit 3", ok=(0, 3)).outcome is Outcome.SUCCESS
    assert ground.sh("exit 0", ok=(3,)).code == "command_exit"
    assert ground.sh("exit 75", transient=(75,)).transient
    killed = ground.sh("kill -KILL $$")
    assert (killed.code, killed.transient) == ("command_signal", True)
    assert "memory" in killed.message


def test_a_missing_folder_and_a_log_that_cannot_be_made_are_told(ground: Ground):
    assert ground.run("true", folder=str(ground.folder / "nosuch")).code == "command_folder"
    (ground.folder / "file").touch()
    result = ground.run("true", log=str(ground.folder / "file/x.log"))
    assert (result.code, result.transient, result.log) == ("command_log", True, None)
    (ground.folder / "taken.log").symlink_to(ground.folder / "file")
    assert ground.run("true", log=str(ground.folder / "taken.log")).code == "command_log"


def test_endless_output_fills_neither_disk_nor_memory(ground: Ground):
    code = "for i in range(1_000_000): print(f'line {i:07} ' + '.' * 50)"  # 64 MB
    result = ground.run(sys.executable, "-c", code, cap=MIB)
    assert result.outcome is Outcome.SUCCESS
    assert "left out of the log" in result.message
    text = output(result)
    assert len(text) <= MIB
    before, notice, after = text.partition("[mtctl: ")
    head, tail = before.splitlines(), after.splitlines()
    assert head[:2] == ["line 0000000 " + "." * 50, "line 0000001 " + "." * 50]
    assert "bytes of output are left out here]" in tail[0]
    assert tail[-1] == "line 0999999 " + "." * 50
    numbers = [int(line.split()[1]) for line in tail[1:]]
    assert numbers == list(range(numbers[0], 1_000_000))
    left_out = int(tail[0].split()[0].replace(",", ""))
    assert left_out + len(text) - len(f"\n{notice}{tail[0]}\n") == 1_000_000 * 64


def test_output_up_to_the_cap_is_kept_whole(ground: Ground):
    room = MIB - 200
    for size in (room - 1, room):
        result = ground.run(sys.executable, "-c", f"print('x' * {size}, end='')", cap=MIB)
        assert (result.message, output(result)) == ("", "x" * size)


def test_closing_its_output_or_never_reading_ends_nothing_early(ground: Ground):
    assert ground.sh("exec >&- 2>&-; sleep 0.1; touch done").outcome is Outcome.SUCCESS
    assert (ground.folder / "done").exists()
    assert ground.run("cat").outcome is Outcome.SUCCESS


def test_what_a_program_leaves_running_is_ended_and_told(ground: Ground):
    result = ground.sh("(setsid sh -c 'echo daemon; exec sleep 1000' &); sleep 1000 & exit 0")
    assert (result.outcome, result.code) == (Outcome.SUCCESS, "command_left_running")
    assert "2 processes" in result.message
    assert "daemon" in output(result)


def test_who_ends_a_moment_after_the_first_process_is_left_in_peace(ground: Ground):
    result = ground.sh("(sleep 0.1; echo late) & exit 0")
    assert (result.outcome, result.code, output(result)) == (Outcome.SUCCESS, "", "late\n")


def test_a_timeout_asks_first_and_reaches_grandchildren(ground: Ground):
    code = "trap 'echo cleaned; exit 0' TERM; sleep 1000 & wait"
    result = ground.sh(code, timeout=200_000)
    assert (result.outcome, result.code, result.transient) == (Outcome.TIMED_OUT, "command_timeout", True)
    assert output(result) == "cleaned\n"


def test_a_stopped_program_is_ended_too(ground: Ground):
    assert ground.sh("kill -STOP $$", timeout=200_000).outcome is Outcome.TIMED_OUT


def test_the_stubborn_and_those_who_left_the_group_are_killed_after_the_grace(ground: Ground):
    text = """trap '' TERM
    for i in 1 2 3 4 5 6 7 8 9 10; do
        sh -c 'trap "" TERM; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1000 & done; wait' &
    done
    (setsid sh -c 'trap "" TERM; (setsid sleep 1001 &); sleep 1002' &)
    env -i /bin/sh -c '(setsid sleep 1003 &)'
    echo ready; while :; do sleep 1; done"""
    result = ground.sh(text, timeout=700_000)
    assert (result.outcome, result.message) == (Outcome.TIMED_OUT, "ended after its time of 0.7 s")
    assert output(result) == "ready\n"
    running = subprocess.run(["ps", "-eo", "stat,args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in running.splitlines() if "sleep 100" in line and line[0] != "Z"]


def test_a_cancel_ends_it_soon(ground: Ground):
    threading.Timer(0.1, ground.stop.set).start()
    result = ground.sh("sleep 1000")
    assert (result.outcome, result.code) == (Outcome.CANCELLED, "cancelled")
    assert ground.run("touch", "never").outcome is Outcome.CANCELLED
    assert not (ground.folder / "never").exists()


def test_nothing_of_a_program_runs_before_its_group_is_recorded(ground: Ground):
    def refuse(group: int, _: int):
        assert processes.group_lives(group)
        assert not threading.Event().wait(0.1)
        raise OSError("the state file is locked")

    with pytest.raises(OSError, match="locked"):
        run_command(ground.request("touch", "ran"), ground.stop, refuse)
    assert not (ground.folder / "ran").exists()
    assert ground.left() == []


def test_a_cancel_while_the_group_is_recorded_ends_it_too(ground: Ground):
    result = run_command(ground.request("sleep", "1000"), ground.stop, lambda *_: ground.stop.set())
    assert result.outcome is Outcome.CANCELLED


def test_a_killed_supervisor_is_noticed_and_its_program_killed(ground: Ground):
    text = "(setsid sh -c 'exec sleep 1000' &); kill -KILL $PPID; sleep 1000"
    result = ground.sh(text)
    assert (result.outcome, result.code, result.transient) == (Outcome.FAILED, "command_lost", True)


HOLDER = """
import os, sys, threading
from mtctl.actions.command import run_command
from mtctl.ports.actions import CommandRequest
request = CommandRequest(
    argv=("trap '' TERM; (setsid sleep 1000 &); echo ready >&2; sleep 1000",), shell=True, env=(), inherit=("PATH",),
    folder=sys.argv[1], timeout=None, log=sys.argv[1] + "/logs/x.log", attempt=sys.argv[2],
)
run_command(request, threading.Event(), lambda group, started: print(group, flush=True))
"""


def test_nothing_outlives_a_holder_that_is_killed(ground: Ground):
    ground.count = 1
    mark = f"{ground.folder}-1"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(ground.folder), mark], stdout=subprocess.PIPE, cwd=ROOT
    )
    group = int(holder.stdout.readline())
    log = ground.folder / "logs/x.log"
    wait = threading.Event()
    while "ready" not in (log.read_text() if log.exists() else ""):
        wait.wait(0.01)
    started = processes.marked("MTCTL_ATTEMPT", mark)
    assert len(started) == 3
    descriptors = [os.pidfd_open(pid) for pid in started]
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert group in started
    assert all(_ends(descriptor) for descriptor in descriptors)


def _ends(descriptor: int) -> bool:
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_the_supervisor_loads_little():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import mtctl.actions.supervisor;"
        "print(sorted(n for n in sys.modules if n.startswith('mtctl')),"
        " sorted({'pathlib', 're', 'subprocess', 'threading', 'dataclasses', 'typer', 'duckdb'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(ROOT)], capture_output=True, text=True, check=True
    )
    mine = ["mtctl", "mtctl.actions", *(f"mtctl.actions.{n}" for n in ("launch", "logs", "processes", "supervisor"))]
    found, heavy = done.stdout.strip().split("] ")
    assert found + "]" == str(mine)
    assert set(heavy.strip("[]").replace("'", "").split(", ")) <= {"re", ""}  # json needs it
