"""Whether the penalty that a function computes is the published one: gradient, norm, target, sides."""

from collections.abc import Iterator, Sequence

import torch

from gradpen.checking.finding import Finding
from gradpen.checking.forms import axes_in_words
from gradpen.checking.recognition import NEAR, Recognised, near, of_points, recognised
from gradpen.checking.trials import Subject, Trial
from gradpen.checking.weight_findings import averaged_scores, weight_findings


def form_findings(
    trials: Sequence[Trial], subject: Subject, weight: float | None
) -> tuple[Recognised | None, list[Finding]]:
    """Return the form, and what is right and wrong about it."""
    values = [float(trial.value.detach()) for trial in trials]
    constant = max(values) - min(values) <= 1e-6 * max(1.0, max(map(abs, values)))
    found = None if constant else recognised(trials)
    if found is None:
        if constant and not subject.convention.unknown_scores:
            return None, [
                Finding(
                    name="value",
                    verdict="wrong",
                    found=f"{values[0]:.4g} for every critic",
                    expected="larger for critics whose slopes are farther from 1",
                    meaning="The critic is not constrained at all.",
                    remedy="Return weight * ((slopes - 1) ** 2).mean().",
                )
            ]
        slopes = float(torch.linalg.vector_norm(of_points(trials[-1]).flatten(1), dim=1).mean())
        return None, [
            Finding(
                name="form",
                verdict="not judged",
                found=f"its values are those of no known penalty ({values[-1]:.4g} where slopes are {slopes:.4g})",
            )
        ]
    rank = found.gradient(trials[0]).dim()
    return found, [
        *of_what(found),
        *norm_findings(found, rank),
        *target_findings(found),
        *weight_findings(found, subject, weight),
    ]


OF_WHAT = {
    "data": (
        "with respect to the real examples, not the points",
        "The slope at a point is multiplied by the point's share of the data, so that it is too small by half.",
        "Take the gradient with respect to the interpolates, as tensors of their own with requires_grad.",
    ),
    "samples": (
        "with respect to the samples, not the points",
        "The slope at a point is multiplied by the point's share of the sample, so that it is too small by half.",
        "Take the gradient with respect to the interpolates, as tensors of their own with requires_grad.",
    ),
    "features": (
        "of the critic's features, not of its score",
        "The score that trains the generator stays unconstrained.",
        "Take the gradient of the score.",
    ),
    "parameters": (
        "with respect to the critic's weights",
        "Weights with small gradients are no Lipschitz function of the examples.",
        "Take the gradient of the scores with respect to the points that the critic was given.",
    ),
    "sigmoid": (
        "of the sigmoid of the score",
        "A sigmoid is flat where the critic is sure, so that its slopes go unpenalised there.",
        "Take the gradient of the score itself.",
    ),
    "scores as outputs": (
        "of half the squared score: the scores were handed over as grad_outputs",
        "Slopes count as many times as the score is large.",
        "Hand over ones as grad_outputs, or take the gradient of scores.sum().",
    ),
    "first example": (
        "of the first example alone",
        "All other examples of a batch go unpenalised.",
        "Take torch.autograd.grad(...)[0] once: it is the first of a tuple, and the next [0] the first example.",
    ),
    "first channel": (
        "with respect to the first channel alone",
        "Slopes along the other channels go unpenalised.",
        "Take the norm over all of gradients.flatten(1).",
    ),
    "mean gradient": (
        "averaged over the batch before the norm",
        "Gradients of different examples cancel out, so that the critic may be as steep as it likes.",
        "Take the norm of each example's gradient first, then average.",
    ),
    "points and conditions": (
        "with respect to the labels beside the examples too",
        "Slopes along labels are counted, which no example can move along.",
        "Take the gradient with respect to the examples alone, before labels are put beside them.",
    ),
}


def of_what(found: Recognised) -> Iterator[Finding]:
    """Yield what the gradient is of."""
    if found.of in ("points", "data alone", "samples alone"):
        yield Finding(name="gradient", verdict="holds", found="of the score with respect to the points")
    elif found.of == "points and picture":
        words = "of the score with respect to the points and the picture beside them, as pix2pix has it"
        yield Finding(name="gradient", verdict="note", found=words)
    else:
        words, meaning, remedy = OF_WHAT[found.of]
        yield Finding(
            name="gradient",
            verdict="wrong",
            found=words,
            expected="of the score with respect to the points",
            meaning=meaning,
            remedy=remedy,
        )
    if found.averaged != 1:
        yield averaged_scores(found.averaged, f"The critic is driven to slopes of {found.averaged:g} in place of 1.")
    if found.sign < 0:
        yield Finding(
            name="sign",
            verdict="wrong",
            found="the penalty is negative",
            expected="positive, to be added to a loss that is minimised",
            meaning="The critic is paid for slopes far from 1.",
            remedy="Return plus the weight times the mean of (slopes - 1) ** 2.",
        )


