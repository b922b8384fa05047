"""A small classifier of the data's own classes: features that know shape, and a reader of what samples show.

Numbers made with it are named so wherever they stand: in other features, a distance is another number.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from gradpen.data.source import Indices, Source, gather, spread_out
from gradpen.machine.room import cache_folder
from gradpen.machine.seeds import seed_everything, separate_randomness
from gradpen.optimizers import AdamWithoutCompiler

__all__ = ["Classifier", "classifier_of"]

VERSION = 1
WIDTH, FEATURES = 16, 64
SIDE = 32
"""rows and columns above which images are averaged down"""
SMALLEST_SIDE = 8
FEWEST_OF_A_CLASS = 10
BATCH, RATE = 128, 4e-3
FEWEST_STEPS, MOST_STEPS, PASSES = 200, 600, 20
"""training goes through the data 20 times, within these bounds"""
TESTED = 10_000
AT_ONCE = 250
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """A trained classifier, and how well it reads images it was not trained on."""

    network: nn.Module
    names: tuple[str, ...]
    accuracy: float
    """share of held-out images whose class it reads"""
    tested: int
    """held-out images that the accuracy is of"""

    def features(self, images: Tensor) -> Tensor:
        """Return what its last hidden layer makes of images ``[n, C, H, W]`` in [-1, 1], float32 ``[n, 64]``."""
        body = self.network[:-1]  # type: ignore[index]
        with torch.no_grad():
            return torch.cat([body(smaller(part)) for part in images.float().split(AT_ONCE)])

    def read(self, images: Tensor) -> Tensor:
        """Return the class of each image ``[n, C, H, W]`` in [-1, 1], int64 ``[n]``."""
        with torch.no_grad():
            read: Tensor = self.network[-1](self.features(images)).argmax(1)  # type: ignore[index]
        return read

    def shares(self, images: Tensor) -> Tensor:
        """Return the share of images that each class has, as read, ``[K]``."""
        return torch.bincount(self.read(images), minlength=len(self.names)) / len(images)


def class_distance(one: Tensor, other: Tensor) -> float:
    """Return the share of images that would have to change class to make two histograms ``[K]`` of shares equal.

    The total variation distance: 0 for the same shares, 1 for no class in common.

    >>> class_distance(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.5, 0.25, 0.25]))
    0.25
    """
    return float((one - other).abs().sum() / 2)


def silently(message: str) -> None:
    """Say nothing."""
    del message


def can_classify(source: Source) -> bool:
    """Return whether data have classes, enough images of each, and room in an image for a convolution."""
    labels = source.labels
    if labels is None or labels.kind != "classes" or min(source.shape[1:]) < SMALLEST_SIDE:
        return False
    counts = np.bincount(labels.values[source.train].astype(np.int64), minlength=len(labels.names))
    return len(counts) > 1 and int(counts.min()) >= FEWEST_OF_A_CLASS


def classifier_of(source: Source, say: Callable[[str], None] = silently) -> Classifier:
    """Return a classifier of the data's classes: from the user's cache, or trained now, a minute or two, and kept.

    Args:
        source: data that :func:`can_classify` allows.
        say: told when one is trained.
    """
    assert source.labels is not None
    place = cache_folder() / "classifiers" / f"{source.fingerprint[:32]}-{VERSION}.safetensors"
    classes = len(source.labels.names)
    with separate_randomness(), torch.enable_grad():
        seed_everything(0, "classifier", 0)
        network = build(source.shape[0], classes)
        known = stored(place, network)
        if known is None:
            say(f"training a classifier of the {classes} classes on {len(source.train):,} images; it is kept")
            train(network, source)
    if known is None:
        tested = spread_out(source.held_out, min(TESTED, len(source.held_out)))
        known = (accuracy(network, source, tested), len(tested))
        keep(place, network, *known)
    network.eval()
    return Classifier(network=network, names=source.labels.names, accuracy=known[0], tested=known[1])


def build(channels: int, classes: int) -> nn.Sequential:
    """Return the untrained network."""

    def convolution(fan_in: int, fan_out: int) -> list[nn.Module]:
        return [nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=False), nn.BatchNorm2d(fan_out), nn.ReLU()]

    return nn.Sequential(
        *convolution(channels, WIDTH),
        nn.MaxPool2d(2),
        *convolution(WIDTH, 2 * WIDTH),
        *convolution(2 * WIDTH, 2 * WIDTH),
        nn.MaxPool2d(2),
        *convolution(2 * WIDTH, 4 * WIDTH),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * WIDTH, FEATURES),
        nn.ReLU(),
        nn.Linear(FEATURES, classes),
    )


def smaller(images: Tensor) -> Tensor:
    """Return images of at most 32 rows and columns."""
    height, width = images.shape[2:]
    return images if max(height, width) <= SIDE else adaptive_avg_pool2d(images, (min(height, SIDE), min(width, SIDE)))


def train(network: nn.Module, source: Source) -> None:
    """Train on the data's training part, always in the same way."""
    assert source.labels is not None
    classes = torch.from_numpy(source.labels.values.astype(np.int64))
    order = np.random.Generator(np.random.Philox(key=0))
    batch = min(BATCH, len(source.train))
    steps = min(max(PASSES * len(source.train) // batch, FEWEST_STEPS), MOST_STEPS)
    optimizer = AdamWithoutCompiler(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    network.train()
    for _ in range(steps):
        rows = order.choice(source.train, batch, replace=False)
        loss = cross_entropy(network(smaller(gather(source, rows, CPU))), classes[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    network.eval()


@torch.no_grad()
def accuracy(network: nn.Module, source: Source, rows: Indices) -> float:
    """Return the share of images whose class is read."""
    assert source.labels is not None
    right = 0
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        read = network(smaller(gather(source, part, CPU))).argmax(1).numpy()
        right += int((read == source.labels.values[part]).sum())
    return right / len(rows)


def stored(place: Path, network: nn.Module) -> tuple[float, int] | None:
    """Fill the network from a file and return its accuracy and on how many images; None if there is no whole file."""
    try:
        with safe_open(place, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        return float(facts["accuracy"]), int(facts["tested"])
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, TypeError):
        return None


def keep(place: Path, network: nn.Module, right: float, tested: int) -> None:
    """Write the network beside its accuracy, whole or not at all; where that cannot be, it is trained again."""
    content = save(dict(network.state_dict()), {"facts": json.dumps({"accuracy": right, "tested": tested})})
    temporary = place.with_name(f".{place.name}.writing")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(place)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
