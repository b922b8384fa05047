"""A training loop of the user's own as gradpen sees it: its data as a source, its choices as a configuration."""

from dataclasses import asdict, is_dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from gradpen.config import RunConfig
from gradpen.data.arrays import Numbers
from gradpen.data.choice import DataChoice
from gradpen.data.labels import class_labels
from gradpen.data.memory import from_memory
from gradpen.data.source import Source, gather, label_vectors, split, spread_out
from gradpen.data.values import Layout, Values
from gradpen.errors import UsageError
from gradpen.lipschitz import CONSTRAINT_FORMS, Constraint
from gradpen.machine.seeds import separate_randomness
from gradpen.networks.own import CriticAround, GeneratorAround, OwnCritic, OwnGenerator, second
from gradpen.objectives import Minimax, NonSaturating
from gradpen.runs.trial import scored
from gradpen.settings import configure
from gradpen.text import printable

MOST = 5_000
"""examples that measures are taken on; more of them tell little more"""
TRIED = 8
"""examples that the networks are tried on"""
LAYOUTS: dict[int, Layout] = {2: "vectors", 3: "signals", 4: "images", 5: "volumes"}


def source_of(
    data: ArrayLike, labels: ArrayLike | None, held_out: ArrayLike | None, held_out_labels: ArrayLike | None
) -> Source:
    """Return the data as measures take them."""
    train = floats(data, "data")
    rows = spread_out(np.arange(len(train)), min(MOST, len(train)))
    images, layout = train[rows], LAYOUTS[train.ndim]
    classes = None if labels is None else integers(labels, len(train), "labels")[rows]
    depth = train.shape[2] if layout == "volumes" else None
    parts = split(len(images), 0.1)
    if held_out is not None:
        others = floats(held_out, "held_out")
        if others.shape[1:] != train.shape[1:]:
            raise UsageError(
                f"held_out: expected examples of shape {list(train.shape[1:])}, as in data, found "
                f"{list(others.shape[1:])}"
            )
        beside = spread_out(np.arange(len(others)), min(MOST, len(others)))
        if classes is not None:
            if held_out_labels is None:
                raise UsageError("held_out_labels: expected the classes of held_out, since there are labels")
            classes = np.concatenate([classes, integers(held_out_labels, len(others), "held_out_labels")[beside]])
        parts = np.arange(len(images)), np.arange(len(images), len(images) + len(beside))
        images = np.concatenate([images, others[beside]])
    kinds = None if classes is None else class_labels(classes, tuple(map(str, range(int(classes.max()) + 1))))
    numbers = Numbers(
        images=in_rows(images), values=Values(low=-1, high=1, dtype="float32", layout=layout, depth=depth), notes={}
    )
    return from_memory("array", "data of a loop", numbers.images, kinds, "float32", DataChoice(), parts, numbers)


def integers(labels: ArrayLike, count: int, name: str) -> np.ndarray:
    """Return a class for each example; raise :class:`UsageError` if there is not an integer for each."""
    classes = np.asarray(labels)
    if classes.shape != (count,) or classes.dtype.kind not in "iu":
        raise UsageError(
            f"{name}: expected an integer for each of {count:,} examples, found {classes.dtype} {list(classes.shape)}"
        )
    return classes


def floats(data: ArrayLike, name: str) -> np.ndarray:
    """Return examples as float32; raise :class:`UsageError` unless they are finite numbers of a known shape."""
    array = data.detach().cpu().float().numpy() if isinstance(data, Tensor) else np.asarray(data)
    if array.dtype.kind != "f" or array.ndim not in LAYOUTS or len(array) < 4:
        raise UsageError(
            f"{name}: expected floats as the critic sees them, images [N, C, H, W], vectors [N, D], signals "
            f"[N, C, L] or volumes [N, C, D, H, W], at least 4, found {array.dtype} {list(array.shape)}; of bytes, "
            f"give images / 127.5 - 1"
        )
    if not np.isfinite(array).all():
        raise UsageError(f"{name}: some values are NaN or infinite")
    return np.ascontiguousarray(array, dtype=np.float32)


def in_rows(images: np.ndarray) -> np.ndarray:
    """Return examples as ``[N, C, H, W]``."""
    if images.ndim == 2:
        return images[:, None, None, :]
    if images.ndim == 5:
        return images.reshape(*images.shape[:2], -1, images.shape[4])
    return images[:, :, None, :] if images.ndim == 3 else images


