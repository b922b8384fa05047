"""Networks of the user's own: any modules of PyTorch, known to a run by their import path.

A configuration names a class, never a function, and it is looked for where Python looks anyway, never in the run's
folder or the current one: a run may come from anywhere, and reading it must not run what came with it.
"""

import importlib
import importlib.util
import sys
from dataclasses import field
from importlib.machinery import ModuleSpec
from math import prod
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from gradpen.choice import STRICT, Size
from gradpen.errors import UsageError
from gradpen.networks.blocks import Shape
from gradpen.networks.plain import as_lean
from gradpen.text import printable

SURE = 1e-6
"""how near probabilities are taken to come to 0 and 1 where their logits are taken"""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class OwnGenerator:
    """A generator of the user's own.

    >>> import torch
    >>> own = OwnGenerator(source="torch.nn:Linear", arguments={"in_features": 5, "out_features": 12}, latent_dim=5)
    >>> own.build((3, 2, 2))(torch.zeros(7, 5)).shape
    torch.Size([7, 3, 2, 2])
    """

    name: Literal["own"] = "own"
    source: str
    """import path of its class, as in my_networks:Generator"""
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    """keyword arguments that the class is made with"""
    latent_dim: Size = 100
    latents: Literal["vectors", "maps"] = "vectors"
    """whether it takes latents as [B, latent_dim] or as [B, latent_dim, 1, 1]"""
    labels: Literal["none", "argument", "numbers"] = "none"
    """argument: label vectors [B, K] are its second argument; numbers: classes as integers [B], as embeddings take"""
    example: tuple[Size, ...] | None = None
    """shape in which it makes one example; none: channels, height and width"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator for images of this shape; raise :class:`UsageError` if its class is not found."""
        del labels
        return self.around(made(self.source, self.arguments, "generator"), shape)

    def around(self, network: nn.Module, shape: Shape) -> nn.Module:
        """Return a module of the user's as gradpen calls generators."""
        return GeneratorAround(as_lean(network), shape, maps=self.latents == "maps", numbers=self.labels == "numbers")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class OwnCritic:
    """A critic of the user's own.

    >>> import torch
    >>> patches = {"in_channels": 1, "out_channels": 1, "kernel_size": 4}
    >>> own = OwnCritic(source="torch.nn:Conv2d", arguments=patches, reduce="mean")
    >>> own.build((1, 8, 8))(torch.zeros(7, 1, 8, 8)).shape
    torch.Size([7])
    """

    name: Literal["own"] = "own"
    source: str
    """import path of its class, as in my_networks:Critic"""
    arguments: dict[str, Any] = field(default_factory=dict, hash=False)
    """keyword arguments that the class is made with"""
    labels: Literal["none", "argument", "numbers"] = "none"
    """argument: label vectors [B, K] are its second argument; numbers: classes as integers [B], as embeddings take"""
    reduce: Literal["none", "mean"] = "none"
    """mean: it scores patches of an example, and their mean is the example's score"""
    example: tuple[Size, ...] | None = None
    """shape in which it takes one example; none: channels, height and width"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic for images of this shape; raise :class:`UsageError` if its class is not found."""
        del labels
        return self.around(made(self.source, self.arguments, "critic"), shape)

    def around(self, network: nn.Module, shape: Shape) -> nn.Module:
        """Return a module of the user's as gradpen calls critics."""
        return CriticAround(
            as_lean(network), self.example or shape, mean=self.reduce == "mean", numbers=self.labels == "numbers"
        )


