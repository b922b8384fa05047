"""How labels enter networks: beside the latent, as planes beside the image, through norm layers, as a second output.

A label is a vector of K numbers (:mod:`gradpen.data.labels`). Every conditional module takes it as its second
argument ``labels``, float ``[B, K]``.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from gradpen.errors import UsageError
from gradpen.networks.layers import keep_channels_last
from gradpen.networks.norms import BatchNorm2d

GeneratorLabels = Literal["none", "concatenate", "embed", "multiply", "norm"]
"""how a generator takes labels: not at all; the vector beside the latent; an embedding of it beside the latent; the
latent times an embedding of its size; through conditional norm layers alone"""
CriticLabels = Literal["none", "planes", "embed", "classify"]
"""how a critic takes labels: not at all; one constant plane for each number beside the image's channels (or beside the
flattened image); an embedding likewise; by classifying images (AC-GAN), its score blind to labels"""


class Embedding(nn.Module):
    """A table of K rows that a label vector weights: one row for a one-hot label. Rows start from N(0, 1)."""

    def __init__(self, labels: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(labels, features))

    def forward(self, labels: Tensor) -> Tensor:
        """Return ``[B, features]`` from label vectors ``[B, K]``."""
        vectors: Tensor = labels @ self.weight
        return vectors


class TakesLabels(nn.Module):
    """A layer that is given maps and labels."""


class ConditionalBatchNorm(TakesLabels):
    """Batch norm whose scale and offset are tables indexed by the label, 1 and 0 at the start.

    Source: Dumoulin et al. 2017 (arXiv 1610.07629), equation 5; the release of Gulrajani et al. 2017
    (github.com/igul222/improved_wgan_training, ``tflib/ops/cond_batchnorm.py``).
    """

    def __init__(self, channels: int, labels: int, *, eps: float, momentum: float) -> None:
        super().__init__()
        self.norm = BatchNorm2d(channels, eps=eps, momentum=momentum, affine=False)
        self.scale = nn.Parameter(torch.ones(labels, channels))
        self.offset = nn.Parameter(torch.zeros(labels, channels))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the normalised maps ``[B, C, H, W]``, scaled and shifted by label."""
        scale, offset = (labels @ table for table in (self.scale, self.offset))
        maps: Tensor = self.norm(x) * scale[:, :, None, None] + offset[:, :, None, None]
        return maps


class Layers(nn.Sequential):
    """Layers one after the other, of which norm layers may look at the label."""

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the last layer's output."""
        for layer in self:
            x = layer(x, labels) if isinstance(layer, TakesLabels) else layer(x)
        return x


class ConditionalGenerator(nn.Module):
    """A generator of latents joined with labels."""

    def __init__(self, network: Layers, join: GeneratorLabels, embedding: Embedding | None) -> None:
        super().__init__()
        self.network, self.join, self.embedding = network, join, embedding

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Return images ``[B, C, H, W]`` from latents ``[B, latent_dim]`` and label vectors ``[B, K]``."""
        vectors = labels if self.embedding is None else self.embedding(labels)
        if self.join == "multiply":
            latents = latents * vectors
        elif self.join in ("concatenate", "embed"):
            latents = torch.cat([latents, vectors], dim=1)
        images: Tensor = self.network(latents, labels)
        return images


class ConditionalCritic(nn.Module):
    """A critic of images joined with labels: as planes ``[K, H, W]``, or as features of the flattened image."""

    def __init__(self, network: nn.Module, embedding: Embedding | None, *, flat: bool) -> None:
        super().__init__()
        self.network, self.embedding, self.flat = network, embedding, flat

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return scores ``[B]`` of images ``[B, C, H, W]`` with label vectors ``[B, K]``."""
        vectors = labels if self.embedding is None else self.embedding(labels)
        if self.flat:
            joined = torch.cat([images.flatten(1), vectors], dim=1)
        else:
            planes = vectors[:, :, None, None].expand(-1, -1, *images.shape[2:])
            joined = torch.cat([images, planes], dim=1)
        scores: Tensor = self.network(joined)
        return scores


class ClassifyingCritic(nn.Module):
    """A critic with a second output, the class of the image (AC-GAN: Odena, Olah & Shlens 2017, arXiv 1610.09585)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def judge(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores ``[B]`` and class logits ``[B, K]``."""
        outputs = self.network(images)
        return outputs[:, 0], outputs[:, 1:]

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return scores ``[B]``; labels do not matter to them."""
        del labels
        return self.judge(images)[0]


def refuse_missing_labels(takes: str, labels: int) -> None:
    """Raise if a network takes labels and there are none, K being ``labels``."""
    if takes != "none" and labels < 1:
        raise UsageError("this network takes labels, but the data have none; choose data with labels, or labels=none")


class TakesLatents(Protocol):
    """What a generator choice says about its latents and labels."""

    @property
    def latent_dim(self) -> int: ...  # noqa: D102
    @property
    def labels(self) -> GeneratorLabels: ...  # noqa: D102
    @property
    def label_features(self) -> int: ...  # noqa: D102


def generator_with_labels(choice: TakesLatents, labels: int, build: Callable[[int], Layers]) -> nn.Module:
    """Return a generator that takes labels as its choice says, channels last.

    Args:
        choice: how labels enter, and the sizes of latent and embedding.
        labels: K, the numbers in a label's vector.
        build: returns the network for latents of a size, that of the latents joined with their labels.

    Raises:
        UsageError: labels are to enter and there are none.
    """
    refuse_missing_labels(choice.labels, labels)
    network = build(choice.latent_dim + {"concatenate": labels, "embed": choice.label_features}.get(choice.labels, 0))
    keep_channels_last(network)
    if choice.labels == "none":
        return network
    features = {"embed": choice.label_features, "multiply": choice.latent_dim}.get(choice.labels)
    return ConditionalGenerator(network, choice.labels, None if features is None else Embedding(labels, features))


class JudgesLabels(Protocol):
    """What a critic choice says about labels."""

    @property
    def labels(self) -> CriticLabels: ...  # noqa: D102
    @property
    def label_features(self) -> int: ...  # noqa: D102


def critic_with_labels(
    choice: JudgesLabels, labels: int, build: Callable[[int, int], nn.Module], *, flat: bool = False
) -> nn.Module:
    """Return a critic that takes labels as its choice says, channels last.

    Args:
        choice: how labels enter, and the size of the embedding.
        labels: K, the numbers in a label's vector.
        build: returns the network, given how many channels (or features) labels add to an image and how many numbers
            the last layer gives: the score, and a logit for each class of a critic that classifies.
        flat: images are flattened before labels join them.

    Raises:
        UsageError: labels are to enter and there are none.
    """
    refuse_missing_labels(choice.labels, labels)
    network = build(
        {"planes": labels, "embed": choice.label_features}.get(choice.labels, 0),
        1 + labels if choice.labels == "classify" else 1,
    )
    keep_channels_last(network)
    if choice.labels == "none":
        return network
    if choice.labels == "classify":
        return ClassifyingCritic(network)
    embedding = Embedding(labels, choice.label_features) if choice.labels == "embed" else None
    return ConditionalCritic(network, embedding, flat=flat)
