"""A verdict on a run, and what rules read in its symptoms."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from gradpen.language import marked
from gradpen.looking.symptoms import Symptoms
from gradpen.runs.folder import Row

LAST = 3
"""marks that the present state is judged by"""
FAR = 2.0
"""times the distance of real images at which samples are far from the data"""
BETTER = 0.95
"""of the nearest before, what the last marks are nearer by where a run is still improving"""
NEARNESS = {
    "frechet_distance": marked("Fréchet distance in features"),
    "jsd_4": marked("Divergence of 4-grams, in bits,"),
    "distance": marked("Wasserstein-1 distance"),
}
"""measures of samples at marks, that which sees most first, and their names"""
WORSE = 1.05
"""times the nearest before, that the last marks are farther by where samples get worse"""
HEALTHY, IMPROVING, TOO_EARLY = marked("healthy"), marked("still improving"), marked("too early to say")
WELL = (HEALTHY, IMPROVING, TOO_EARLY)
"""names of verdicts after which nothing needs a change"""
WASSERSTEIN = ("objective=wasserstein", "constraint=gradient-penalty", "critic_steps=5")


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """A change to try."""

    words: str
    """English, to be translated where it is shown"""
    settings: tuple[str, ...] = ()
    """as ``gradpen train --set`` takes them"""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One thing that a run shows, in English: its name is what programs know it by; pages translate it."""

    name: str
    meaning: str
    evidence: str
    """the number and its threshold"""
    since: int | None = None
    """iteration from which on it shows at every mark"""
    remedies: tuple[Remedy, ...] = ()

    @property
    def sick(self) -> bool:
        """Whether something should be changed."""
        return self.name not in WELL


def of_last(rows: list[Row], name: str) -> float | None:
    """Return the median of a measure at the last marks that have it."""
    found = [float(row[name]) for row in rows if name in row and row["iteration"] > 0][-LAST:]
    return median(found) if found else None


def since(rows: list[Row], holds: Callable[[Row], bool]) -> int | None:
    """Return the iteration from which on something holds at every mark."""
    first = None
    for row in rows:
        if row["iteration"] == 0:
            continue
        first = (first if first is not None else row["iteration"]) if holds(row) else None
    return first


def far(s: Symptoms, times: float = FAR) -> bool:
    """Return whether samples are far from the data yet: so many times as far as real images."""
    for made, real in (("frechet", "real_frechet"), ("jsd_4", "real_jsd_4"), ("samples", "floor")):
        if made in s.measures:
            return s.measures[made] > times * s.measures[real]
    return True


def kind_of(s: Symptoms) -> tuple[str, dict[str, Any]]:
    """Return the objective's name, and the constraint."""
    return str(s.config["objective"]["name"]), s.config["constraint"]


def differs(s: Symptoms, setting: str) -> bool:
    """Return whether a setting is another one than the run's."""
    name, _, value = setting.partition("=")
    found: Any = s.config
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    if isinstance(found, dict):
        found = found.get("name")
    return value not in (str(found), f"{found:g}" if isinstance(found, int | float) else "")


def slower(s: Symptoms, factor: float) -> tuple[str, ...]:
    """Return the settings that multiply both learning rates."""
    return tuple(
        f"{player}_optimizer.learning_rate={rate_of(s, player) * factor:g}" for player in ("generator", "critic")
    )


def rate_of(s: Symptoms, player: str) -> float:
    """Return the learning rate that the generator or the critic begins with."""
    rate = s.config[f"{player}_optimizer"]["learning_rate"]
    return float(rate["start"] if isinstance(rate, dict) else rate)


def more_steps(s: Symptoms) -> tuple[str, ...]:
    """Return the setting of twice the critic steps, five at least."""
    return (f"critic_steps={max(5, 2 * s.config['critic_steps'])}",)


def ratio(s: Symptoms, made: str, real: str) -> float | None:
    """Return a measure of samples in parts of that of real images."""
    if made not in s.measures or not s.measures.get(real):
        return None
    return s.measures[made] / s.measures[real]


def nearness_at_marks(s: Symptoms) -> tuple[str, list[float]]:
    """Return the measure of samples at marks that sees most, and its values."""
    rows = [row for row in s.rows if row["iteration"] > 0]
    name = next((name for name in NEARNESS if any(name in row for row in rows)), "")
    return name, [float(row[name]) for row in rows if name in row]


def left_of_first(s: Symptoms) -> float | None:
    """Return how far samples were at the last marks, in parts of how far they were untrained; None without a mark 0."""
    name, values = nearness_at_marks(s)
    first = next((float(row[name]) for row in s.rows if row["iteration"] == 0 and name in row), 0.0)
    return min(values[-LAST:]) / first if first > 0 and values else None


def learned(s: Symptoms, share: float) -> bool:
    """Return whether samples have come nearer to the data than a share of how far they were untrained."""
    left = left_of_first(s)
    return left is not None and left < share


def improving(s: Symptoms) -> bool:
    """Return whether samples came nearer to the data at the last marks than ever before."""
    _, values = nearness_at_marks(s)
    return len(values) >= 2 * LAST and min(values[-LAST:]) < BETTER * min(values[:-LAST])
