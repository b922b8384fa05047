"""What the curves of one run say: its numbers in sentences, with what their sign and their course mean."""

import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from gradpen.config import RunConfig
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
        yield (
            f"On held-out data the gap is {held_out:.3g}, smaller by {(gap - held_out) / both:.1f} standard errors: "
            f"the critic learns the training data by heart, the more the farther the two curves part."
        )
    else:
        yield f"On held-out data the gap is {held_out:.3g}: the critic does not overfit."
    if "generator_loss" in last and isinstance(config.objective, Wasserstein):
        yield (
            f"Generator loss {last['generator_loss']:.3g}: minus the mean score of samples. Its level and its sign say "
            f"nothing, since scores have no zero."
        )


def of_wasserstein(loss: float, gap: float, error: float, moves: str, config: RunConfig) -> Iterator[str]:
    """Yield what loss and gap of a Wasserstein critic say."""
    if loss <= 0:
        yield (
            f"Critic loss {loss:.3g}: negative as it should be, since the critic learns to score data above samples. "
            f"Its negative is the Wasserstein estimate, without the penalty; on more images it is the critic gap, "
            f"{gap:.3g} ± {error:.2g}."
        )
    else:
        yield (
            f"Critic loss {loss:.3g}: positive, so on that batch the critic scored samples above data. It has not kept "
            f"up with the generator, and its gap, {gap:.3g} ± {error:.2g}, is an estimate of nothing."
        )
    yield from {
        "falling": ["The gap is still falling: to the critic, samples come nearer to the data."],
        "rising": [
            "The gap is rising: the critic tells them apart better than before, as it does at the start, or the "
            "samples move away."
        ],
        "level": ["The gap is level: to this critic, samples come no nearer."],
    }.get(moves, [])
    if isinstance(config.constraint, WeightClipping):
        yield "Clipping fixes no slope, so that the gap's course says something and its level does not."


def of_other_losses(loss: float, last: Row, config: RunConfig) -> Iterator[str]:
    """Yield what the loss of another critic says."""
    known = CANNOT_TELL.get(type(config.objective))
    if known is None:
        yield f"Critic loss {loss:.3g}, on the newest batch: it depends on the targets, and is no distance."
    else:
        words, level = known
        where = "near that of a critic that cannot tell" if loss > 0.9 * level else "in between"
        yield (
            f"Critic loss {loss:.3g}: {words} is the loss of a critic that cannot tell data from samples, 0 of one "
            f"that is sure of every image; this one is {'nearly sure' if loss < 0.1 * level else where}. It is no "
            f"distance: it does not fall as samples get better."
        )
    if "accuracy" in last:
        yield f"It is right about {last['accuracy']:.0%} of images; half would be guessing."
    yield f"The critic gap, {last['critic_gap_train']:.3g}, is a difference of scores, and here no distance."


def of_slopes(rows: Sequence[Row], config: RunConfig) -> Iterator[str]:
    """Yield what slopes and penalty say."""
    last, constraint = rows[-1], config.constraint
    slope = last["slope_mean"]
    if isinstance(constraint, GradientPenalty):
        asked = "at most " if constraint.one_sided else ""
        yield f"Mean slope between data and samples {slope:.3g}; the penalty asks for {asked}{constraint.target:g}."
        if "penalty" in last and abs(last["critic_gap_train"]) > 0:
            share = abs(last["penalty"] / last["critic_gap_train"])
            yield f"The penalty, {last['penalty']:.3g} with its weight, is {share:.0%} of the gap."
    elif isinstance(constraint, WeightClipping):
        yield f"Mean slope between data and samples {slope:.3g}: what clipping at {constraint.threshold:g} leaves."
    elif isinstance(constraint, SpectralNorm):
        yield f"Mean slope between data and samples {slope:.3g}: each layer's norm is held at 1, so it is below."
    else:
        yield f"Mean slope between data and samples {slope:.3g}."
    if "lipschitz_estimate" in last:
        yield (
            f"The steepest place found, on data, samples and between, has {last['lipschitz_estimate']:.3g}: the "
            f"critic's Lipschitz constant is at least that."
        )


def of_nearness(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what the measure of samples says by which the best checkpoint is chosen."""
    best = nearest(rows)
    name = next((name for name in NAMES_OF_NEARNESS if name in best), None)
    if name is None:
        return
    newest = next(row for row in reversed(rows) if name in row)
    yield (
        f"{NAMES_OF_NEARNESS[name]} {newest[name]:.3g} at iteration {newest['iteration']:,}, smallest {best[name]:.3g} "
        f"at {best['iteration']:,}: smaller is nearer to held-out data."
    )
    moves = course(rows, name)
    if moves == "falling":
        yield "Still falling: training on pays."
    elif moves == "rising":
        yield "Rising: samples got worse; the best checkpoint is kept."


def of_distance(rows: Sequence[Row], floor: float | None) -> Iterator[str]:
    """Yield what the exact distance says."""
    with_distance = [row for row in rows if "distance" in row]
    if with_distance:
        beside = "" if floor is None else f"; training data are {floor:.3g} from held-out ones (floor)"
        yield (
            f"Samples are {with_distance[-1]['distance']:.3g} from as many held-out examples, matched in the best "
            f"way{beside}. It sees little of shape: blurred samples come near."
        )


def of_steps(rows: Sequence[Row], config: RunConfig, floor: float | None) -> Iterator[str]:
    """Yield what dual efficiency, cosine and clipped weights say."""
    found = next((row for row in reversed(rows) if "dual_efficiency" in row), None)
    if found is not None:
        share = found["dual_efficiency"]
        words = f"{share:.1%} of the exact distance of the same points"
        if isinstance(config.constraint, WeightClipping):
            yield f"The critic finds {words}, in its own units: how steep a clipped critic is depends on its depth."
        elif share > 1:
            yield f"The critic finds {words}; above 100 % it is steeper than 1 somewhere."
        else:
            yield f"The critic finds {words}: what it does not see, the generator is not told."
        if floor is not None:
            yield (
                f"Of {found['distance']:.3g} as much as {floor:.3g} is the floor, which two sets of real data have too "
                f"and a critic that does not overfit does not find."
            )
    cosine = rows[-1].get("critic_step_cosine")
    if cosine is not None:
        yield (
            f"The critic's newest step and the direction of steepest descent have the cosine {cosine:.2f}"
            + (": it stepped uphill, which momentum does to a loss that moves." if cosine < 0 else ".")
        )
    if "clipped" in rows[-1]:
        yield f"{rows[-1]['clipped']:.0%} of the critic's weights lie at the clip threshold."


def of_norms(rows: Sequence[Row]) -> Iterator[str]:
    """Yield what the gradient norms say."""
    last: dict[str, Any] = rows[-1]
    yield (
        f"The loss's gradient has norm {last['critic_gradient_norm']:.3g} over the critic's parameters and "
        f"{last['generator_gradient_norm']:.3g} over the generator's. Powers of ten up or down are what to look for: a "
        f"generator whose gradient vanishes learns nothing."
    )