class GeneratorAround(nn.Module):
    """A user's generator, from latents ``[B, latent_dim]`` to samples ``[B, C, H, W]``."""

    def __init__(self, network: nn.Module, shape: Shape, *, maps: bool, numbers: bool = False) -> None:
        super().__init__()
        self.network, self.shape, self.maps, self.numbers = network, shape, maps, numbers

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return samples."""
        z = latents[:, :, None, None] if self.maps else latents
        samples: Tensor = self.network(z, *second(labels, numbers=self.numbers))
        return samples.reshape(latents.shape[0], *self.shape)


class CriticAround(nn.Module):
    """A user's critic, from examples ``[B, C, H, W]`` to scores ``[B]``."""

    def __init__(
        self,
        network: nn.Module,
        example: tuple[int, ...],
        *,
        mean: bool,
        numbers: bool = False,
        logits: bool = False,
    ) -> None:
        super().__init__()
        self.network, self.example, self.mean, self.numbers, self.logits = network, example, mean, numbers, logits

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return scores."""
        # Images lie in memory with their channels last, which a view, as people flatten with, cannot be taken of.
        examples = images.contiguous().reshape(images.shape[0], *self.example)
        made = self.network(examples, *second(labels, numbers=self.numbers))
        scores: Tensor = made[0] if isinstance(made, tuple | list) else made
        scores = scores.logit(SURE) if self.logits else scores
        return scores.reshape(images.shape[0], -1).mean(1) if self.mean else scores.reshape(images.shape[0])


def second(labels: Tensor | None, *, numbers: bool) -> tuple[Tensor, ...]:
    """Return what a user's network takes beside its input: label vectors ``[B, K]`` or classes ``[B]``."""
    if labels is None:
        return ()
    return (labels.argmax(1) if numbers else labels,)


def made(source: str, arguments: dict[str, Any], role: str) -> nn.Module:
    """Return a new module of the class at an import path.

    Raises:
        UsageError: there is none, it is no module, or it is not made with these arguments.
    """
    return instance(class_at(source, role), source, arguments, role)


def instance(cls: type[nn.Module], source: str, arguments: dict[str, Any], role: str) -> nn.Module:
    """Return a new module of a class.

    Raises:
        UsageError: it is not made with these arguments.
    """
    try:
        return cls(**arguments)
    except Exception as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        raise UsageError(
            f"the {role} {printable(source)} cannot be made with ({printable(given)}): {type(error).__name__}: "
            f"{printable(error)}; in Python, give the module itself as {role}=, or functools.partial of its class"
        ) from None


def class_at(source: str, role: str) -> type[nn.Module]:
    """Return the class at an import path.

    Raises:
        UsageError: there is none, or it is no class of modules.
    """
    place, _, name = source.partition(":")
    advice = (
        f"set PYTHONPATH to the folder its file lies in, as in PYTHONPATH=. gradpen …, or in Python give the module "
        f"itself as {role}="
    )
    try:
        if not all(part.isidentifier() for part in place.split(".")):
            raise ImportError(f"{place} is no name of a module")
        top = sys.modules.get(place.split(".")[0]) or importlib.util.find_spec(place.split(".")[0])
        if top is None or (isinstance(top, ModuleSpec) and top.origin is None):
            # A folder without __init__.py would be taken for a package wherever it lies.
            raise ModuleNotFoundError(f"No module named '{place}'")
        if isinstance(top, ModuleSpec) and lies_in_a_run(Path(str(top.origin))):
            raise ImportError(f"{place} lies in the folder of a run, whose files are never run")
        found: Any = importlib.import_module(place)
        for part in name.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the {role} is the user's own {printable(source)}, which is not found here ({type(error).__name__}: "
            f"{printable(error)}); {advice}"
        ) from None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise UsageError(f"{printable(source)} is {type(found).__name__} and no class of torch.nn.Module; {advice}")
    return found


def lies_in_a_run(file: Path) -> bool:
    """Return whether a file lies below a folder that has a run's configuration and checkpoints."""
    return any((folder / "config.json").is_file() and (folder / "checkpoint").is_dir() for folder in file.parents)


def weights(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a module's state."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def examples_shape(values_layout: str, shape: Shape, depth: int | None) -> tuple[int, ...]:
    """Return the shape that a user's network has one example in: vectors ``[D]``, signals ``[C, L]``, volumes whole.

    >>> examples_shape("vectors", (1, 1, 7), None), examples_shape("volumes", (1, 12, 5), 4)
    ((7,), (1, 4, 3, 5))
    """
    channels, height, width = shape
    if values_layout == "vectors":
        return (prod(shape),)
    if values_layout in ("signals", "lines"):
        return channels, width
    if depth is not None:
        return channels, depth, height // depth, width
    return shape
