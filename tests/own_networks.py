"""Networks as people bring them to :func:`gradpen.train`."""

import torch
from torch import Tensor, nn


class Generator(nn.Module):
    """A perceptron with a width to choose."""

    def __init__(self, width: int = 16, latent_dim: int = 12, labels: int = 0, shape: tuple[int, ...] = (1, 8, 8)):
        super().__init__()
        self.shape = shape
        self.layers = nn.Sequential(
            nn.Linear(latent_dim + labels, width), nn.BatchNorm1d(width), nn.LeakyReLU(0.2, inplace=True)
        )
        self.last = nn.Linear(width, int(torch.tensor(shape).prod()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = z if labels is None else torch.cat([z, labels], dim=1)
        return torch.tanh(self.last(self.layers(x))).view(-1, *self.shape)


class Maps(nn.Module):
    """The generator of PyTorch's DCGAN tutorial in small: latents are maps of one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(20, 8, 4, 1, 0, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(True),
            nn.ConvTranspose2d(8, 1, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        samples: Tensor = self.main(z)
        return samples


class Critic(nn.Module):
    """Convolutions whose maps are flattened by a view."""

    def __init__(self, channels: int = 1, width: int = 8, labels: int = 0) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2))
        self.score = nn.Linear(width * 16 + labels, 1)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        flat = self.features(x.view(-1, *x.shape[1:])).view(x.size(0), -1)
        score: Tensor = self.score(flat if labels is None else torch.cat([flat, labels], dim=1))
        return score


class EmbeddingGenerator(nn.Module):
    """A generator that takes the class as an integer, as in PyTorch-GAN's conditional GAN."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.last = nn.Embedding(3, 4), nn.Linear(12 + 4, 64)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = torch.cat([self.embedding(labels), z], dim=1)
        return torch.tanh(self.last(x)).view(-1, 1, 8, 8)


class EmbeddingCritic(nn.Module):
    """Its critic."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.layers = nn.Embedding(3, 4), nn.Sequential(nn.Linear(64 + 4, 8), nn.ELU(), nn.Linear(8, 1))

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        score: Tensor = self.layers(torch.cat([x.view(x.size(0), -1), self.embedding(labels)], dim=1))
        return score


class Patches(nn.Module):
    """A critic of patches."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 3), nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x)
        return scores


class Spoilt(nn.Module):
    """A perceptron critic with something at its end that does not fit."""

    def __init__(self, end: str = "", inputs: int = 64) -> None:
        super().__init__()
        self.end = end
        self.first, self.last = nn.Linear(inputs, 8), nn.Linear(8, 1)
        self.hidden = nn.BatchNorm1d(8) if end == "batch norm" else nn.Identity()
        self.sigmoid = nn.Sigmoid() if end == "sigmoid" else nn.Identity()

    def forward(self, x: Tensor) -> object:
        features = self.hidden(torch.relu(self.first(x.flatten(1))))
        score = self.sigmoid(self.last(features))
        if self.end == "functional sigmoid":
            return torch.sigmoid(score)
        if self.end == "functional batch norm":
            return score - score.mean()
        if self.end == "tuple":
            return score, features
        if self.end == "features":
            return features
        return score * float("nan") if self.end == "nan" else score
