"""How a penalty function wants to be called, found by trying what its arguments may be."""

import inspect
import io
import itertools
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from gradpen.checking.attributes import class_of
from gradpen.checking.conventions import Penalty, conventions, signature_of
from gradpen.checking.outcomes import scalar_of, scores_of, values_of
from gradpen.checking.probe import CLASSES, Output, Probe, ProbeCritic
from gradpen.checking.roles import Role, role_of
from gradpen.checking.shares import apart, is_one_of
from gradpen.checking.stand_ins import LATENTS, TINY, WEIGHT, Around, StandIn, Unknown, called_or_not, stub
from gradpen.checking.surroundings import inner, surroundings, words_of
from gradpen.checking.training_steps import is_called, noted
from gradpen.lipschitz import gradient_penalty

OUTPUTS: tuple[Output, ...] = (
    "flat",
    "column",
    "maps",
    "patches",
    "pair",
    "reversed pair",
    "by name",
    "list",
    "list of lists",
)
LABELS = ("one-hot", "numbers", "column", "planes")
NETWORKS = ("critic", "generator", "latents")
"""what a model may hold that stands for the critic elsewhere"""
MOST_ATTEMPTS = 96
NO_GRAPH = "does not require grad"


@dataclass(frozen=True, kw_only=True)
class Convention:
    """A way of calling a function that works."""

    roles: tuple[tuple[str, Role], ...]
    """its arguments by position, and what each is given"""
    output: Output
    """the form of scores that it takes"""
    labels: str = "one-hot"
    attached: bool = False
    """whether it leans on a graph behind the samples to differentiate by"""
    unknown_scores: bool = False
    """whether what it calls by a name that says nothing is the critic"""
    pack: int = 1
    """examples that the critic sees together"""
    whole: bool = False
    """whether it is a whole loss, which it may send backward in place of returning it"""
    which: int = 0
    """of several values that it returns or sends backward"""
    turn: int = 0
    """which optimizer's turn it is, where it asks for that"""

    def takes(self, role: Role) -> bool:
        """Return whether an argument has this role."""
        return any(found == role for _, found in self.roles)

    @property
    def words(self) -> str:
        """The call as it is written; empty for what takes no arguments."""
        return "" if not self.roles else f"({', '.join(f'{name}: {role}' for name, role in self.roles)})"


@dataclass
class Material:
    """What one call is given, and what came of it."""

    critic: nn.Module
    real: Tensor
    fake: Tensor
    generator: "Pairing"
    latents: Tensor
    epsilon: Tensor
    points: Tensor
    labels: Tensor
    weight: float = WEIGHT
    assumed: set[str] = field(default_factory=set)
    guessed: set[str] = field(default_factory=set)
    """numbers whose names say nothing, taken to change nothing"""
    losses: set[str] = field(default_factory=set)
    """losses that are not there and got 0"""
    kept: set[Role] = field(default_factory=set)
    """which examples were taken out of an object"""
    gradient: Tensor | None = None
    """what a function that takes the gradient was given"""
    overwritten: bool = False
    """whether the function wrote into data or samples"""
    values: int = 1
    """how many values it returned or sent backward, one of which was taken"""

    @property
    def labels_of_samples(self) -> Tensor:
        """The labels that samples are of, where those of the data are handed over too."""
        return self.labels.roll(1, 0)


class Pairing(nn.Module):
    """A generator whose samples are known and have a parameter behind them."""

    def __init__(self, fake: Tensor) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.fake = fake
        self.asked = False
        self.around: Around | None = None

    def __getattr__(self, name: str) -> Any:
        around = self.__dict__.get("around")
        if around is None or name.startswith("_") or name in self._parameters or name == "module":
            return super().__getattr__(name)
        found = stub(name, around)
        return called_or_not(found, is_called(sys._getframe(1)))

    def forward(self, *inputs: Any, **named: Any) -> Tensor:
        """Return the samples."""
        del inputs, named
        self.asked = True
        return self.fake + self.shift


