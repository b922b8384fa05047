"""Networks of the user's own, tried on the data before they train, so that what does not fit is said at once."""

import functools
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from gradpen.config import RunConfig
from gradpen.coupling import refuse_coupling
from gradpen.data.source import Source, gather, label_space
from gradpen.errors import UsageError
from gradpen.lipschitz import GradientPenalty
from gradpen.machine.seeds import seed_everything, separate_randomness
from gradpen.networks.own import OwnCritic, OwnGenerator, examples_shape, made, second
from gradpen.runs.own import Own, copied
from gradpen.text import printable

TRIED = 16
"""latents and images that a network is tried on"""
SATURATED = 1e6
"""factor on images at which a sigmoid's scores are 0 or 1"""
MOSTLY = 0.5
"""share of such scores from which it is one"""


def tried(config: RunConfig, source: Source, own: Own) -> RunConfig:
    """Return the configuration with what trying the user's networks on the data told: shapes and latents.

    Raises:
        UsageError: a network does not take what it gets, or does not give what is needed.
    """
    if config.conditional and source.labels is not None and source.labels.kind != "classes":
        for role, choice in (("generator", config.generator), ("critic", config.critic)):
            if choice.labels == "numbers":
                raise UsageError(
                    f"`{role}.labels` is numbers, which only classes have; these labels are {source.labels.kind}: "
                    f"take argument"
                )
    example = examples_shape(source.values.layout, source.shape, source.values.depth)
    labels = None
    if config.conditional and source.labels is not None:
        labels = torch.zeros(TRIED, label_space(source.labels).size)
    rows = source.train[torch.arange(TRIED).numpy() % len(source.train)]
    images = gather(source, rows, torch.device("cpu"))
    with separate_randomness():
        seed_everything(config.seed, "own networks", 0)
        if isinstance(config.generator, OwnGenerator):
            network = checked_module(config.generator, own.generator, "generator")
            config = replace(config, generator=tried_generator(config.generator, network, example, labels))
        if isinstance(config.critic, OwnCritic):
            network = checked_module(config.critic, own.critic, "critic")
            choice = replace(config.critic, example=example)
            try_critic(choice, network, images, labels, penalised=isinstance(config.constraint, GradientPenalty))
            config = replace(config, critic=choice)
    return config


def checked_module(choice: OwnGenerator | OwnCritic, module: nn.Module | None, role: str) -> nn.Module:
    """Return a copy of the user's module, or one made of its class, in evaluation mode on the CPU.

    Raises:
        UsageError: it has no weights to train, or weights that are not float32.
    """
    network = made(choice.source, choice.arguments, role) if module is None else copied(module, role)
    parameters = list(network.parameters())
    if any(map(is_lazy, parameters)):
        raise UsageError(f"the {role} {choice.source} has lazy layers; give the number of features that they take")
    if not any(parameter.requires_grad for parameter in parameters):
        raise UsageError(f"the {role} {choice.source} has no weights to train")
    types = {str(parameter.dtype) for parameter in parameters} - {"torch.float32"}
    if types:
        raise UsageError(f"the {role} {choice.source} has weights of {', '.join(sorted(types))}; expected float32")
    return network.cpu().eval()


@torch.no_grad()
def tried_generator(
    choice: OwnGenerator, network: nn.Module, example: tuple[int, ...], labels: Tensor | None
) -> OwnGenerator:
    """Return the choice with the latents that the generator takes.

    Raises:
        UsageError: it takes none, or what it makes is not like the data.
    """
    failures = []
    for dim in latent_dims(choice, network, 0 if labels is None else labels.shape[1]):
        for form in ("vectors", "maps"):
            z = torch.randn(TRIED, dim)
            arguments = (
                z if form == "vectors" else z[:, :, None, None],
                *second(labels, numbers=choice.labels == "numbers"),
            )
            try:
                samples = network(*arguments)
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
                continue
            refuse_unlike_data(choice.source, samples, example)
            return replace(choice, latent_dim=dim, latents=form, example=example)
    raise UsageError(
        f"the generator {choice.source} does not take latents [B, {choice.latent_dim}]"
        + and_labels(labels, choice)
        + f" ({printable(failures[0])}); say their number with `generator.latent_dim`"
    )


def latent_dims(choice: OwnGenerator, network: nn.Module, labels: int) -> list[int]:
    """Return the numbers of latents to try: that of the choice, the module's own, what its first layer takes."""
    found = [choice.latent_dim]
    if isinstance(own := getattr(network, "latent_dim", None), int):
        found.append(own)
    for layer in network.modules():
        takes = getattr(layer, "in_features", None) or getattr(layer, "in_channels", None)
        if isinstance(takes, int):
            found += [takes, takes - labels, takes - sum(embedding_dims(network))]
            break
    return [dim for place, dim in enumerate(found) if dim > 0 and dim not in found[:place]]