MEANINGS = {
    "batch": "Examples share one norm, so that a steep one is hidden by flat ones.",
    "part": "Each part is driven to a slope of 1 on its own, so that the slope over all of an example is many times 1.",
    "across": "Gradients of different examples are taken together, which have nothing to do with each other.",
}
FLATTEN = "Take gradients.flatten(1).norm(2, dim=1), one norm for each example."


def norm_findings(found: Recognised, rank: int) -> Iterator[Finding]:
    """Yield over what the norm goes, and whether it is one."""
    form = found.form
    right = tuple(range(1, rank))
    if found.of == "parameters":
        return
    if form.norm == "gradient":
        pass
    elif form.axes == right or found.of in ("first example", "mean gradient"):
        yield Finding(name="norm", verdict="holds", found="over all axes but the batch")
    else:
        kind = "batch" if form.axes == tuple(range(rank)) else "across" if 0 in form.axes else "part"
        yield Finding(
            name="norm",
            verdict="wrong",
            found=f"over {axes_in_words(form.axes, rank)}",
            expected="over all axes but the batch, one for each example",
            meaning=MEANINGS[kind],
            remedy=FLATTEN,
        )
    if form.norm == "gradient":
        yield Finding(
            name="norm",
            verdict="wrong",
            found="none: each value of the gradient is compared with the target",
            expected="over all axes but the batch, one for each example",
            meaning=MEANINGS["part"],
            remedy=FLATTEN,
        )
        return
    if form.norm != "norm" and not (form.norm == "squared norm" and form.shape == "power"):
        squared = form.norm == "squared norm"
        yield Finding(
            name="root",
            verdict="wrong",
            found=f"the {form.norm} of the gradient" + (", without a root" if squared else ""),
            expected="the Euclidean norm, the root of the sum of squares",
            meaning="Another quantity is driven to the target than the slope.",
            remedy="Take gradients.flatten(1).norm(2, dim=1).",
        )
    if form.shape in ("of the mean norm", "of the largest norm", "of the largest excess"):
        which = "mean" if form.shape == "of the mean norm" else "largest"
        yield Finding(
            name="mean",
            verdict="wrong",
            found=f"the {which} slope is penalised, not each one",
            expected="the mean of (slope - 1) ** 2",
            meaning="Steep examples are made up for by flat ones."
            if which == "mean"
            else "All examples but one go unpenalised in a step.",
            remedy="Square first, then average: ((slopes - 1) ** 2).mean().",
        )


UNSQUARED = {
    "absolute": ("the absolute value of slope - target", "It pulls as hard near the target as far from it."),
    "not squared": ("slope - target as it is", "The flatter the critic, the less it pays: slopes are driven to 0."),
    "one-sided, not squared": (
        "slope - target above it, not squared",
        "It pulls as hard near the target as far from it.",
    ),
}


def target_findings(found: Recognised) -> Iterator[Finding]:
    """Yield which slope is not penalised, and on which sides of it."""
    form, target = found.form, found.target
    if form.shape in UNSQUARED:
        words, meaning = UNSQUARED[form.shape]
        yield Finding(
            name="square",
            verdict="wrong",
            found=words,
            expected="the square of slope - target",
            meaning=meaning,
            remedy="Return the mean of (slopes - 1) ** 2.",
        )
        return
    if form.shape == "from below":
        yield Finding(
            name="sides",
            verdict="wrong",
            found=f"slopes below {target:.3g} alone are penalised",
            expected="those above it, or on both sides",
            meaning="Nothing holds the critic back from growing steeper.",
            remedy="Take (slopes - 1).clamp(min=0) for a one-sided penalty.",
        )
        return
    if form.shape == "about their mean":
        yield Finding(
            name="target",
            verdict="wrong",
            found="the batch's own mean slope",
            expected="1",
            meaning="Slopes of any size are free where they are equally large.",
            remedy="Take (slopes - 1) ** 2.",
        )
        return
    if form.shape == "power":
        yield Finding(
            name="target", verdict="note", found=f"0, by the power {form.power} of slopes: as WGAN-div has it with 6"
        )
        return
    sides = "one-sided" if form.shape == "one-sided" else "two-sided"
    if near(target, 1.0):
        yield Finding(name="target", verdict="holds", found=f"{sides}, 1")
    elif target < NEAR:
        yield Finding(
            name="target",
            verdict="note",
            found="0: a zero-centred penalty",
            meaning="As R1 and R2 (Mescheder et al. 2018) have it at data or samples; WGAN-GP's is 1.",
        )
    else:
        yield Finding(
            name="target",
            verdict="wrong",
            found=f"{sides}, {target:.4g}",
            expected="1",
            meaning=f"The critic becomes {target:.4g}-Lipschitz: the estimate is as many times the distance.",
            remedy="Take (slopes - 1) ** 2.",
        )
