"""Whether the penalty that a function computes is the published one: gradient, norm, target, sides, weight."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import prod

import torch

from gradpen.checking.calling import signature_of
from gradpen.checking.finding import Finding
from gradpen.checking.forms import axes_in_words
from gradpen.checking.recognition import NEAR, Recognised, near, of_points, recognised
from gradpen.checking.roles import role_of
from gradpen.checking.trials import Subject, Trial

OUTER_WEIGHT = 100.0
"""the square of the usual weight: one that was applied twice"""


def form_findings(
    trials: Sequence[Trial], subject: Subject, weight: float | None
) -> tuple[Recognised | None, list[Finding]]:
    """Return the form, and what is right and wrong about it."""
    values = [float(trial.value.detach()) for trial in trials]
    constant = max(values) - min(values) <= 1e-6 * max(1.0, max(map(abs, values)))
    found = None if constant else recognised(trials)
    if found is None:
        if constant:
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
    if found.of == "points":
        yield Finding(name="gradient", verdict="holds", found="of the score with respect to the points")
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


def averaged_scores(times: float, meaning: str) -> Finding:
    """Return that the gradient is that of the mean score."""
    return Finding(
        name="scores",
        verdict="wrong",
        found=f"averaged before the gradient is taken: slopes are {times:g} times too small",
        expected="their sum, or ones as grad_outputs",
        meaning=meaning,
        remedy="Take the gradient of scores.sum().",
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


def weight_findings(found: Recognised, subject: Subject, meant: float | None) -> Iterator[Finding]:
    """Yield the weight, how it grows with that given, and with the batch."""
    weight = found.weight
    batch = subject.batch
    in_a_loss = subject.ends is not None
    grows = weight_of(replace(subject, batch=batch + 3))
    if grows is not None and near(grows / weight, batch / (batch + 3)):
        weight *= batch
        yield Finding(
            name="mean over examples",
            verdict="wrong",
            found="a mean that is divided by the batch once more",
            expected="a mean",
            meaning="The weight shrinks as the batch grows.",
            remedy="Take .mean() alone.",
        )
    elif grows is not None and near(grows / weight, (batch + 3) / batch):
        weight /= batch
        yield Finding(
            name="mean over examples",
            verdict="wrong",
            found="a sum over examples",
            expected="a mean",
            meaning="The weight grows with the batch.",
            remedy="Take .mean() in place of .sum().",
        )
    elif grows is not None and near(grows / weight, (batch / (batch + 3)) ** 2):
        weight *= batch**2
        yield averaged_scores(batch, f"The penalty is {batch**2} times too small, and weaker still of a larger batch.")
    if found.target < NEAR and shrinks_with_examples(found, subject):
        size = prod(subject.shape)
        weight *= size
        yield Finding(
            name="root",
            verdict="wrong",
            found="the mean of the squares of a gradient's values, not their sum",
            expected="the squared norm, which is the sum of squares",
            meaning=f"The weight shrinks as examples grow: here it is {size} times too small.",
            remedy="Take gradients.flatten(1).square().sum(1).mean().",
        )
    applied = times_applied(subject)
    words = f"{abs(weight):.4g}"
    if applied is not None and applied != 1:
        yield Finding(
            name="weight",
            verdict="wrong",
            found=f"given twice the weight the penalty is {2.0**applied:.3g} times as large",
            expected="twice as large",
            meaning="The penalty coefficient is applied twice." if applied > 1 else "The weight given is not used.",
            remedy="Multiply by it once.",
        )
    elif (meant is not None and near(abs(weight), meant**2) and meant != 1) or (
        meant is None and applied is None and near(abs(weight), OUTER_WEIGHT)
    ):
        yield Finding(
            name="weight",
            verdict="wrong",
            found=f"{words}, the square of {abs(weight) ** 0.5:.4g}",
            expected=f"{abs(weight) ** 0.5:.4g}, or 1 where the caller multiplies",
            meaning="The penalty coefficient is applied twice.",
            remedy="Multiply by it once; or name the weight that is meant (`weight`).",
        )
    elif meant is not None and not near(abs(weight), meant) and (in_a_loss or not near(abs(weight), 1.0)):
        expected = f"{meant:.4g}" + ("" if in_a_loss else ", or 1 where the caller multiplies")
        yield Finding(name="weight", verdict="wrong", found=words, expected=expected, remedy="Change it.")
    else:
        outside = ", so the caller multiplies" if near(abs(weight), 1.0) and not in_a_loss else ""
        yield Finding(name="weight", verdict="holds", found=words + outside)


def shrinks_with_examples(found: Recognised, subject: Subject) -> bool:
    """Return whether the weight falls as the values of an example grow in number, all else equal."""
    longer = (*subject.shape[:-1], subject.shape[-1] + 2)
    other = weight_of(replace(subject, shape=longer))
    return other is not None and near(other / found.weight, prod(subject.shape) / prod(longer))


def weight_of(subject: Subject) -> float | None:
    """Return the weight that is found; None where the function takes no such batch."""
    try:
        found = recognised(subject.trials())
    except Exception:
        return None
    return None if found is None else found.weight


def times_applied(subject: Subject) -> int | None:
    """Return which power of the weight given the penalty grows with; None where no argument is a weight."""
    by_default = next(
        (
            parameter.name
            for parameter in signature_of(subject.function).parameters.values()
            if parameter.default is not parameter.empty
            and isinstance(parameter.default, int | float)
            and not isinstance(parameter.default, bool)
            and role_of(parameter.name) == "weight"
        ),
        None,
    )
    if by_default is None and not subject.convention.takes("weight"):
        return None
    values = []
    for weight in (3.0, 6.0):
        other = subject
        if by_default is not None:
            other = replace(subject, function=partial(subject.function, **{by_default: weight}))
        try:
            trial = other.tried(scale=2.0, seed=3, weight=weight)
        except Exception:
            return None
        values.append(abs(float(trial.value.detach())))
    if values[0] == 0:
        return None
    return next((power for power in (0, 1, 2, 3) if near(values[1] / values[0], 2.0**power)), None)
