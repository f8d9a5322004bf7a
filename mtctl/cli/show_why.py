"""Floor 4. `why` and `health` as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Grid, Lines, Record
from mtctl.cli.exit import ExitCode
from mtctl.core.pulse import TroubleKind
from mtctl.core.words import ago, moment, rfc3339

if TYPE_CHECKING:
    from mtctl.core.pulse import Tally
    from mtctl.core.why import Link
    from mtctl.services.reports.health import HealthReport
    from mtctl.services.reports.why import WhyReport

_WHY_FIELDS = ("subject", "cause", "text", "fix", "chain")
_HEALTH_FIELDS = ("healthy", "troubles", "tables", "workflows", "looked_at", "next_due", "running", "waiting")


def why_answer(report: WhyReport) -> Answer:
    """Return the one cause in a line, the chain that leads to it, and what to do."""
    root = report.why.root
    about = "" if root.subject == report.subject else f"{root.subject}: "
    lines = [f"{report.subject}: {about}{root.text}"]
    if len(report.chain) > 1:
        lines += [f"  {link.subject}: {link.text}" for link in report.chain]
    lines += [f"do: {root.fix}"] if root.fix else []
    record: Record = {
        "kind": "why",
        "of": report.kind,
        "subject": report.subject,
        "cause": str(root.cause),
        "text": root.text,
        "chain": [_link(link) for link in report.chain],
        "fix": root.fix or None,
    }
    return Answer(schema="mtctl.why/v1", records=(record,), fields=_WHY_FIELDS, blocks=(Lines(tuple(lines)),))


def health_answer(report: HealthReport) -> Answer:
    """Return whether the project makes progress, and the counts of its tables and workflows."""
    lines = ["healthy" if report.healthy else "not healthy:"]
    for trouble in report.troubles:
        lines += [f"  {trouble.text}", f"    do: {trouble.fix}"]
    looked = f"last looked for work {ago(report.looked_at, report.at)}" if report.looked_at else "nobody has looked yet"
    due = f"; next fire {moment(report.next_due)}" if report.next_due is not None else ""
    lines.append(f"{report.running} running, {report.waiting} ready; {looked}{due}")
    heads = ("OF", "TOTAL", "HEALTHY", "FAILED", "LATE", "RATIO")
    rows = (_row("tables", report.tables), _row("workflows", report.workflows))
    blocks: tuple[Block, ...] = (Lines(tuple(lines)), Grid(heads=heads, rows=rows))
    record: Record = {
        "kind": "health",
        "healthy": report.healthy,
        "troubles": [{"cause": str(one.kind), "text": one.text, "fix": one.fix} for one in report.troubles],
        "tables": _tally(report.tables),
        "workflows": _tally(report.workflows),
        "looked_at": rfc3339(report.looked_at),
        "next_due": rfc3339(report.next_due),
        "running": report.running,
        "waiting": report.waiting,
    }
    return Answer(schema="mtctl.health/v1", records=(record,), fields=_HEALTH_FIELDS, blocks=blocks)


def health_exit(report: HealthReport) -> ExitCode:
    """Return the exit code of a health report."""
    if any(trouble.kind is TroubleKind.CLOCK for trouble in report.troubles):
        return ExitCode.STATE
    return ExitCode.OK if report.healthy else ExitCode.FAILED


def _link(link: Link) -> Record:
    return {"subject": link.subject, "cause": str(link.cause), "text": link.text, "fix": link.fix or None}


def _row(noun: str, tally: Tally) -> tuple[str | int, ...]:
    return (noun, tally.total, tally.healthy, tally.failed, tally.late, f"{tally.ratio:.2f}")


def _tally(tally: Tally) -> Record:
    return {
        "total": tally.total,
        "healthy": tally.healthy,
        "failed": tally.failed,
        "late": tally.late,
        "ratio": round(tally.ratio, 4),
    }
