"""Rules about the critic's slopes: too steep, too flat, not what the penalty asks for."""

from collections.abc import Iterator
from statistics import median

from gradpen.language import marked, worded
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import (
    LAST,
    Remedy,
    Verdict,
    far,
    improving,
    kind_of,
    more_steps,
    nearness_at_marks,
    of_last,
    since,
    slower,
)

STEEP, FLAT, DEAD = 10.0, 0.02, 1e-4
"""slopes of a Wasserstein critic above which it is sick, below which it is if samples come no nearer, and below which
it always is: the steps of Adam and RMSProp do not depend on how large gradients are"""
LIGHT = 1.0
"""penalty coefficient from which it is expected to hold"""
BEYOND, BELOW = 3.0, 0.3
"""parts of the target, above and below which the mean slope violates the penalty"""
THROWN = (BEYOND - 1) ** 2
"""penalty of a batch, in squares of the target, of slopes that lie so far above"""
OFTEN = 0.25
"""part of the later half of marks at which it is that of an unsteady critic"""
LEAP = 5.0
"""times its median that the largest is then"""


def unconstrained(s: Symptoms) -> Iterator[Verdict]:
    """Slopes far above what the constraint allows."""
    objective, constraint = kind_of(s)
    slope = of_last(s.rows, "slope_mean")
    zero_centred = constraint["name"] == "gradient-penalty" and constraint.get("target") == 0
    if objective != "wasserstein" or zero_centred or slope is None or slope < STEEP:
        return
    clipped = constraint["name"] == "weight-clipping"
    held = constraint["name"] == "gradient-penalty" and constraint["weight"] >= LIGHT
    yield Verdict(
        name=marked("exploding gradients") if clipped else marked("critic unconstrained"),
        meaning=marked("The critic is far steeper than 1: its gap is no distance, and its gradient too large."),
        evidence=worded("mean slope {slope:.3g} between data and samples (above {most:g})", slope=slope, most=STEEP),
        since=since(s.rows, lambda row: row.get("slope_mean", 0) > STEEP),
        remedies=(
            Remedy(
                words=marked("clip at 0.01, or take the gradient penalty"), settings=("constraint=gradient-penalty",)
            )
            if clipped
            else own_penalty()
            if held
            else Remedy(
                words=marked("take a gradient penalty of weight 10"),
                settings=("constraint=gradient-penalty", "constraint.weight=10"),
            ),
        ),
    )


def own_penalty() -> Remedy:
    """Return what to do about a penalty that should hold the critic and does not."""
    return Remedy(
        words=marked(
            "look whether the penalty is added to the loss; if it is your own, try gradpen check FILE:FUNCTION"
        )
    )


def stands_still(s: Symptoms) -> bool:
    """Return whether samples are far from the data, and enough marks say that they come no nearer."""
    return far(s) and len(nearness_at_marks(s)[1]) >= 2 * LAST and not improving(s)


def vanishing(s: Symptoms) -> Iterator[Verdict]:
    """A critic so flat that nothing reaches the generator."""
    objective, constraint = kind_of(s)
    slope = of_last(s.rows, "slope_mean")
    clipped = objective == "wasserstein" and constraint["name"] == "weight-clipping"
    if not clipped and slope is not None and slope < DEAD and s.measures and far(s):
        yield Verdict(
            name=marked("vanishing gradients"),
            meaning=marked(
                "The critic's scores are the same everywhere: its gradient is gone, and nothing reaches the generator."
            ),
            evidence=worded("mean slope {slope:.3g} (below {least:g})", slope=slope, least=DEAD),
            since=since(s.rows, lambda row: row.get("slope_mean", 1) < DEAD),
            remedies=(
                Remedy(words=marked("look whether a sigmoid stands before a loss that takes logits")),
                Remedy(words=marked("a tenth of the critic's learning rate"), settings=slower(s, 0.1)[1:]),
            ),
        )
    if clipped and slope is not None and slope < FLAT and (slope < DEAD or stands_still(s)):
        yield Verdict(
            name=marked("vanishing gradients"),
            meaning=marked("Clipping holds the critic so flat that hardly anything reaches the generator."),
            evidence=worded("mean slope {slope:.3g} (below {least:g})", slope=slope, least=FLAT),
            since=since(s.rows, lambda row: row.get("slope_mean", 1) < FLAT),
            remedies=(
                Remedy(
                    words=marked("clip less tightly"),
                    settings=(f"constraint.threshold={10 * constraint['threshold']:g}",),
                ),
                Remedy(words=marked("take the gradient penalty"), settings=("constraint=gradient-penalty",)),
            ),
        )


