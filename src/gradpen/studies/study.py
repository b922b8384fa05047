"""What a study is: cases that are worked on apart from one another, and what their results show together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from matplotlib.figure import Figure

from gradpen.data.choice import EMBEDDED
from gradpen.errors import UsageError

Scale = Literal["small", "paper"]
SCALES: tuple[Scale, ...] = ("small", "paper")
Found = dict[str, Any]
"""what came of a case, JSON-able"""


def case_name(*parts: object) -> str:
    """Return the name of a case, made of what it is.

    >>> case_name("ring", "WGAN-GP, weight 0.1", 0)
    'ring-wgan-gp-weight-0.1-0'
    """
    words = " ".join(map(str, parts)).lower()
    return "-".join("".join(symbol for symbol in words if symbol not in ",+()/").split())


@dataclass(frozen=True, kw_only=True)
class Case:
    """One piece of work with a folder of its own; the same case gives the same result wherever it is done."""

    name: str
    """of its folder, one of its kind in the study"""
    work: Callable[..., Found]
    """a function of a module, given the folder and the arguments; what it left unfinished there it goes on with"""
    arguments: dict[str, Any] = field(default_factory=dict)
    """JSON-able"""
    folder: str = ""
    """where it lies below its study's; empty: its name and what it is, so that a changed case is another"""


def on_data(study: str, cases: Sequence[Case], path: str) -> list[Case]:
    """Return the cases of a study on other data.

    Raises:
        UsageError: its cases are no runs on data that could be others.
    """
    if not all("data.path" in case.arguments.get("settings", {}) for case in cases):
        raise UsageError(f"the study {study} has data of its own, which are part of what it shows; leave out `data`")
    settings = {"data.path": str(Path(path).absolute()) if not path.startswith(EMBEDDED) else path}
    return [
        replace(case, arguments=case.arguments | {"settings": case.arguments["settings"] | settings}) for case in cases
    ]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A number that decides whether a study shows what it is to show."""

    words: str
    value: float
    bound: float
    at_least: bool = True
    """the value must reach the bound; else it must not exceed it"""

    @property
    def met(self) -> bool:
        """Whether the value is on the right side; one that is no number is not."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"{self.words}: {self.value:.3g} ({'met' if self.met else 'not met'}: {sign} {self.bound:g})"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the results of a study's cases show together."""

    columns: tuple[str, ...]
    rows: list[tuple[str | float | int | None, ...]]
    """None where nothing was published, or nothing was found"""
    criteria: list[Criterion]
    figures: list[tuple[str, Figure]]
    """with their captions"""
    notes: tuple[str, ...] = ()


Results = Mapping[str, Found]
"""by the names of the cases that are finished"""


@dataclass(frozen=True, kw_only=True)
class Study:
    """An experiment: what it shows, its cases, and what comes of them."""

    name: str
    title: str
    source: str
    """paper and figure, table or section"""
    shows: str
    """what the source says it shows, and what is inferred where the source is silent"""
    cost: str
    """how long it takes at the small scale and at the paper's"""
    cases: Callable[[Scale], list[Case]]
    findings: Callable[[Results, Scale], Findings]
    """of whatever is finished: at least one case"""
    needs: str = ""
    """data that must be given; empty: none"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A study as far as it came."""

    study: Study
    scale: Scale
    findings: Findings
    failures: Mapping[str, str]
    """why cases failed, by their names"""
    missing: int
    """cases without a result"""

    @property
    def shows_it(self) -> bool:
        """Whether all of it is there and every criterion is met."""
        return not self.failures and not self.missing and all(one.met for one in self.findings.criteria)
