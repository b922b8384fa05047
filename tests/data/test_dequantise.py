"""Grey levels spread over their width: within them, evenly, addressed by the batch's number."""

from itertools import islice

import numpy as np
import pytest
import torch

import gradpen
from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, batches
from gradpen.errors import UsageError

CPU = torch.device("cpu")


def source() -> Source:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 5, 6), dtype=np.uint8)
    return open_source(DataChoice(), array=LabelledArray(images=pixels, labels=None))


def test_noise_fills_each_level_and_nothing_else() -> None:
    """Pixel p comes to lie in [p / 128 - 1, (p + 1) / 128 - 1), evenly, as in gan_cifar_resnet.py."""
    data = source()
    plain = batches(data, 50, seed=3, start=0, device=CPU)
    spread = batches(data, 50, seed=3, start=0, device=CPU, dequantise=True)
    levels, places = [], []
    for one, other in islice(zip(plain, spread, strict=True), 20):
        levels.append(torch.round((one.images.double() + 1) * 127.5))
        places.append((other.images.double() + 1) * 128)
    within = torch.cat(places) - torch.cat(levels)
    assert float(within.min()) > -1e-4
    assert float(within.max()) < 1 + 1e-4
    quarters = torch.histc(within.flatten().clamp(0, 1), 4, 0, 1) / within.numel()
    assert torch.allclose(quarters, torch.full((4,), 0.25, dtype=torch.float64), atol=0.01)


def test_a_resumed_run_sees_the_same_noise() -> None:
    data = source()
    from_the_start = list(islice(batches(data, 20, seed=1, start=0, device=CPU, dequantise=True), 6))
    continued = list(islice(batches(data, 20, seed=1, start=4, device=CPU, dequantise=True), 2))
    for one, other in zip(from_the_start[4:], continued, strict=True):
        assert torch.equal(one.images, other.images)
    assert not torch.equal(from_the_start[0].images, from_the_start[1].images)


def test_numbers_that_have_no_grey_levels_are_refused() -> None:
    numbers = np.random.default_rng(0).normal(size=(200, 8)).astype(np.float32)
    with pytest.raises(UsageError, match="spreads the grey levels of 8-bit images"):
        gradpen.train(numbers, preset="quick", data__dequantise=True, iterations=1)
