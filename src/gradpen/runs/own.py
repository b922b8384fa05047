"""Networks of the user's own, before they train: tried on the data, so that what does not fit is said at once."""

import copy
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
from gradpen.networks.own import OwnCritic, OwnGenerator, class_at, examples_shape, instance, made, weights
from gradpen.text import printable

TRIED = 16
"""latents and images that a network is tried on"""
SATURATED = 1e6
"""factor on images at which a sigmoid's scores are 0 or 1"""


@dataclass(frozen=True, kw_only=True)
class Own:
    """Modules that the user's program holds; None where the configuration's are built."""

    generator: nn.Module | None = None
    critic: nn.Module | None = None

    def built(self, config: RunConfig, role: str, shape: tuple[int, int, int], labels: int) -> nn.Module:
        """Return the generator or critic of a configuration: around a copy of the user's module, or built anew."""
        choice, module = getattr(config, role), getattr(self, role)
        if module is None:
            network: nn.Module = choice.build(shape, labels)
            return network
        if not isinstance(choice, OwnGenerator | OwnCritic):
            raise UsageError(
                f"the {role} of this run is {choice.name}, which gradpen builds itself; leave out `{role}`"
            )
        return choice.around(copied(module, role).train(), shape)


def taken_apart(settings: dict[str, Any]) -> tuple[dict[str, Any], Own]:
    """Return settings in which the user's networks stand by their import paths, and the modules among them.

    Raises:
        UsageError: a network is nothing that could be trained.
    """
    found: dict[str, Any] = {}
    modules: dict[str, nn.Module] = {}
    for role in ("generator", "critic"):
        if role in settings and callable(settings[role]):
            found[role], module = described(settings[role], role, int(settings.get("seed", 0)))
            if module is not None:
                modules[role] = module
    # Settings of a network, as its latent_dim, are laid over it.
    return found | {key: value for key, value in settings.items() if key not in found}, Own(**modules)


def described(network: Any, role: str, seed: int = 0) -> tuple[dict[str, Any], nn.Module | None]:
    """Return a network as a configuration names it, and the module itself if that is what was given.

    Raises:
        UsageError: it is neither a module nor a class of modules, bare or with keyword arguments.
    """
    cls, module = network, None
    arguments: dict[str, Any] | None = {}
    if isinstance(network, functools.partial):
        cls, arguments = network.func, as_json(network.keywords)
        if network.args or arguments is None:
            raise UsageError(f"the {role}'s arguments must be keywords with numbers, texts, lists or tables of those")
    elif isinstance(network, nn.Module):
        cls, module = type(network), network
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise UsageError(
            f"the {role} is {printable(type(network).__name__)}; give a torch.nn.Module, a class of such, or "
            f"functools.partial of a class with keyword arguments"
        )
    source = f"{cls.__module__}:{cls.__qualname__}"
    if module is None and not is_found(cls, source, role):
        with separate_randomness():
            seed_everything(seed, "own networks", 0)
            module = instance(cls, source, arguments or {}, role)
    return {"name": "own", "source": source, "arguments": arguments}, module


def is_found(cls: type[nn.Module], source: str, role: str) -> bool:
    """Return whether an import path leads to a class; it does not to one that a function or a notebook's cell holds."""
    try:
        return class_at(source, role) is cls
    except UsageError:
        return False


def copied(module: nn.Module, role: str) -> nn.Module:
    """Return a copy of a module.

    Raises:
        UsageError: it holds what cannot be copied, as weights that are computed from others are.
    """
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise UsageError(
            f"the {role} {type(module).__name__} cannot be copied ({type(error).__name__}: {printable(error)[:200]}); "
            f"give its class, or functools.partial of its class, instead of the module"
        ) from None


def as_json(values: dict[str, Any]) -> dict[str, Any] | None:
    """Return values as they come back from JSON, tuples as lists; None if they do not."""
    try:
        back: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return None
    return back


