"""Whether a penalty trains: second derivatives, flat critics, half precision, what reaches the generator."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from gradpen.checking.calling import OUTPUTS, call
from gradpen.checking.finding import Finding
from gradpen.checking.material import material
from gradpen.checking.probe import BOXED, DeadCritic, Output, boxed
from gradpen.checking.recognition import Recognised, image_part, near, share
from gradpen.checking.trials import Subject, Trial, same_randomness

CLOSE = 0.02
IN_A_BOX: dict[str, str] = {
    "by name": "in a dictionary",
    "list": "in a list",
    "list of lists": "the last of a list in a list",
}
CUT_OFF = 1e-4
"""parts of a gradient below which nothing of it arrives"""
HALF = 0.1
"""how far a penalty under autocast may be from one without"""


def run_findings(seen: Sequence[Trial], subject: Subject, form: Recognised) -> Iterator[Finding]:
    """Yield what is found by training with it."""
    if form.of != "parameters":
        yield second_derivative(max(seen[:-1], key=lambda trial: abs(float(trial.value.detach()))), form)
    if not seen[0].critic.training:
        yield Finding(
            name="mode",
            verdict="wrong",
            found="the critic is left in evaluation mode",
            expected="in training mode, as it was handed over",
            meaning="Dropout and batch statistics stay off for the rest of training.",
            remedy="Leave out critic.eval(), or call critic.train() afterwards.",
        )
    yield flat_critic(subject)
    yield from scores_taken(subject, form)
    yield from half_precision(subject)
    yield from generator_reached(subject)


def second_derivative(trial: Trial, form: Recognised) -> Finding:
    """Return whether the penalty's gradient reaches the critic's weights, all of it."""
    wrong = Finding(
        name="second derivative",
        verdict="wrong",
        found="no gradient reaches the critic's weights",
        expected="a gradient through the slopes",
        meaning="The penalty is a number beside the loss: the critic does not feel it.",
        remedy="Pass create_graph=True to torch.autograd.grad, and detach nothing behind it.",
    )
    if not trial.value.requires_grad:
        return wrong
    weights = list(trial.critic.weights.values())
    try:
        found = torch.autograd.grad(trial.value, weights, allow_unused=True, retain_graph=True)
    except RuntimeError as error:
        return Finding(
            name=wrong.name,
            verdict="wrong",
            found=f"differentiating again raises: {error}",
            expected=wrong.expected,
            meaning=wrong.meaning,
            remedy=wrong.remedy,
        )
    if all(part is None or not part.any() for part in found):
        return wrong
    if form.of not in ("points", "points and conditions", "points and picture", "data", "samples"):
        return Finding(name=wrong.name, verdict="holds", found="reaches the critic's weights")
    expected = torch.autograd.grad(expected_value(trial, form), weights, allow_unused=True)
    one, other = flattened(found, weights), flattened(expected, weights)
    ratio, cosine = float(one.norm() / other.norm()), float(torch.cosine_similarity(one, other, dim=0))
    if ratio < CUT_OFF:
        return wrong
    if near(ratio, 1.0) and cosine > 1 - CLOSE:
        return Finding(name=wrong.name, verdict="holds", found="the whole of it reaches the critic's weights")
    return Finding(
        name=wrong.name,
        verdict="wrong",
        found=f"{ratio:.3g} times what it should be, at a cosine of {cosine:.3g} with it",
        expected="1 and 1",
        meaning="Some of the penalty's gradient is cut off.",
        remedy=wrong.remedy,
    )


def expected_value(trial: Trial, form: Recognised) -> Tensor:
    """Return the penalty of a recognised form, with the graph that it should have."""
    gradient = trial.shaped(trial.critic.differentiable_gradient(trial.points))
    if form.of not in ("points and conditions", "points and picture"):
        gradient = image_part(trial, gradient)
    if form.of in ("data", "samples"):
        part = share(trial).to(gradient.dtype)
        gradient = gradient * (part if form.of == "data" else 1 - part)
    return form.sign * form.form.value(gradient)


def flattened(parts: Sequence[Tensor | None], weights: Sequence[Tensor]) -> Tensor:
    """Return gradients of weights as one vector, none being zeros."""
    each = [torch.zeros_like(weight) if part is None else part for part, weight in zip(parts, weights, strict=True)]
    return torch.cat([part.flatten().double() for part in each])


def flat_critic(subject: Subject) -> Finding:
    """Return whether a critic without any slope gives a number, and a finite gradient."""
    critic = DeadCritic(subject.convention.output)
    given = material(critic, subject.shape, subject.batch, 0, subject.convention.labels)
    try:
        with same_randomness(0):
            value = call(subject.function, subject.convention, given)
        if value.requires_grad:
            value.backward()
    except RuntimeError as error:
        return Finding(name="flat critic", verdict="not judged", found=f"it raised: {error}")
    gradient = critic.weight.grad
    finite = bool(torch.isfinite(value)) and (gradient is None or bool(torch.isfinite(gradient).all()))
    if finite:
        return Finding(name="flat critic", verdict="holds", found="finite where the gradient is exactly 0")
    return Finding(
        name="flat critic",
        verdict="wrong",
        found="the gradient is NaN where the critic is flat",
        expected="a finite one",
        meaning="One batch with all ReLUs off turns every weight into NaN.",
        remedy="Add 1e-12 below the root, or take torch.linalg.vector_norm.",
    )


def scores_taken(subject: Subject, form: Recognised) -> Iterator[Finding]:
    """Yield which forms of scores the function takes, each rightly."""
    words: dict[Output, str] = {"flat": "[N]", "column": "[N, 1]", "maps": "[N, 1, 1, 1]", "patches": "patches"}
    convention = subject.convention
    if convention.output not in words:
        found = IN_A_BOX.get(convention.output, f"a {convention.output} of scores and features")
        yield Finding(name="forms of scores", verdict="note", found=found)
        return
    taken = []
    for output in OUTPUTS[:4]:
        other = replace(subject, convention=replace(convention, output=output))
        try:
            trial = other.tried(scale=2.0, seed=5)
        except Exception:
            continue
        if near(float(trial.value.detach()), form.sign * float(form.form.value(form.gradient(trial)))):
            taken.append(words[output])
    yield Finding(name="forms of scores", verdict="note", found=", ".join(taken))


class SmallCritic(nn.Module):
    """Two linear layers, which autocast makes narrower."""

    def __init__(self, size: int, output: Output) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(size, 16), nn.Softplus(), nn.Linear(16, 1))
        self.output = output

    def forward(self, points: Tensor, *conditions: object, **named: object) -> object:
        """Return the scores in the form asked for."""
        del conditions, named
        column: Tensor = self.layers(points)
        if self.output == "flat":
            return column[:, 0]
        if self.output in ("maps", "patches"):
            return column.view(-1, 1, 1, 1)
        return boxed(column, self.output) if self.output in BOXED else (column, column)


def half_precision(subject: Subject) -> Iterator[Finding]:
    """Yield whether the penalty is about the same under autocast."""
    values = []
    for narrow in (False, True):
        with same_randomness(1):
            convention = subject.convention
            given = material(nn.Identity(), subject.shape, subject.batch, 1, convention.labels)
            given.critic = SmallCritic(given.real[0].numel(), convention.output)
            try:
                with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
                    values.append(float(call(subject.function, convention, given).detach()))
            except Exception as error:
                if narrow:
                    yield Finding(
                        name="autocast", verdict="note", found=f"under autocast it raises {type(error).__name__}"
                    )
                return
    one, other = values
    if abs(one - other) <= HALF * max(abs(one), abs(other)):
        yield Finding(name="autocast", verdict="holds", found=f"{other:.3g} in bf16, {one:.3g} in fp32")
    else:
        yield Finding(
            name="autocast",
            verdict="wrong",
            found=f"{other:.3g} in bf16, {one:.3g} in fp32",
            expected="about the same",
            meaning="Squares are summed in a narrow type.",
            remedy="Call .float() on the gradient before the norm.",
        )


def generator_reached(subject: Subject) -> Iterator[Finding]:
    """Yield whether samples with a graph behind them carry the penalty's gradient into the generator."""
    try:
        trial = subject.tried(scale=2.0, seed=6, attached=True)
        if not (subject.convention.takes("fake") or trial.has_samples):
            return
        if trial.value.requires_grad:
            trial.value.backward()
    except RuntimeError:
        return
    reached = trial.given.generator.shift.grad
    if reached is None or not reached.any():
        yield Finding(name="generator", verdict="holds", found="nothing of the penalty reaches it")
    else:
        yield Finding(
            name="generator",
            verdict="note",
            found="samples with a graph behind them carry the penalty into the generator",
            meaning="Hand over samples detached, or made under torch.no_grad(): else the critic's step is slower, and "
            "fills the generator's gradients.",
        )
