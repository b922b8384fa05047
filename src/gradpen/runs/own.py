"""Networks of the user's own: described by import path, built from the module or its class, and asked for again."""

import copy
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gradpen.config import RunConfig
from gradpen.errors import UsageError
from gradpen.machine.seeds import seed_everything, separate_randomness
from gradpen.networks.own import OwnCritic, OwnGenerator, class_at, instance, made, weights
from gradpen.text import printable


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
