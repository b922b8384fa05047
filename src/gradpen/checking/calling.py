"""How a penalty function wants to be called, found by trying what its arguments may be."""

import inspect
import io
import itertools
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gradpen.checking.arguments import parts_of_examples, values_by_role
from gradpen.checking.around import Around
from gradpen.checking.attributes import class_of
from gradpen.checking.conventions import Penalty, conventions, signature_of
from gradpen.checking.material import Material, material
from gradpen.checking.outcomes import scalar_of, values_of
from gradpen.checking.probe import Output, Probe, ProbeCritic
from gradpen.checking.roles import Role, role_of
from gradpen.checking.stand_ins import TINY, StandIn, Unknown, stub
from gradpen.checking.surroundings import inner, redrawn_in, surroundings, words_of
from gradpen.checking.training_steps import noted

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
    fake = given.generator() if attached or convention.attached else given.fake.clone()
    fake = unpacked(fake, convention.pack)
    points = given.points.detach().clone().requires_grad_(True)
    real = unpacked(given.real.clone(), convention.pack)
    around = Around(
        critic=given.critic,
        generator=given.generator,
        examples={"real": real, "fake": fake, "latents": given.latents, "labels": given.labels},
        notes=given.notes,
        kind=class_of(inner(function)),
        unknown_scores=convention.unknown_scores,
        times=given.times,
        redrawn=redrawn_in(inner(function)),
        words=words_of(inner(function)),
    )
    given.generator.around = around
    if isinstance(given.critic, ProbeCritic):
        calls = given.critic.calls
        around.steps.asked = lambda: len(calls)
    if isinstance(given.critic, Probe):
        given.critic.inside = lambda name: inside(name, around)
    kinds = signature_of(function).parameters
    values = values_by_role(convention.roles, given, real, fake, points, convention.pack, StandIn(around, options=True))
    if any(role == "epsilon" and kinds[name].annotation in (float, "float") for name, role in convention.roles):
        values["epsilon"] = TINY
    filled = [
        convention.turn if is_a_turn(name) else values[role] if role in values else nameless(name, around)
        for name, role in convention.roles
    ]
    parts_of_examples(filled, convention.roles, given, real, fake)
    by_name = [kinds[name].kind is inspect.Parameter.KEYWORD_ONLY for name, _ in convention.roles]
    arguments = [value for value, named in zip(filled, by_name, strict=True) if not named]
    keywords = {name: value for (name, _), value, named in zip(convention.roles, filled, by_name, strict=True) if named}
    keywords |= {name: 1 for name, one in kinds.items() if name not in dict(convention.roles) and repeats(one)}
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
    which = min(convention.which, len(found) - 1)
    if convention.whole and which < len(around.steps.losses) and isinstance(given.critic, ProbeCritic):
        del given.critic.calls[around.steps.before[which] :]  # what is asked later is no part of that loss
    return found[which]


def takes_lists(function: Penalty) -> bool:
    """Return whether a function says that it takes scores in a list."""
    return any(
        "list[" in str(one.annotation).lower() and role_of(one.name) in ("scores", "real_scores", "fake_scores")
        for one in signature_of(function).parameters.values()
    )


def trains_the_generator(function: Penalty, convention: Convention, given: Material) -> bool:
    """Return whether a gradient of what a function returns reaches the generator."""
    value = call(function, convention, given, attached=True)
    shift = given.generator.shift
    found = torch.autograd.grad(value, shift, allow_unused=True)[0] if value.requires_grad else None
    return found is not None and bool(found.any())


def repeats(parameter: inspect.Parameter) -> bool:
    """Return whether an argument says how often a whole loop goes through its data: once is enough."""
    often = type(parameter.default) is int and parameter.default > 1
    return often and parameter.name.lower().endswith(("epochs", "num_epoch", "n_epoch"))


def is_a_turn(name: str) -> bool:
    """Return whether an argument says which optimizer's turn it is: optimizer_idx of PyTorch Lightning."""
    return "opt" in name.lower() and name.lower().endswith(("idx", "index", "_i"))


def nameless(name: str, around: Around) -> Any:
    """Return what an argument is given whose role is none: an object, or what its name says of it alone."""
    if name == "self":
        return StandIn(around)
    return Unknown(around, name) if role_of(name) in ("batch", "real") else stub(name, around)


def inside(name: str, around: Around) -> Any:
    """Return what a critic, or a model that holds one, has under a name: forward_from_embedding scores as it does."""
    if name.startswith("forward"):
        return around.critic
    return stub(name, around) if role_of(name) in NETWORKS else Unknown(around, name)


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
    generators: Convention | None = None
    for roles, unknown_scores, turn in itertools.product(conventions(function), (False, True), (0, 1)):
        if turn and not any(is_a_turn(name) for name, _ in roles):
            continue
        with_labels = LABELS if any(role == "labels" for _, role in roles) else LABELS[:1]
        asked = False
        outputs = sorted(OUTPUTS, key=lambda one: one != "list") if takes_lists(function) else OUTPUTS
        for output, labels in itertools.product(outputs, with_labels):
            if output != outputs[0] and not asked:
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
            elif not torch.isfinite(value):
                reason = reason or f"it returned {float(value)}"
            elif any(is_a_turn(name) for name, _ in roles) and trains_the_generator(function, convention, given):
                generators = convention  # unless it is the critic's, of samples that are not detached
            else:
                return convention, ""
    if generators is not None:
        return generators, ""
    return None, after_asking or reason or "it takes no arguments that a penalty could be called with"