def material(critic: nn.Module, shape: Sequence[int], batch: int, seed: int, labels: str = "one-hot") -> Material:
    """Return what a call is given: data and samples that differ in every value, and all that may be asked for."""
    real, fake = apart(shape, batch, seed)
    generator = Pairing(fake)
    numbers = torch.Generator().manual_seed(seed + 1)
    epsilon = torch.rand(batch, *[1] * len(shape), generator=numbers)
    points = torch.lerp(fake, real, epsilon).requires_grad_(True)
    classes = torch.arange(batch) % CLASSES
    one_hot = torch.nn.functional.one_hot(classes, CLASSES).float()
    kinds = {
        "one-hot": one_hot,
        "numbers": classes,
        "column": classes.float()[:, None],
        "planes": one_hot.view(batch, CLASSES, *[1] * (len(shape) - 1)).expand(batch, CLASSES, *shape[1:]).clone()
        if len(shape) > 1
        else one_hot,
    }
    if isinstance(critic, Probe):
        critic.labels = kinds[labels]
    return Material(
        critic=critic,
        real=real,
        fake=fake,
        generator=generator,
        latents=torch.randn(batch, LATENTS, generator=numbers),
        epsilon=epsilon,
        points=points,
        labels=kinds[labels],
    )


def call(function: Penalty, convention: Convention, given: Material, *, attached: bool = False) -> Tensor:
    """Call a function as a convention says, and return its penalty as a scalar.

    Args:
        function: the penalty.
        convention: how it is called.
        given: with what; what the probe was asked is noted in it.
        attached: let the samples have the generator's graph behind them.

    Raises:
        Exception: whatever the function raises; TypeError if it returns no number.
    """
    plain_roles = dict(convention.roles)
    fake = given.generator() if attached or convention.attached else given.fake.clone()
    fake = unpacked(fake, convention.pack)
    points = given.points.detach().clone().requires_grad_(True)
    real = unpacked(given.real.clone(), convention.pack)
    around = Around(
        critic=given.critic,
        generator=given.generator,
        examples={"real": real, "fake": fake, "latents": given.latents, "labels": given.labels},
        assumed=given.assumed,
        guessed=given.guessed,
        losses=given.losses,
        kept=given.kept,
        kind=class_of(inner(function)),
        unknown_scores=convention.unknown_scores,
        words=words_of(function),
    )
    given.generator.around = around
    if isinstance(given.critic, Probe):
        given.critic.inside = lambda name: stub(name, around) if role_of(name) in NETWORKS else Unknown(around, name)
    scores = gradient = None
    if "scores" in plain_roles.values() or "gradient" in plain_roles.values():
        outcome = given.critic(points)
        scores = outcome
        (gradient,) = torch.autograd.grad(scores_of(outcome).sum(), points, create_graph=True, retain_graph=True)
        given.gradient = gradient
    values: dict[Role, Any] = {
        "critic": given.critic,
        "real": real,
        "fake": fake,
        "points": points,
        "scores": scores,
        "real_scores": None,
        "fake_scores": None,
        "gradient": gradient,
        "penalty": None,
        "epsilon": given.epsilon.clone(),
        "weight": given.weight,
        "other weight": 0.0,
        "target": 1.0,
        "labels": given.labels.clone(),
        "device": torch.device("cpu"),
        "batch": len(real),
        "generator": given.generator,
        "latents": given.latents,
        "group": StandIn(around, options=True),
        "size": LATENTS,
        "pack": convention.pack,
    }
    if "real_scores" in plain_roles.values():
        alone = not {"critic", "fake"} & set(plain_roles.values())  # it can only differentiate by the data
        values["real_scores"] = given.critic(real.requires_grad_(True) if alone else given.real)
    if "fake_scores" in plain_roles.values():
        values["fake_scores"] = given.critic(fake)
    if "penalty" in plain_roles.values():
        values["penalty"] = gradient_penalty(lambda points: scores_of(given.critic(points)), given.real, given.fake)
    kinds = signature_of(function).parameters
    if any(role == "epsilon" and kinds[name].annotation in (float, "float") for name, role in convention.roles):
        values["epsilon"] = TINY
    filled = [
        convention.turn if is_a_turn(name) else values[role] if role in values else nameless(name, around)
        for name, role in convention.roles
    ]
    for role, whole in (("real", real), ("fake", fake)):
        parts = [place for place, (_, found) in enumerate(convention.roles) if found == role]
        if len(parts) > 1:
            for place, part in zip(parts, whole.tensor_split(len(parts), dim=1), strict=True):
                filled[place] = part
    labelled = [place for place, (_, role) in enumerate(convention.roles) if role == "labels"]
    if len(labelled) == 2:
        named = [convention.roles[place][0].lower() for place in labelled]
        filled[labelled[0 if "fake" in named[0] or "gen" in named[0] else 1]] = given.labels_of_samples
    by_name = [kinds[name].kind is inspect.Parameter.KEYWORD_ONLY for name, _ in convention.roles]
    arguments = [value for value, named in zip(filled, by_name, strict=True) if not named]
    keywords = {name: value for (name, _), value, named in zip(convention.roles, filled, by_name, strict=True) if named}
    with (
        surroundings(function, around),
        noted(around.steps),
        torch.enable_grad(),
        redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # they would be said at each of some hundred calls
        try:
            returned = function(*arguments, **keywords)
        except Exception as error:
            if not (convention.whole and around.steps.survives(error, inner(function))):
                raise
            returned = None
    before = [unpacked(one, convention.pack) for one in (given.real, given.fake)]
    given.overwritten = not (torch.equal(real, before[0]) and torch.equal(fake.detach(), before[1]))
    if isinstance(returned, tuple | list) and convention.takes("real_scores") and convention.takes("fake_scores"):
        return sum((scalar_of(one) for one in returned), torch.zeros(()))
    found = values_of(returned, around.steps, whole=convention.whole)
    given.values = len(found)
    return found[min(convention.which, len(found) - 1)]


def is_a_turn(name: str) -> bool:
    """Return whether an argument says which optimizer's turn it is: optimizer_idx of PyTorch Lightning."""
    return "opt" in name.lower() and name.lower().endswith(("idx", "index", "_i"))


def nameless(name: str, around: Around) -> Any:
    """Return what an argument is given whose role is none: an object, or what its name says of it alone."""
    if name == "self":
        return StandIn(around)
    return Unknown(around, name) if role_of(name) in ("batch", "real") else stub(name, around)


def unpacked(examples: Tensor, pack: int) -> Tensor:
    """Return examples one by one that a critic sees together."""
    return examples if pack == 1 else examples.reshape(len(examples) * pack, -1)


def called_first(function: Penalty, convention: Convention, given: Material) -> tuple[Convention, Tensor]:
    """Return a convention, with a graph behind the samples if the function needs one, and what it returns."""
    try:
        return convention, call(function, convention, given)
    except RuntimeError as error:
        if NO_GRAPH not in str(error) or not convention.takes("fake"):
            raise
    convention = replace(convention, attached=True)
    return convention, call(function, convention, given)


def found_convention(
    function: Penalty,
    shape: Sequence[int],
    batch: int,
    pack: int = 1,
    *,
    whole: bool = False,
) -> tuple[Convention | None, str]:
    """Return a way of calling a function on examples of a shape, or None and why the likeliest way failed."""
    reason, after_asking, attempts = "", "", 0
    for roles, unknown_scores, turn in itertools.product(conventions(function), (False, True), (0, 1)):
        if turn and not any(is_a_turn(name) for name, _ in roles):
            continue
        with_labels = LABELS if any(role == "labels" for _, role in roles) else LABELS[:1]
        asked = False
        for output, labels in itertools.product(OUTPUTS, with_labels):
            if output != OUTPUTS[0] and not asked:
                break  # it failed before it asked, whatever form scores have
            attempts += 1
            if attempts > MOST_ATTEMPTS:
                return None, after_asking or reason
            convention = Convention(
                roles=roles,
                output=output,
                labels=labels,
                unknown_scores=unknown_scores,
                pack=pack,
                whole=whole,
                turn=turn,
            )
            critic = ProbeCritic(1.0, output, pack)
            given = material(critic, shape, batch, 0, labels)
            critic.make_weights(given.real[0].numel())
            try:
                convention, value = called_first(function, convention, given)
            except (Exception, SystemExit) as error:
                reason = reason or f"{type(error).__name__}: {error}"
                if critic.calls:
                    after_asking = after_asking or f"{type(error).__name__}: {error}"
                asked |= bool(critic.calls)
                continue
            asked |= bool(critic.calls)
            if sum(one.points.numel() for one in critic.calls) < given.real.numel():
                reason = reason or "it never asked the critic about examples"
            elif any(is_a_turn(name) for name, _ in roles) and all(
                is_one_of(one.points, (given.fake,)) for one in critic.calls
            ):
                reason = reason or "it asked the critic about samples alone: it was the generator's turn"
            elif not torch.isfinite(value):
                reason = reason or f"it returned {float(value)}"
            else:
                return convention, ""
    return None, after_asking or reason or "it takes no arguments that a penalty could be called with"
