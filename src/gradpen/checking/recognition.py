"""What penalty a function computes: the form of its values, and of which gradient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gradpen.checking.forms import Form, Seen, recognise
from gradpen.checking.shares import Place
from gradpen.checking.trials import Trial

NEAR = 0.02
"""how near a number must be to be the same"""
ROUNDING = 1e-5
"""by which an even mixture of something with itself may be off"""


@dataclass(frozen=True)
class Recognised:
    """A form, and what it is the form of."""

    form: Form
    of: str
    """points, data, samples, features, parameters, points and conditions, points and picture"""
    sign: float = 1.0
    averaged: float = 1.0
    """how many times smaller the gradient is, scores having been averaged first"""
    ends: int = 1
    """how many penalties it is the sum of: at data and at samples, or at several sets of points"""

    @property
    def target(self) -> float:
        """The slope that is not penalised."""
        return self.form.target / self.averaged

    @property
    def weight(self) -> float:
        """The penalty coefficient."""
        return self.form.weight * self.averaged**2 * self.sign / self.ends

    def gradient(self, trial: Trial) -> Tensor:
        """Return the gradient that it looks at, float64."""
        found: Tensor = GRADIENTS[self.of](trial)
        return found


def of_points(trial: Trial) -> Tensor:
    """Return the gradient with respect to the points, as far as they are the data's."""
    return image_part(trial, trial.gradient)


def image_part(trial: Trial, values: Tensor) -> Tensor:
    """Return what belongs to the data where conditions stand beside them in one tensor."""
    real = trial.given.real
    if values.numel() == real.numel() or values.dim() < 2:
        return values
    if values.dim() == real.dim():
        first = conditions_before(trial)
        return values[:, first : first + real.shape[1]]
    return values[:, : real[0].numel()].reshape(real.shape) if values.dim() == 2 else values


def conditions_before(trial: Trial) -> int:
    """Return how many channels of conditions stand before those of the data in one tensor: behind them is usual.

    They are labels, or a picture where examples are pictures, for which the data stand.
    """
    for one in (trial.given.labels, trial.given.real):
        beginning = trial.points[:, : one.shape[1]] if one.dim() > 1 else trial.points[:0]
        same = beginning.shape == one.shape and torch.allclose(
            beginning.detach(), one.to(beginning.dtype), atol=ROUNDING
        )
        if same and trial.points.shape[1] > one.shape[1]:
            return one.shape[1]
    return 0


def beside_a_picture(trial: Trial) -> bool:
    """Return whether points have a picture before or behind them in one tensor."""
    real, points = trial.given.real, trial.points.detach()
    if points.dim() != real.dim() or real.dim() < 3 or points.shape[1] != 2 * real.shape[1]:
        return False
    return any(torch.allclose(part, real, atol=ROUNDING) for part in points.chunk(2, dim=1) if part.shape == real.shape)


def share(trial: Trial) -> Tensor:
    """Return the share of the data in each value of the points."""
    points = image_part(trial, trial.shaped(trial.points.detach()))
    return Place(points, trial.given.real, trial.given.fake).share


def of_features(trial: Trial) -> Tensor:
    """Return the gradient of the sum of the critic's features."""
    return trial.shaped(trial.critic.gradient_of_features(trial.points))


def of_parameters(trial: Trial) -> Tensor:
    """Return the gradient of the sum of scores with respect to all weights, as one example."""
    weights = [weight for name, weight in trial.critic.weights.items() if not name.startswith("f")]
    found = torch.autograd.grad(trial.scores.sum(), weights, allow_unused=True, retain_graph=True)
    return torch.cat([each.flatten() for each in found if each is not None]).double()[None]


def through_a_sigmoid(trial: Trial) -> Tensor:
    """Return the gradient of each score's sigmoid."""
    certain = trial.scores.detach().double().sigmoid()
    return (certain * (1 - certain)).view(-1, *[1] * (trial.gradient.dim() - 1)) * trial.gradient


def times_scores(trial: Trial) -> Tensor:
    """Return each gradient times its score, which handing the scores over as ``grad_outputs`` makes of it."""
    return trial.scores.detach().double().view(-1, *[1] * (trial.gradient.dim() - 1)) * trial.gradient


PARTIAL: dict[str, Callable[[Trial], Tensor]] = {
    "sigmoid": through_a_sigmoid,
    "scores as outputs": times_scores,
    "first example": lambda trial: of_points(trial)[:1],
    "first channel": lambda trial: of_points(trial)[:, :1],
    "mean gradient": lambda trial: of_points(trial).mean(0, keepdim=True),
}
"""what slips make of the gradient, tried where nothing else gives the values"""
GRADIENTS = {
    **PARTIAL,
    "points": of_points,
    "points and conditions": lambda trial: trial.gradient,
    "points and picture": lambda trial: trial.gradient,
    "data": lambda trial: share(trial) * of_points(trial),
    "samples": lambda trial: (1 - share(trial)) * of_points(trial),
    "features": of_features,
    "data alone": lambda trial: trial.critic.gradient(trial.given.real),
    "samples alone": lambda trial: trial.critic.gradient(trial.given.fake),
    "parameters": of_parameters,
}


def recognised(trials: Sequence[Trial], *, norms_alone: bool = False) -> Recognised | None:
    """Return the form of a function's values, whatever it is the form of; None if no known form gives them."""
    first = trials[0]
    values = [float(trial.value.detach()) for trial in trials]
    signs = (1.0,) if min(values) >= 0 else (-1.0,) if max(values) <= 0 else (1.0, -1.0)
    with_conditions = first.gradient.numel() > first.given.real.numel()
    pairs = "pair" in first.critic.output
    beside = "points and picture" if beside_a_picture(first) else "points and conditions"
    possible = ["points", *([beside] if with_conditions else [])]
    possible += [] if with_conditions else ["data", "samples"]
    possible += ["features"] if pairs else []
    possible += ["data alone", "samples alone"] if first.at_both_ends else []
    for of in (*possible, "parameters", *PARTIAL):
        try:
            gradients = [GRADIENTS[of](trial) for trial in trials]
        except (RuntimeError, ValueError):
            continue
        for sign in signs:
            seen = [
                Seen(sign * float(trial.value.detach()), gradient)
                for trial, gradient in zip(trials, gradients, strict=True)
            ]
            form = recognise(seen, norms_alone=norms_alone or of != "points")
            if form is not None:
                return named(form, of, sign, first)
    return None


def named(form: Form, of: str, sign: float, trial: Trial) -> Recognised:
    """Return a form with a strange target by the slip that it comes from.

    Scores averaged over the batch give the norms of a penalty whose target is the batch's size; a root mean square, one
    whose target is the root of an example's size.
    """
    if trial.at_both_ends and of == "points":
        return Recognised(form, of, sign, ends=2)
    if trial.sets > 1:
        return Recognised(form, of, sign, ends=trial.sets)
    batch, size = len(trial.given.real), trial.given.real[0].numel()
    if form.shape == "two-sided" and form.norm == "norm" and of == "points":
        if near(form.target, size**0.5):
            return Recognised(replace(form, norm="root mean square", target=1.0, weight=form.weight * size), of, sign)
        averaged = next((count for count in (batch, 4 * batch) if near(form.target, float(count))), 1.0)
        return Recognised(form, of, sign, float(averaged))
    return Recognised(form, of, sign)


def near(one: float, other: float) -> bool:
    """Return whether two numbers are the same but for rounding."""
    return abs(one - other) <= NEAR * max(abs(one), abs(other), 1e-9)
