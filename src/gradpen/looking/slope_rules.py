"""Rules about the critic's slopes: too steep, too flat, not what the penalty asks for."""

from collections.abc import Iterator

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
)

STEEP, FLAT, DEAD = 10.0, 0.02, 1e-4
"""slopes of a Wasserstein critic above which it is sick, below which it is if samples come no nearer, and below which
it always is: the steps of Adam and RMSProp do not depend on how large gradients are"""
LIGHT = 1.0
"""penalty coefficient from which it is expected to hold"""
BEYOND, BELOW = 3.0, 0.3
"""parts of the target, above and below which the mean slope violates the penalty"""


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


def penalty_violated(s: Symptoms) -> Iterator[Verdict]:
    """Slopes that a gradient penalty should hold near its target, far from it."""
    objective, constraint = kind_of(s)
    slope = of_last(s.rows, "slope_mean")
    target = constraint.get("target", 0)
    held = constraint["name"] == "gradient-penalty" and constraint["where"] == "line" and constraint["weight"] >= LIGHT
    if not held or not target or slope is None:
        return
    steep = BEYOND * target < slope and not (objective == "wasserstein" and slope > STEEP)
    if steep or (slope < BELOW * target and not constraint["one_sided"]):
        yield Verdict(
            name=marked("penalty violated"),
            meaning=marked(
                "The critic's slopes are far from what the penalty asks for: it is computed wrongly, does not reach "
                "the loss, or counts too little."
            ),
            evidence=worded(
                "mean slope {slope:.3g} between data and samples (expected within {below:g} and {beyond:g})",
                slope=slope,
                below=BELOW * target,
                beyond=BEYOND * target,
            ),
            since=since(s.rows, lambda row: not BELOW * target < row.get("slope_mean", target) < BEYOND * target),
            remedies=(
                own_penalty(),
                Remedy(words=marked("more critic steps"), settings=more_steps(s)),
            ),
        )
