"""Points in the plane: at their papers' scale, endless where they are, taken as they are and drawn as points."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gradpen
from gradpen.cli import main
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import batches
from gradpen.data.toys import TOYS, points_of
from gradpen.errors import DataError, UsageError
from gradpen.metrics.samples import exact_wasserstein
from gradpen.networks.mlp import MlpGenerator
from gradpen.presets.quick import PENALTY_OF_POINTS

CPU = torch.device("cpu")


def opened(name: str) -> np.ndarray:
    source = open_source(DataChoice(path=f"embedded:{name}"))
    assert source.values.unscaled
    return np.asarray(source.images)[:, 0, 0]


@pytest.mark.parametrize(
    ("name", "modes", "nearest", "spread"),
    [
        ("8gaussians", 8, 2 * 1.4144 * np.sin(np.pi / 8), 0.0141),
        ("25gaussians", 25, 0.7072, 0.0177),
        ("ring", 8, 2 * np.sin(np.pi / 8), 0.01),
        ("grid", 25, 2.0, 0.05),
    ],
)
def test_mixtures_have_the_published_scale(name: str, modes: int, nearest: float, spread: float) -> None:
    """Centres and spread as gan_toy.py and PacGAN's tables state them."""
    mixture = TOYS[name].mixture
    assert mixture is not None
    points = opened(name)
    distances = np.linalg.norm(points[:, None] - mixture.centres[None], axis=2)
    chosen = distances.argmin(axis=1)
    assert len(np.unique(chosen)) == modes
    apart = np.linalg.norm(mixture.centres[:, None] - mixture.centres[None], axis=2)
    assert np.sort(apart, axis=1)[:, 1] == pytest.approx(nearest, rel=1e-3)
    assert (points - mixture.centres[chosen]).std(axis=0) == pytest.approx(spread, rel=0.02)
    assert np.bincount(chosen) == pytest.approx(len(points) / modes, rel=0.1)


def test_swissroll_is_scikit_learns() -> None:
    """Both draw the same distribution: W1 between them is that between two of its own samples."""
    from sklearn.datasets import make_swiss_roll

    def theirs(seed: int) -> torch.Tensor:
        points, _ = make_swiss_roll(500, noise=0.25, random_state=seed)
        return torch.from_numpy(points[:, [0, 2]] / 7.5)

    ours = torch.from_numpy(points_of(TOYS["swissroll"])[:500]).double()
    floor = max(exact_wasserstein(theirs(seed), theirs(seed + 1)) for seed in (0, 2, 4))
    assert exact_wasserstein(ours, theirs(9)) < 1.5 * floor
    assert opened("swissroll").std(axis=0) == pytest.approx([0.89, 0.92], abs=0.02)


def test_two_gaussians_are_far_from_a_wrong_scale() -> None:
    """The distance of real points to real points with unit noise is about 0.8, as experiments with them rely on."""
    points = torch.from_numpy(opened("8gaussians")[:600]).double()
    noisy = torch.from_numpy(opened("8gaussians")[600:1200]).double()
    noisy = noisy + torch.randn(noisy.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert exact_wasserstein(points, noisy) == pytest.approx(0.81, abs=0.08)


def test_endless_batches_are_new_and_addressed_by_number() -> None:
    source = open_source(DataChoice(path="embedded:8gaussians"))
    first = list(islice(batches(source, 8, seed=1, start=0, device=CPU), 5))
    again = list(islice(batches(source, 8, seed=1, start=3, device=CPU), 2))
    assert torch.equal(first[3].images, again[0].images)
    seen = torch.cat([batch.images for batch in first]).flatten(1)
    assert len(torch.unique(seen, dim=0)) == 40
    known = torch.from_numpy(np.asarray(source.images)).flatten(1)
    assert torch.cdist(seen.double(), known.double()).min() > 0
    fixed = open_source(DataChoice(path="embedded:ring"))
    assert fixed.endless is None


def test_a_run_of_points_takes_and_gives_their_units(tmp_path: Path) -> None:
    run = gradpen.train(
        "embedded:grid",
        preset="toy-wgan-gp",
        out=tmp_path / "run",
        generator__widths=[16],
        critic__widths=[16],
        iterations=2,
        cadence__sample_every=1,
    )
    points = np.asarray([[-4.0, 4.0], [3.5, -9.0]])
    placed = run.values.taken(points)
    assert placed.shape == (2, 1, 1, 2)
    assert run.values.restore(placed).tolist() == points.tolist()
    assert run.sample(5).shape == (5, 2)
    made = run.plain_generator(units=True)(run.latents(5)).detach().flatten(1).numpy()
    assert made == pytest.approx(run.sample(5), abs=1e-5)
    with Image.open(tmp_path / "run" / "samples" / "00000002.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20) or []}
    assert {(227, 116, 0), (0, 120, 60)} <= colours
    assert main(["sample", str(tmp_path / "run"), "--count", "30", "--out", str(tmp_path / "points.png")]) == 0
    with Image.open(tmp_path / "points.png") as picture:
        assert picture.size == (384, 384)
    assert "unscaled" in json.loads((tmp_path / "run" / "data.json").read_text())["values"]


def test_quick_gives_points_a_generator_without_bounds(tmp_path: Path) -> None:
    run = gradpen.train("embedded:grid", out=tmp_path / "run", iterations=2)
    assert isinstance(run.config.generator, MlpGenerator)
    assert not run.config.generator.tanh
    assert not run.config.generator.batch_norm
    assert run.config.constraint == PENALTY_OF_POINTS


def test_a_generator_that_ends_in_tanh_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"makes numbers from -1 to 1 alone; choose `generator=mlp`"):
        gradpen.train("embedded:grid", preset="wgan-gp", out=tmp_path / "run", iterations=2)
    assert not (tmp_path / "run").exists()


def test_only_vectors_of_floats_go_unscaled() -> None:
    with pytest.raises(DataError, match="holds images"):
        open_source(DataChoice(path="embedded:digits", unscaled=True))
    with pytest.raises(UsageError, match="so there is no range"):
        gradpen.train("embedded:grid", data__unscaled=True, data__range="0,1", iterations=1)