def penalty_exceeded(s: Symptoms) -> Iterator[Verdict]:
    """Slopes far above the one that a gradient penalty should hold."""
    held = held_slope(s)
    if held is None:
        return
    slope, target = held
    if slope > BEYOND * target and not (kind_of(s)[0] == "wasserstein" and slope > STEEP):
        meaning = marked(
            "The critic is steeper than the penalty asks for: it is computed wrongly, does not reach the loss, or "
            "counts too little."
        )
        zeroed = Remedy(words=marked("look whether gradients are set to 0 before each backward()"))
        yield violated(s, slope, target, meaning, *((zeroed,) if s.wiring is not None else ()))


def penalty_unmet(s: Symptoms) -> Iterator[Verdict]:
    """Slopes far below it."""
    held = held_slope(s)
    if held is not None and held[0] < BELOW * held[1] and not s.config["constraint"]["one_sided"]:
        meaning = marked(
            "The critic is far flatter than the penalty asks for: it has hardly learned anything yet, or the penalty "
            "is computed wrongly."
        )
        yield violated(s, *held, meaning)


def held_slope(s: Symptoms) -> tuple[float, float] | None:
    """Return the critic's slope between data and samples, and that which a penalty should hold it at; None without."""
    constraint, slope = kind_of(s)[1], of_last(s.rows, "slope_mean")
    held = constraint["name"] == "gradient-penalty" and constraint["where"] == "line" and constraint["weight"] >= LIGHT
    return (slope, constraint["target"]) if held and constraint["target"] and slope is not None else None


def violated(s: Symptoms, slope: float, target: float, meaning: str, *more: Remedy) -> Verdict:
    """Return that verdict."""
    return Verdict(
        name=marked("penalty violated"),
        meaning=meaning,
        evidence=worded(
            "mean slope {slope:.3g} between data and samples (expected within {below:g} and {beyond:g})",
            slope=slope,
            below=BELOW * target,
            beyond=BEYOND * target,
        ),
        since=since(s.rows, lambda row: not BELOW * target < row.get("slope_mean", target) < BEYOND * target),
        remedies=(own_penalty(), *more, Remedy(words=marked("more critic steps"), settings=more_steps(s))),
    )


def unsteady(s: Symptoms) -> Iterator[Verdict]:
    """A penalty that leaps in some batches, though slopes are right in others: steps of the critic are too large."""
    constraint = s.config["constraint"]
    target = constraint.get("target", 0)
    if constraint["name"] != "gradient-penalty" or not target or constraint["weight"] < LIGHT:
        return
    later = [row for row in s.rows if row["iteration"] > s.iteration / 2 and "penalty" in row]
    penalties = {row["iteration"]: row["penalty"] / weight_within(s) for row in later}
    leaps = [iteration for iteration, penalty in penalties.items() if penalty > THROWN * target**2]
    often = len(leaps) >= OFTEN * len(later)
    if leaps and often and max(penalties.values()) > LEAP * median(penalties.values()):
        yield Verdict(
            name=marked("critic unsteady"),
            meaning=marked(
                "The penalty leaps in some batches: steps of the critic are so large that they throw it out of its "
                "constraint, and its gap says little."
            ),
            evidence=worded(
                "penalty {penalty:.3g} in the batch of iteration {iteration:,} (at most {most:g}), median {usual:.2g}",
                penalty=penalties[leaps[-1]],
                iteration=leaps[-1],
                most=THROWN * target**2,
                usual=median(penalties.values()),
            ),
            remedies=(
                Remedy(words=marked("a tenth of the critic's learning rate"), settings=slower(s, 0.1)[1:]),
                own_penalty(),
            ),
        )


def weight_within(s: Symptoms) -> float:
    """Return what penalties in the rows are multiplied by: in a loop of the user's, perhaps their weight.

    It is where the gap of the batch with the largest of them is then nearer to the measured one: a loss is the penalty
    times its weight less the gap.
    """
    weight = float(s.config["constraint"]["weight"])
    rows = [row for row in s.rows if {"penalty", "critic_loss", "critic_gap_train"} <= set(row)]
    if s.wiring is None or not rows:
        return 1.0
    largest = max(rows, key=lambda row: float(row["penalty"]))

    def apart(times: float) -> float:
        return float(abs(times * largest["penalty"] - largest["critic_loss"] - largest["critic_gap_train"]))

    return weight if apart(1.0) < apart(weight) else 1.0
