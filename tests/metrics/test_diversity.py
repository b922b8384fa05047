"""How far images are apart from one another, and that a collapsed generator shows in it."""

import pytest
import torch
from torch import Tensor, nn

import gradpen
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.metrics.generator import measure_generator
from gradpen.metrics.samples import diversity


class Same(nn.Module):
    """The same image from every latent."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.image = nn.Parameter(torch.linspace(-1, 1, 64).view(1, *shape))

    def forward(self, z: Tensor) -> Tensor:
        return self.image.expand(len(z), -1, -1, -1)


def test_closed_forms() -> None:
    assert diversity(torch.ones(4, 2)) == 0
    assert diversity(torch.eye(5)) == pytest.approx(2**0.5)
    images = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    every_pair = torch.cdist(images.flatten(1), images.flatten(1)).sum() / (6 * 5)
    assert diversity(images) == pytest.approx(every_pair.item(), rel=1e-5)
    assert gradpen.diversity is diversity
    with pytest.raises(ValueError, match="at least 2 images"):
        diversity(images[:1])


def test_a_collapsed_generator_has_none() -> None:
    source = open_source(DataChoice())
    found = measure_generator(Same(source.shape), 3, source, conditional=False, seed=0, limit=40, sets=3)
    made, real = found["diversity"], found["real_diversity"]
    assert made.mean == made.standard_deviation == 0
    assert real.mean > 5
    assert 0 < real.standard_deviation < 0.1 * real.mean
    assert made.n == real.n == 40