def embedding_dims(network: nn.Module) -> list[int]:
    """Return into how many numbers each embedding of a network maps a class."""
    return [layer.embedding_dim for layer in network.modules() if isinstance(layer, nn.Embedding)]


def and_labels(labels: Tensor | None, choice: OwnGenerator | OwnCritic) -> str:
    """Return in words which labels a network gets beside its input."""
    if labels is None:
        return ""
    return " and classes [B]" if choice.labels == "numbers" else f" and labels [B, {labels.shape[1]}]"


def refuse_unlike_data(name: str, samples: Any, example: tuple[int, ...]) -> None:
    """Raise if what a generator made has another shape than the data, or lies in another range."""
    if not isinstance(samples, Tensor):
        raise UsageError(
            f"the generator {name} gives {type(samples).__name__}; expected a tensor [B, {joined(example)}]"
        )
    if (
        samples.shape[0] != TRIED
        or samples.numel() != TRIED * prod(example)
        or (samples.dim() > 2 and tuple(samples.shape[1:]) != example)
    ):
        raise UsageError(
            f"the generator {name} makes [B, {joined(samples.shape[1:])}] and the data are [B, {joined(example)}]; "
            f"bring the data to its size with `data.size`, or change its last layer"
        )
    if not torch.isfinite(samples).all():
        raise UsageError(f"the generator {name} makes numbers that are NaN or infinite, untrained as it is")
    if samples.min() >= 0 and samples.max() > 0:
        raise UsageError(
            f"the generator {name} makes numbers from {samples.min():.3g} to {samples.max():.3g}, and the data lie in "
            f"[-1, 1]; end it in tanh, or in nothing"
        )


def try_critic(
    choice: OwnCritic, network: nn.Module, images: Tensor, labels: Tensor | None, *, penalised: bool
) -> None:
    """Raise if a critic does not give an unbounded score for each example, of that example alone if penalised.

    Raises:
        UsageError: saying so.
    """
    examples = images.contiguous().reshape(len(images), *(choice.example or ()))
    try:
        scores, squashed = scored(network, examples, second(labels, numbers=choice.labels == "numbers"))
    except Exception as error:
        raise UsageError(
            f"the critic {choice.source} does not take examples [B, {joined(examples.shape[1:])}]"
            + and_labels(labels, choice)
            + f" ({type(error).__name__}: {printable(error)})"
        ) from None
    if not isinstance(scores, Tensor):
        raise UsageError(f"the critic {choice.source} gives {type(scores).__name__}; expected a tensor of scores [B]")
    if scores.shape[:1] != examples.shape[:1] or (scores.numel() != len(examples) and choice.reduce == "none"):
        raise UsageError(
            f"the critic {choice.source} gives {list(scores.shape)} for {len(examples)} examples; expected a score "
            f"each, or of a critic that scores patches `critic.reduce=mean`"
        )
    if not torch.isfinite(scores).all():
        raise UsageError(f"the critic {choice.source} gives scores that are NaN or infinite")
    if squashed:
        raise UsageError(
            f"the critic {choice.source} ends in a sigmoid; every objective of gradpen takes unbounded scores, so "
            f"leave it out"
        )
    if penalised:
        around = choice.around(network, (1, 1, 1))
        refuse_coupling(around if labels is None else functools.partial(around, labels=labels), images)


@torch.no_grad()
def scored(network: nn.Module, examples: Tensor, given: tuple[Tensor, ...]) -> tuple[Any, bool]:
    """Return what a critic gives for examples, and whether that comes out of a sigmoid."""
    squashed: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _layer, _given, made: squashed.append(made))
        for layer in network.modules()
        if isinstance(layer, nn.Sigmoid)
    ]
    try:
        scores = network(examples, *given)
        if not isinstance(scores, Tensor):
            return scores, False
        ends_squashed = any(made.data_ptr() == scores.data_ptr() for made in squashed)
        beyond = network(examples * SATURATED, *given)
    finally:
        for hook in hooks:
            hook.remove()
    # Units that never fire leave a few examples between 0 and 1.
    at_ends = (torch.minimum(beyond.abs(), (beyond - 1).abs()) < 1e-3).double().mean() > MOSTLY
    return scores, ends_squashed or (bool(at_ends) and bool(((beyond >= 0) & (beyond <= 1)).all()))


def joined(shape: Any) -> str:
    """Return a shape as in ``3, 32, 32``."""
    return ", ".join(map(str, shape))