def config_of(
    objective: str,
    constraint: str | Constraint,
    critic_steps: int,
    latent_dim: int,
    latents: Literal["vectors", "maps"],
    taken: Literal["none", "argument", "numbers"],
    patches: bool,
    seed: int,
) -> RunConfig:
    """Return what rules look at of a loop that gradpen did not configure."""
    form: Any = CONSTRAINT_FORMS.get(constraint, constraint) if isinstance(constraint, str) else constraint
    settings = {
        "objective": objective,
        "constraint": asdict(form) if is_dataclass(form) and not isinstance(form, type) else form,
        "critic_steps": critic_steps,
        "seed": seed,
    }
    return replace(
        configure("wgan-gp", settings=settings),
        generator=OwnGenerator(source="loop:generator", latent_dim=latent_dim, latents=latents, labels=taken),
        critic=OwnCritic(source="loop:critic", labels=taken, reduce="mean" if patches else "none"),
    )


def tried(
    generator: nn.Module, critic: nn.Module, config: RunConfig, source: Source, example: tuple[int, ...]
) -> tuple[GeneratorAround, CriticAround, bool]:
    """Return the networks of a loop as gradpen calls them, and whether the critic ends in a sigmoid.

    Args:
        generator: the user's.
        critic: the user's.
        config: says what they take.
        source: the data.
        example: shape of one example as the critic takes it.

    Raises:
        UsageError: a network does not take what it is given, or does not give what is needed.
    """
    assert isinstance(config.generator, OwnGenerator)
    assert isinstance(config.critic, OwnCritic)
    maps, numbers = config.generator.latents == "maps", config.critic.labels == "numbers"
    patches = config.critic.reduce == "mean"
    device = next(critic.parameters()).device
    rows = source.train[:TRIED]
    images = gather(source, rows, device).contiguous().reshape(len(rows), *example)
    vectors = None if source.labels is None else label_vectors(source, rows).to(device)
    given = second(vectors, numbers=numbers)
    z = torch.zeros(len(rows), config.generator.latent_dim, device=device)
    z = z[:, :, None, None] if maps else z
    modes = [(module, module.training) for network in (generator, critic) for module in network.modules()]
    generator.eval(), critic.eval()
    try:
        with torch.no_grad(), separate_randomness():
            samples = called("generator", generator, z, *given)
            if not isinstance(samples, Tensor) or samples.numel() != len(rows) * prod(example):
                raise UsageError(
                    f"generator: it gives {shape_of(samples)} for {len(rows)} latents; expected examples like the "
                    f"data's, {[len(rows), *example]}"
                )
            scores = called("critic", critic, images, *given)
            first = scores[0] if isinstance(scores, tuple | list) and scores else scores
            each = isinstance(first, Tensor) and first.shape[:1] == (len(rows),)
            if not each or (first.numel() != len(rows) and not patches):
                raise UsageError(
                    f"critic: it gives {shape_of(scores)} for {len(rows)} examples; expected a score each (the first "
                    f"of several outputs), or patches=True of a critic that scores patches"
                )
            squashed = scored(critic, images, given)[1]
    finally:
        for module, training in modes:
            module.training = training
    return (
        GeneratorAround(generator, source.shape, maps=maps, numbers=numbers),
        CriticAround(critic, example, mean=patches, numbers=numbers, logits=squashed and takes_logits(config)),
        squashed,
    )


def takes_logits(config: RunConfig) -> bool:
    """Return whether an objective is about probabilities, which gradpen takes the logits of."""
    return isinstance(config.objective, Minimax | NonSaturating)


def called(role: str, network: nn.Module, *given: Tensor) -> Any:
    """Return what a network gives; raise :class:`UsageError` with its shapes and the error where it raises one."""
    try:
        return network(*given)
    except Exception as error:
        shapes = " and ".join(shape_of(one) for one in given)
        raise UsageError(
            f"{role}: it does not take {shapes} ({type(error).__name__}: {printable(error)}); say what it takes with "
            f"latent_dim, latents and labels_as"
        ) from None


def shape_of(given: Any) -> str:
    """Return type and shape of what a network takes or gives, in words."""
    if isinstance(given, Tensor):
        return f"{str(given.dtype).removeprefix('torch.')} {list(given.shape)}"
    return type(given).__name__
