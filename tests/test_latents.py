"""Samples of latents that the user chooses: truncated, from a file, or found for given images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import kstest, truncnorm

import gradpen
from gradpen.errors import UsageError
from gradpen.sampling import first_latents


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> gradpen.Run:
    out = tmp_path_factory.mktemp("latents") / "run"
    return gradpen.train(preset="wgan-gp", generator__width=4, critic__width=4, iterations=2, batch_size=8, out=out)


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> gradpen.Run:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    widths: dict[str, Any] = {"generator__width": 4, "critic__width": 4}
    out = tmp_path_factory.mktemp("latents") / "run"
    return gradpen.train(
        images,
        labels=np.arange(40) % 3,
        preset="wgan-gp",
        conditional=True,
        iterations=2,
        batch_size=8,
        out=out,
        **widths,
    )


@pytest.mark.parametrize("truncation", [0.3, 1.0, 3.0])
def test_truncated_latents_have_the_truncated_normal_distribution_and_keep_their_order(truncation: float) -> None:
    z = first_latents(50, 1, 400, truncation)
    assert z.abs().max() <= truncation
    assert kstest(z.flatten().numpy(), truncnorm(-truncation, truncation).cdf).pvalue > 0.001
    free = first_latents(50, 1, 400)
    assert torch.equal(z[:, 0].argsort(), free[:, 0].argsort())


def test_a_wide_truncation_changes_nothing_that_shows(run: gradpen.Run) -> None:
    torch.testing.assert_close(run.latents(9, truncation=20), run.latents(9), rtol=1e-5, atol=1e-5)


def test_samples_of_latents_are_those_of_their_seed(run: gradpen.Run) -> None:
    z = run.latents(70, seed=3)
    assert np.array_equal(run.sample(latents=z), run.sample(70, seed=3))
    assert np.array_equal(run.sample(latents=z[5:9].numpy()), run.sample(70, seed=3)[5:9])
    near, far = (run.sample(64, truncation=t).astype(float).std(axis=0).mean() for t in (0.1, 2.0))
    assert near < far


@pytest.mark.parametrize(
    ("latents", "words"),
    [
        (np.zeros((2, 5)), "found float64"),
        (np.zeros(128), "found float64"),
        (np.full((2, 128), np.nan), "NaN"),
        (np.array([["a"] * 128]), "latents are numbers"),
        (np.zeros((0, 128)), "latents are numbers"),
    ],
)
def test_latents_that_do_not_fit_are_refused(run: gradpen.Run, latents: NDArray[Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        run.sample(latents=latents)


def test_both_neither_and_an_impossible_truncation_are_refused(run: gradpen.Run) -> None:
    with pytest.raises(UsageError, match="latents are given"):
        run.sample(3, latents=np.zeros((3, 128)))
    with pytest.raises(UsageError, match="how many"):
        run.sample()
    with pytest.raises(UsageError, match="positive"):
        run.sample(3, truncation=0)


def test_latents_travel_through_files(run: gradpen.Run, tmp_path: Path, command: Callable[..., Any]) -> None:
    assert (
        command("sample", run.path, "--count", 5, "--seed", 2, "--truncation", 1, "--out", tmp_path / "a.npz")[0] == 0
    )
    with np.load(tmp_path / "a.npz") as first:
        images, latents = first["images"], first["latents"]
    assert latents.shape == (5, 128)
    assert np.abs(latents).max() <= 1
    np.save(tmp_path / "three.npy", latents[:3])
    code, out, _ = command("sample", run.path, "--latents", tmp_path / "three.npy", "--out", tmp_path / "b.npz")
    assert code == 0
    assert "3 samples" in out
    with np.load(tmp_path / "b.npz") as second:
        assert np.array_equal(second["images"], images[:3])
    code, _, err = command("sample", run.path, "--latents", tmp_path / "none.npy")
    assert code == 2
    assert "none.npy cannot be read" in err
    code, _, err = command("sample", run.path, "--latents", tmp_path / "three.npy", "--count", 4)
    assert code == 2


def test_every_label_goes_with_given_latents(
    conditional: gradpen.Run, tmp_path: Path, command: Callable[..., Any]
) -> None:
    out = tmp_path / "all.npz"
    assert command("sample", conditional.path, "--labels", "all", "--count", 2, "--out", out)[0] == 0
    with np.load(out) as samples:
        assert samples["images"].shape[0] == samples["latents"].shape[0] == 6
        again = conditional.sample_every_label(latents=samples["latents"][:2])
        assert np.array_equal(again.reshape(samples["images"].shape), samples["images"])


def test_projection_finds_the_runs_own_samples(run: gradpen.Run) -> None:
    images = run.sample(3, seed=8)
    found = run.project(images)
    assert found.latents.shape == (3, 128)
    assert np.array_equal(run.sample(latents=found.latents), found.samples)
    drawn = np.abs(run.sample(64).astype(float)[None] - images[:, None]).mean(axis=(2, 3, 4)).min(axis=1)
    errors = np.abs(found.samples.astype(float) - images).mean(axis=(1, 2, 3))
    assert (errors < drawn / 2).all(), "nearer than what a search among samples finds"
    np.testing.assert_allclose(found.distances, errors, atol=0.6)  # samples are rounded to whole levels


def test_projection_takes_labels_and_refuses_other_shapes(conditional: gradpen.Run, run: gradpen.Run) -> None:
    images = conditional.sample(1, seed=4, label="1")
    found = conditional.project(images, label="1")
    assert np.array_equal(conditional.sample(latents=found.latents, label="1"), found.samples)
    with pytest.raises(UsageError, match="bring the images to that size"):
        run.project(np.zeros((1, 9, 9, 1)))
    with pytest.raises(UsageError, match="no image"):
        run.project(np.zeros((0, 8, 8, 1)))
