"""Sharpness: closed forms, and that blur lowers it."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

import gradpen
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.metrics.generator import measure_generator
from gradpen.metrics.samples import sharpness
from gradpen.networks.dcgan import DcganGenerator
from gradpen.networks.mlp import MlpGenerator


def test_flat_images_and_ramps_have_none() -> None:
    rows, columns = torch.meshgrid(torch.arange(7.0), torch.arange(5.0), indexing="ij")
    images = torch.stack([torch.full((7, 5), 0.5), rows / 8, columns / 8, rows / 8 - columns / 4])
    assert sharpness(images[:, None]).tolist() == [0, 0, 0, 0]


def test_checkerboard() -> None:
    board = ((torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1)[None, None]
    assert sharpness(board).item() == 64
    assert sharpness(board / 2).item() == 16
    assert sharpness(board.expand(1, 3, 8, 8)).item() == 64
    assert sharpness(torch.cat([board, -board], dim=1)).item() == 0, "channels are averaged first"


def test_a_single_dot() -> None:
    """Laplacian -4 at the dot, 1 at its four neighbours, 0 at four more: mean 0, mean square 20 / 9."""
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1
    assert sharpness(image).item() == pytest.approx(20 / 9)


def test_the_border_counts_as_neighbour_only() -> None:
    image = torch.zeros(1, 1, 3, 9)
    image[0, 0, 0, 0] = 1
    assert sharpness(image).item() == 0, "a corner has no whole neighbourhood and is no one's neighbour inside"


def test_blurring_lowers_it() -> None:
    images = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    blurred = avg_pool2d(images, 3, stride=1, padding=1)
    assert (sharpness(blurred) < sharpness(images) / 4).all()
    assert (sharpness(avg_pool2d(blurred, 3, stride=1, padding=1)) < sharpness(blurred)).all()


def test_images_too_small_for_a_neighbourhood() -> None:
    with pytest.raises(ValueError, match="at least 3x3 pixels"):
        sharpness(torch.zeros(1, 1, 2, 9))
    source = open_source(DataChoice(size=(2, 2)))
    generator = MlpGenerator(latent_dim=2, widths=(4,)).build(source.shape)
    found = measure_generator(generator, 2, source, conditional=False, seed=0, limit=20, sets=2)
    assert "diversity" in found
    assert "sharpness" not in found


def test_of_a_generator() -> None:
    source = open_source(DataChoice())
    generator = DcganGenerator(latent_dim=4, width=4).build(source.shape)
    found = measure_generator(generator, 4, source, conditional=False, seed=0, limit=50, sets=2)
    made, real = found["sharpness"], found["real_sharpness"]
    assert made.n == real.n == 50
    assert real.mean > 0
    assert made.mean != real.mean
    assert gradpen.sharpness is sharpness
