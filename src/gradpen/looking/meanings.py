"""What the curves of one run say: its numbers in sentences, with what their sign and their course mean."""

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from gradpen.config import RunConfig
from gradpen.language import said
from gradpen.lipschitz import GradientPenalty, SpectralNorm, WeightClipping
from gradpen.looking.figures import NAMES_OF_NEARNESS
from gradpen.objectives import Hinge, Minimax, NonSaturating, Relativistic, RelativisticAverage, Wasserstein
from gradpen.runs.folder import Row
from gradpen.runs.marks import nearest

MOVED = 0.1
"""part of itself by which a curve moves over a third of the run where it is said to rise or fall"""
APART = 4.0
"""standard errors between training and held-out gap that are worth a word"""
FEWEST = 6
"""marks that a course can be told from"""
CANNOT_TELL = {
    Minimax: ("2 log 2 = 1.386", 2 * math.log(2)),
    NonSaturating: ("2 log 2 = 1.386", 2 * math.log(2)),
    Hinge: ("2", 2.0),
    Relativistic: ("log 2 = 0.693", math.log(2)),
    RelativisticAverage: ("log 2 = 0.693", math.log(2)),
}
"""loss of a critic that scores data and samples alike"""


def meanings(rows: Sequence[Row], config: RunConfig, floor: float | None) -> dict[str, list[str]]:
    """Return sentences for each of :data:`gradpen.looking.figures.PANELS`, by its name.

    Args:
        rows: the run's measures, the first of untrained networks.
        config: the run's.
        floor: distance of training to held-out data, once it was measured.
    """
    trained = [row for row in rows if row["iteration"] > 0]
    if not trained:
        return {}
    parts = {
        "gap": of_the_loss(trained, config),
        "slopes": of_slopes(trained, config),
        "nearness": of_nearness(trained),
        "distance": of_distance(trained, floor),
        "steps": of_steps(trained, config, floor),
        "norms": of_norms(trained),
    }
    return {name: list(sentences) for name, sentences in parts.items()}


def course(rows: Sequence[Row], name: str) -> str:
    """Return whether a measure rises, falls or is level over the last third of its marks; nothing of too few.

    >>> course([{"gap": 10.0 - n} for n in range(9)], "gap")
    'falling'
    """
    values = [float(row[name]) for row in rows if name in row]
    if len(values) < FEWEST:
        return ""
    third = len(values) // 3
    before, now = median(values[-2 * third : -third]), median(values[-third:])
    if abs(now - before) <= MOVED * max(abs(before), abs(now)):
        return "level"
    return "rising" if now > before else "falling"


def of_the_loss(rows: Sequence[Row], config: RunConfig) -> Iterator[str]:
    """Yield what the critic's loss and its gap say."""
    last = rows[-1]
    loss, gap, error = last["critic_loss"], last["critic_gap_train"], last["critic_gap_train_error"]
    if isinstance(config.objective, Wasserstein):
        yield from of_wasserstein(loss, gap, error, course(rows, "critic_gap_train"), config)
    else:
        yield from of_other_losses(loss, last, config)
    held_out, both = last["critic_gap_held_out"], math.hypot(error, last["critic_gap_held_out_error"])
    if gap - held_out > APART * both:
        yield said(
            "On held-out data the gap is {gap:.3g}, smaller by {errors:.1f} standard errors: the critic learns the "
            "training data by heart, the more the farther the two curves part."
        ).format(gap=held_out, errors=(gap - held_out) / both)
    else:
        yield said("On held-out data the gap is {gap:.3g}: the critic does not overfit.").format(gap=held_out)
    if "generator_loss" in last and isinstance(config.objective, Wasserstein):
        yield said(
            "Generator loss {loss:.3g}: minus the mean score of samples. Its level and its sign say nothing, since "
            "scores have no zero."
        ).format(loss=last["generator_loss"])


def of_wasserstein(loss: float, gap: float, error: float, moves: str, config: RunConfig) -> Iterator[str]:
    """Yield what loss and gap of a Wasserstein critic say."""
    if loss <= 0:
        words = said(
            "Critic loss {loss:.3g}: negative as it should be, since the critic learns to score data above samples. "
            "Its negative is the Wasserstein estimate, without the penalty; on more images it is the critic gap, "
            "{gap:.3g} ± {error:.2g}."
        )
    else:
        words = said(
            "Critic loss {loss:.3g}: positive, so on that batch the critic scored samples above data. It has not kept "
            "up with the generator, and its gap, {gap:.3g} ± {error:.2g}, is an estimate of nothing."
        )
    yield words.format(loss=loss, gap=gap, error=error)
    if moves == "falling":
        yield said("The gap is still falling: to the critic, samples come nearer to the data.")
    elif moves == "rising":
        yield said(
            "The gap is rising: the critic tells them apart better than before, as it does at the start, or the "
            "samples move away."
        )
    elif moves == "level":
        yield said("The gap is level: to this critic, samples come no nearer.")
    if isinstance(config.constraint, WeightClipping):
        yield said("Clipping fixes no slope, so that the gap's course says something and its level does not.")


def of_other_losses(loss: float, last: Row, config: RunConfig) -> Iterator[str]:
    """Yield what the loss of another critic says."""
    known = CANNOT_TELL.get(type(config.objective))
    if known is None:
        yield said(
            "Critic loss {loss:.3g}, on the newest batch: it depends on the targets, and is no distance."
        ).format(loss=loss)
    else:
        words, level = known
        where = said("near that of a critic that cannot tell") if loss > 0.9 * level else said("in between")
        yield said(
            "Critic loss {loss:.3g}: {level} is the loss of a critic that cannot tell data from samples, 0 of one "
            "that is sure of every image; this one is {place}. It is no distance: it does not fall as samples get "
            "better."
        ).format(loss=loss, level=words, place=said("nearly sure") if loss < 0.1 * level else where)
    if "accuracy" in last:
        yield said("It is right about {share:.0%} of images; half would be guessing.").format(share=last["accuracy"])
    yield said("The critic gap, {gap:.3g}, is a difference of scores, and here no distance.").format(
        gap=last["critic_gap_train"]
    )