def tried(config: RunConfig, source: Source, own: Own) -> RunConfig:
    """Return the configuration with what trying the user's networks on the data told: shapes and latents.

    Raises:
        UsageError: a network does not take what it gets, or does not give what is needed.
    """
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
            arguments = (z if form == "vectors" else z[:, :, None, None], *([] if labels is None else [labels]))
            try:
                samples = network(*arguments)
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
                continue
            refuse_unlike_data(choice.source, samples, example)
            return replace(choice, latent_dim=dim, latents=form, example=example)
    raise UsageError(
        f"the generator {choice.source} does not take latents [B, {choice.latent_dim}]"
        + ("" if labels is None else f" and labels [B, {labels.shape[1]}]")
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
            found += [takes, takes - labels]
            break
    return [dim for place, dim in enumerate(found) if dim > 0 and dim not in found[:place]]


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
    given = () if labels is None else (labels,)
    squashed: list[Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda _layer, _given, made: squashed.append(made))
        for layer in network.modules()
        if isinstance(layer, nn.Sigmoid)
    ]
    try:
        with torch.no_grad():
            scores = network(examples, *given)
            ends_squashed = any(
                isinstance(scores, Tensor) and made.data_ptr() == scores.data_ptr() for made in squashed
            )
            beyond = network(examples * SATURATED, *given)
    except Exception as error:
        raise UsageError(
            f"the critic {choice.source} does not take examples [B, {joined(examples.shape[1:])}]"
            + ("" if labels is None else f" and labels [B, {labels.shape[1]}]")
            + f" ({type(error).__name__}: {printable(error)})"
        ) from None
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(scores, Tensor):
        raise UsageError(f"the critic {choice.source} gives {type(scores).__name__}; expected a tensor of scores [B]")
    if scores.shape[:1] != examples.shape[:1] or (scores.numel() != len(examples) and choice.reduce == "none"):
        raise UsageError(
            f"the critic {choice.source} gives {list(scores.shape)} for {len(examples)} examples; expected a score "
            f"each, or of a critic that scores patches `critic.reduce=mean`"
        )
    if not torch.isfinite(scores).all():
        raise UsageError(f"the critic {choice.source} gives scores that are NaN or infinite")
    if ends_squashed or bool((torch.minimum(beyond.abs(), (beyond - 1).abs()) < 1e-3).all()):
        raise UsageError(
            f"the critic {choice.source} ends in a sigmoid; every objective of gradpen takes unbounded scores, so "
            f"leave it out"
        )
    if penalised:
        around = choice.around(network, (1, 1, 1))
        refuse_coupling(around if labels is None else functools.partial(around, labels=labels), images)


def joined(shape: Any) -> str:
    """Return a shape as in ``3, 32, 32``."""
    return ", ".join(map(str, shape))


def refuse_other_weights(config: RunConfig, own: Own, checkpoint: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Raise if a network of the user's own has other weights than a checkpoint holds of it.

    Raises:
        UsageError: saying which module is needed.
    """
    for role in ("generator", "critic"):
        choice, module = getattr(config, role), getattr(own, role)
        if not isinstance(choice, OwnGenerator | OwnCritic) or role not in checkpoint:
            continue
        network = made(choice.source, choice.arguments, role) if module is None else module
        held = {name.removeprefix("network."): tuple(tensor.shape) for name, tensor in checkpoint[role].items()}
        if weights(network) != held:
            what = "as its import path alone makes it" if module is None else "that was given"
            raise UsageError(
                f"the {role} {printable(choice.source)}, {what}, does not have the weights of the run; in Python, give "
                f"the module that was trained, or one like it, as {role}="
            )


def cannot_return(config: RunConfig, own: Own) -> str:
    """Return in a sentence what loading the run will need; empty if gradpen can make the networks again by itself."""
    missing = []
    for role in ("generator", "critic"):
        choice, module = getattr(config, role), getattr(own, role)
        if not isinstance(choice, OwnGenerator | OwnCritic):
            continue
        try:
            again = weights(made(choice.source, choice.arguments, role))
            here = choice.source.startswith("__main__:")
        except UsageError:
            again, here = {}, True
        if here or (module is not None and again != weights(module)):
            missing.append(f"{role}={class_named(choice.source)}(…)")
    if not missing:
        return ""
    return (
        f"the run names its networks by import path, and they cannot be made again from that alone; to load or resume "
        f"it, give {' and '.join(missing)}, or name a class in a file of its own, with functools.partial for arguments"
    )


def class_named(source: str) -> str:
    """Return the name of a class from its import path."""
    return source.rpartition(":")[2]
