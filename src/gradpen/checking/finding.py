"""What a check found, and the page that says it."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Finding", "PenaltyReport"]

Verdict = Literal["holds", "wrong", "note", "not judged"]
ORDER: dict[Verdict, int] = {"wrong": 0, "not judged": 1, "holds": 2, "note": 3}
"""what is said first"""
SIGNS: dict[Verdict, str] = {"holds": "holds", "wrong": "WRONG", "note": "note", "not judged": "?"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was checked.

    >>> Finding(name="norm", verdict="holds", found="over all axes but the batch", expected="that").verdict
    'holds'
    """

    name: str
    verdict: Verdict
    found: str
    """the number or the form that was found"""
    expected: str = ""
    meaning: str = ""
    """what it does to training"""
    remedy: str = ""
    """how it is mended"""


@dataclass(frozen=True, kw_only=True)
class PenaltyReport:
    """What :func:`check` found.

    >>> report = PenaltyReport(subject="mine", convention="", findings=(), reason="it never asked the critic")
    >>> report.exit_code
    2
    """

    subject: str
    convention: str
    """how the function was called"""
    findings: tuple[Finding, ...]
    reason: str = ""
    """why it cannot be judged; empty where it can"""

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What is wrong."""
        return tuple(finding for finding in self.findings if finding.verdict == "wrong")

    @property
    def right(self) -> bool:
        """Whether all that was checked holds."""
        return not self.reason and not self.wrong

    @property
    def exit_code(self) -> int:
        """0 if all holds, 1 if something is wrong, 2 if it cannot be judged."""
        return 1 if self.wrong else 2 if self.reason else 0

    def assert_right(self) -> None:
        """Raise AssertionError with the page if anything is wrong or cannot be judged: for tests of one's own."""
        if not self.right:
            raise AssertionError(self.page())

    def to_json(self) -> dict[str, Any]:
        """Return everything as values for JSON."""
        return asdict(self) | {"right": self.right, "exit_code": self.exit_code}

    def page(self) -> str:
        """Return the report as lines of text."""
        lines = [f"{self.subject}{f', called as {self.convention}' if self.convention else ''}"]
        width = max((len(finding.name) for finding in self.findings), default=0)
        for finding in self.findings:
            expected = f"; expected: {finding.expected}" if finding.expected and finding.verdict == "wrong" else ""
            lines.append(f"{SIGNS[finding.verdict]:6s} {finding.name:{width}s}  {finding.found}{expected}")
            if finding.verdict == "wrong":
                lines += [f"{'':{width + 9}s}{words}" for words in (finding.meaning, finding.remedy) if words]
            elif finding.verdict in ("note", "not judged") and finding.meaning:
                lines.append(f"{'':{width + 9}s}{finding.meaning}")
        if self.reason:
            lines.append(f"it cannot be judged: {self.reason}")
        elif self.wrong:
            lines.append(f"{len(self.wrong)} thing{'s' * (len(self.wrong) > 1)} wrong")
        else:
            lines.append("all holds")
        return "\n".join(lines)
