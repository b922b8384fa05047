"""The nearest image: closed forms, exactness, and that copies are found."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, shown
from gradpen.metrics.copies import find_neighbours, neighbours_to_json, verdict
from gradpen.metrics.neighbours import nearest_images


def random_images(seed: int, count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


@given(seed=st.integers(0, 99), at_once=st.integers(1, 40), channels=st.integers(1, 4))
def test_any_chunking_gives_the_answer_by_definition(seed: int, at_once: int, channels: int) -> None:
    images, queries = random_images(seed, 30, channels, 3, 2), random_images(seed + 100, 5, channels, 3, 2)
    rows = np.arange(1, 30, 2)
    found = nearest_images(queries, images, rows, at_once=at_once)
    differences = np.abs(queries[:, None].astype(int) - images[rows].astype(int)).mean(axis=(2, 3, 4))
    assert np.array_equal(found.rows, rows[differences.argmin(axis=1)])
    np.testing.assert_allclose(found.distances, differences.min(axis=1), rtol=1e-15)
    assert found.among == 15


def test_closed_forms() -> None:
    images = np.stack([np.full((3, 4, 4), value, np.uint8) for value in (0, 100, 255)])
    queries = np.stack([np.full((3, 4, 4), value, np.uint8) for value in (7, 100, 250)])
    found = nearest_images(queries, images, np.arange(3))
    assert found.rows.tolist() == [0, 1, 2]
    assert found.distances.tolist() == [7, 0, 5]
    assert found.median == 5
    assert nearest_images(images[:1], images, np.array([2])).distances.tolist() == [255]


def test_the_first_of_equally_near_images() -> None:
    images = np.zeros((9, 1, 2, 2), np.uint8)
    for at_once in (1, 2, 9):
        assert nearest_images(images[:1], images, np.array([3, 4, 8]), at_once=at_once).rows.tolist() == [3]


def test_large_images_are_exact_too() -> None:
    """Sums beyond what float32 holds exactly: 3 * 160 * 160 * 255 > 2**24."""
    images = np.full((2, 3, 160, 160), 255, np.uint8)
    images[1, 0, 0, 0] = 254
    found = nearest_images(np.zeros((1, 3, 160, 160), np.uint8), images, np.arange(2))
    assert found.rows.tolist() == [1]
    assert found.distances[0] * 3 * 160 * 160 == pytest.approx(255 * 3 * 160 * 160 - 1, abs=1e-6)


def test_memory_mapped_images(tmp_path: Path) -> None:
    images = random_images(0, 50, 1, 4, 4)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    found = nearest_images(images[20:23], mapped, np.arange(50), at_once=7)
    assert found.rows.tolist() == [20, 21, 22]
    assert not found.distances.any()


@pytest.fixture(scope="module")
def digits() -> Source:
    return open_source(DataChoice())


def test_copies_are_found(digits: Source) -> None:
    samples = shown(digits, digits.held_out[:6]).copy()
    samples[2], samples[5] = digits.images[digits.train[[11, 300]]]
    samples[5, 0, 0, 0] ^= 1
    found = find_neighbours(samples, digits)
    assert found.copies == [2, 5]
    assert found.train.rows[[2, 5]].tolist() == digits.train[[11, 300]].tolist()
    assert verdict(found).startswith("memorised: 2 of 6 samples (3, 6) lie nearer to a training image than ")
    assert neighbours_to_json(found)["copies"] == [2, 5]


def test_held_out_images_and_noise_are_no_copies(digits: Source) -> None:
    for samples in (shown(digits, digits.held_out[::20]), random_images(0, 9, 1, 8, 8)):
        found = find_neighbours(samples, digits)
        assert found.copies == []
        assert verdict(found).startswith(f"no copies found: none of {len(samples)} samples")
        assert "100 real held-out images" in verdict(found)


def test_the_subset_is_as_large_as_the_held_out_part(digits: Source) -> None:
    found = find_neighbours(shown(digits, digits.train[:5]), digits)
    assert found.subset.among == found.held_out.among == len(digits.held_out) == 179
    assert np.isin(found.subset.rows, digits.train).all()
    assert np.isin(found.held_out.rows, digits.held_out).all()
    assert (found.subset.distances >= found.train.distances).all()
    assert found.real.among == len(digits.train)


def test_duplicates_across_the_split_allow_no_verdict(digits: Source) -> None:
    images = digits.images.copy()
    images[digits.held_out[0]] = images[digits.train[0]]
    found = find_neighbours(shown(digits, digits.train[:3]), replace(digits, images=images))
    assert "nothing can be said about copies" in verdict(found)
