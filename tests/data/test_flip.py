"""Mirrored training images: half of them, addressed by the batch's number, nothing else changed."""

from itertools import islice

import numpy as np
import torch

from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, batches
from gradpen.settings import configure

CPU = torch.device("cpu")


def source() -> Source:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 5, 6), dtype=np.uint8)
    return open_source(DataChoice(), array=LabelledArray(images=pixels, labels=None))


def test_half_of_the_images_are_mirrored() -> None:
    data = source()
    plain = batches(data, 50, seed=3, start=0, device=CPU)
    mirrored = batches(data, 50, seed=3, start=0, device=CPU, flip=True)
    turned = []
    for one, other in islice(zip(plain, mirrored, strict=True), 20):
        same = (one.images == other.images).flatten(1).all(1)
        flipped = (one.images.flip(3) == other.images).flatten(1).all(1)
        assert bool((same ^ flipped).all())
        turned.append(flipped.double().mean().item())
    assert abs(float(np.mean(turned)) - 0.5) < 0.05
    assert len(set(turned)) > 1


def test_a_resumed_run_mirrors_the_same_images() -> None:
    data = source()
    from_the_start = list(islice(batches(data, 20, seed=1, start=0, device=CPU, flip=True), 6))
    continued = list(islice(batches(data, 20, seed=1, start=4, device=CPU, flip=True), 2))
    for one, other in zip(from_the_start[4:], continued, strict=True):
        assert torch.equal(one.images, other.images)


def test_nothing_is_mirrored_unasked() -> None:
    assert not configure("quick").data.flip
