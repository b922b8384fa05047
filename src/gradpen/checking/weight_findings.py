"""Whether a penalty has its weight: once, as it was given, and of a mean over examples."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod

from gradpen.checking.conventions import signature_of
from gradpen.checking.finding import Finding
from gradpen.checking.recognition import NEAR, Recognised, near, recognised
from gradpen.checking.roles import role_of
from gradpen.checking.trials import Subject

OUTER_WEIGHT = 100.0
"""the square of the usual weight: one that was applied twice"""


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
        yield Finding(
            name="weight",
            verdict="wrong",
            found=words,
            expected=expected,
            meaning="Slopes are held more or less tightly than is meant.",
            remedy="Multiply the penalty by the weight that is meant, or name this one (`weight`).",
        )
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
