"""Batches addressed by number, the split, and the pixel range."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from gradpen.data.choice import DataChoice, LabelledArray
from gradpen.data.recognise import open_source
from gradpen.data.source import batch_positions, batches, pixels_to_range, range_to_pixels, split

CPU = torch.device("cpu")


@settings(max_examples=100)
@given(count=st.integers(1, 40), batch_size=st.integers(1, 90), seed=st.integers(0, 2**63 - 1))
def test_batches_are_full_and_passes_are_whole(count: int, batch_size: int, seed: int) -> None:
    """Any batch size, larger than the data too: every image comes once in each pass."""
    numbers = -(-3 * count // batch_size)
    drawn = [batch_positions(count, batch_size, seed, number) for number in range(numbers)]
    assert all(len(positions) == batch_size for positions in drawn)
    flat = np.concatenate(drawn)
    for epoch in range(len(flat) // count):
        assert sorted(flat[epoch * count : (epoch + 1) * count].tolist()) == list(range(count))


def test_order_changes_between_passes_and_seeds() -> None:
    first, second = (batch_positions(100, 100, 0, number).tolist() for number in (0, 1))
    other = batch_positions(100, 100, 1, 0).tolist()
    assert first != second
    assert first != other
    assert first != list(range(100))


def test_a_stream_continues_at_any_batch() -> None:
    source = open_source(DataChoice())
    whole = batches(source, 64, seed=3, start=0, device=CPU)
    wanted = [next(whole) for _ in range(40)]
    for start in (0, 7, 39):
        resumed = batches(source, 64, seed=3, start=start, device=CPU)
        assert torch.equal(next(resumed).images, wanted[start].images)


@given(count=st.integers(2, 500), fraction=st.floats(0.01, 0.5))
def test_split_is_a_partition(count: int, fraction: float) -> None:
    train, held_out = split(count, fraction)
    assert sorted([*train, *held_out]) == list(range(count))
    assert len(held_out) == max(2, int(count * fraction))


def test_every_pixel_survives_the_range() -> None:
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(range_to_pixels(pixels_to_range(pixels)), pixels)
    assert pixels_to_range(pixels).min() == -1
    assert pixels_to_range(pixels).max() == 1


def test_batches_never_show_held_out_images() -> None:
    images = np.arange(20, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    source = open_source(DataChoice(held_out=0.25), array=LabelledArray(images=images))
    stream = batches(source, 5, seed=0, start=0, device=CPU)
    seen = {int(value) for _ in range(30) for value in range_to_pixels(next(stream).images)[:, 0, 0, 0]}
    assert seen == set(source.train.tolist())
    assert seen & set(source.held_out.tolist()) == set()


def test_embedded_digits() -> None:
    source = open_source(DataChoice())
    assert source.images.shape == (1797, 1, 8, 8)
    assert sum(source.report.classes.values()) == 1797
    assert source.images.max() == 255
    expected = load_digits()
    assert np.array_equal(source.images[:, 0], np.rint(expected.images * (255 / 16)))
    assert source.labels is not None
    assert np.array_equal(source.labels.values, expected.target)
    only = open_source(DataChoice(only=("3", "7")))
    assert only.report.classes == {"3": 183, "7": 179}
    assert only.fingerprint != source.fingerprint


def test_digits_resized() -> None:
    assert open_source(DataChoice(size=(32, 32))).shape == (1, 32, 32)


@pytest.mark.parametrize("colour", ["nosuch", "#12"])
def test_unknown_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="color"):
        DataChoice(background=colour)
