"""The program's door. `--version` and completion are answered here, before the option parser is imported.

A Tab press or a version check costs a bare interpreter that way, several times less than any other command.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run mtctl with the words of this process, and exit with its code."""
    sys.exit(_run(sys.argv[1:]))


def _run(argv: list[str]) -> int:
    if sys.platform == "win32":
        sys.stderr.write("error[platform]: mtctl does not run on Windows – use WSL 2\n")
        return 8
    if "_MTCTL_COMPLETE" in os.environ:
        from mtctl.completion import answer  # noqa: PLC0415 - the fast path

        return answer(argv, os.environ["_MTCTL_COMPLETE"])
    if argv in (["--version"], ["-V"]):
        import mtctl  # noqa: PLC0415 - the fast path

        return _print(f"mtctl {mtctl.__version__}\n")
    import gc  # noqa: PLC0415 - the slow path

    # A command makes many small values that live until its end: looking for cycles among them again and again costs
    # a tenth of it. A long run still collects, and the interpreter's last search is spared what is left.
    gc.set_threshold(100_000)
    from mtctl.cli.main import run  # noqa: PLC0415 - the slow path

    code = run(argv)
    gc.freeze()
    return code


def _print(text: str) -> int:
    if sys.stdout is None:  # started with stdout closed
        return 0
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            return 141
        sys.stderr.write(f"error[output_failed]: cannot write the output: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    main()