def of_slopes(rows: Sequence[Row], config: RunConfig) -> Iterator[str]:
    """Yield what slopes and penalty say."""
    last, constraint = rows[-1], config.constraint
    slope = last["slope_mean"]
    if isinstance(constraint, GradientPenalty):
        if constraint.one_sided:
            words = said("Mean slope between data and samples {slope:.3g}; the penalty asks for at most {target:g}.")
        else:
            words = said("Mean slope between data and samples {slope:.3g}; the penalty asks for {target:g}.")
        yield words.format(slope=slope, target=constraint.target)
        if "penalty" in last and abs(last["critic_gap_train"]) > 0:
            yield said("The penalty, {penalty:.3g} with its weight, is {share:.0%} of the gap.").format(
                penalty=last["penalty"], share=abs(last["penalty"] / last["critic_gap_train"])
            )
    elif isinstance(constraint, WeightClipping):
        yield said("Mean slope between data and samples {slope:.3g}: what clipping at {threshold:g} leaves.").format(
            slope=slope, threshold=constraint.threshold
        )
    elif isinstance(constraint, SpectralNorm):
        yield said(
            "Mean slope between data and samples {slope:.3g}: each layer's norm is held at 1, so it is below."
        ).format(slope=slope)
    else:
        yield said("Mean slope between data and samples {slope:.3g}.").format(slope=slope)
    if "lipschitz_estimate" in last:
        yield said(
            "The steepest place found, on data, samples and between, has {slope:.3g}: the critic's Lipschitz constant "
            "is at least that."
        ).format(slope=last["lipschitz_estimate"])


def of_nearness(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what the measure of samples says by which the best checkpoint is chosen."""
    best = nearest(rows)
    name = next((name for name in NAMES_OF_NEARNESS if name in best), None)
    if name is None:
        return
    newest = next(row for row in reversed(rows) if name in row)
    yield said(
        "{measure} {now:.3g} at iteration {iteration:,}, smallest {least:.3g} at {then:,}: smaller is nearer to "
        "held-out data."
    ).format(
        measure=said(NAMES_OF_NEARNESS[name]),
        now=newest[name],
        iteration=newest["iteration"],
        least=best[name],
        then=best["iteration"],
    )
    moves = course(rows, name)
    if moves == "falling":
        yield said("Still falling: training on pays.")
    elif moves == "rising":
        yield said("Rising: samples got worse; the best checkpoint is kept.")


def of_distance(rows: Sequence[Row], floor: float | None) -> Iterator[str]:
    """Yield what the exact distance says."""
    with_distance = [row for row in rows if "distance" in row]
    if not with_distance:
        return
    if floor is None:
        words = said(
            "Samples are {distance:.3g} from as many held-out examples, matched in the best way. It sees little of "
            "shape: blurred samples come near."
        )
    else:
        words = said(
            "Samples are {distance:.3g} from as many held-out examples, matched in the best way; training data are "
            "{floor:.3g} from held-out ones (floor). It sees little of shape: blurred samples come near."
        )
    yield words.format(distance=with_distance[-1]["distance"], floor=floor)


def of_steps(rows: Sequence[Row], config: RunConfig, floor: float | None) -> Iterator[str]:
    """Yield what dual efficiency, cosine and clipped weights say."""
    found = next((row for row in reversed(rows) if "dual_efficiency" in row), None)
    if found is not None:
        yield share_found(found["dual_efficiency"], config)
        if floor is not None:
            yield said(
                "Of {distance:.3g} as much as {floor:.3g} is the floor, which two sets of real data have too and a "
                "critic that does not overfit does not find."
            ).format(distance=found["distance"], floor=floor)
    cosine = rows[-1].get("critic_step_cosine")
    if cosine is not None:
        if cosine < 0:
            words = said(
                "The critic's newest step and the direction of steepest descent have the cosine {cosine:.2f}: it "
                "stepped uphill, which momentum does to a loss that moves."
            )
        else:
            words = said("The critic's newest step and the direction of steepest descent have the cosine {cosine:.2f}.")
        yield words.format(cosine=cosine)
    if "clipped" in rows[-1]:
        yield said("{share:.0%} of the critic's weights lie at the clip threshold.").format(share=rows[-1]["clipped"])


def share_found(share: float, config: RunConfig) -> str:
    """Return what it means that the critic finds this share of the exact distance."""
    if isinstance(config.constraint, WeightClipping):
        words = said(
            "The critic finds {share:.1%} of the exact distance of the same points, in its own units: how steep a "
            "clipped critic is depends on its depth."
        )
    elif share > 1:
        words = said(
            "The critic finds {share:.1%} of the exact distance of the same points; above {whole} it is steeper than 1 "
            "somewhere."
        )
    else:
        words = said(
            "The critic finds {share:.1%} of the exact distance of the same points: what it does not see, the "
            "generator is not told."
        )
    return words.format(share=share, whole="100 %")


def of_norms(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what the gradient norms say."""
    last: dict[str, Any] = rows[-1]
    yield said(
        "The loss's gradient has norm {critic:.3g} over the critic's parameters and {generator:.3g} over the "
        "generator's. Powers of ten up or down are what to look for: a generator whose gradient vanishes learns "
        "nothing."
    ).format(critic=last["critic_gradient_norm"], generator=last["generator_gradient_norm"])
