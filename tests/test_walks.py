"""Walks between latents: their geometry, and that a walk's images are the samples of its latents."""

import math
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gradpen.cli import main
from gradpen.errors import UsageError
from gradpen.looking.films import (
    FRAMES,
    STEPS,
    loop_latents,
    save_animation,
    spherical,
    strip_latents,
)
from gradpen.networks.dcgan import DcganGenerator
from gradpen.sampling import CHUNK, draw_pixels, first_latents

DIM = 6


@pytest.fixture(scope="module")
def generator() -> torch.nn.Module:
    torch.manual_seed(0)
    return DcganGenerator(latent_dim=DIM, width=4).build((1, 8, 8)).eval()


@given(seed=st.integers(0, 1000), size=st.integers(1, 9))
def test_spherical_ends_are_exact_and_lengths_go_evenly(seed: int, size: int) -> None:
    one, other = torch.randn(2, size, generator=torch.Generator().manual_seed(seed))
    t = torch.linspace(0, 1, 5)
    way = spherical(one, other, t)
    assert torch.equal(way[0], one)
    assert torch.equal(way[-1], other)
    if size > 1:
        lengths = (1 - t) * one.norm() + t * other.norm()
        torch.testing.assert_close(way.norm(dim=1), lengths, rtol=1e-4, atol=1e-5)


def test_spherical_turns_evenly() -> None:
    way = spherical(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), torch.linspace(0, 1, 4))
    angles = [math.degrees(math.atan2(y, x)) for x, y in way.tolist()]
    assert angles == pytest.approx([0, 30, 60, 90], abs=1e-4)


def test_latents_on_one_line_are_joined_straight() -> None:
    for other in (torch.tensor([-3.0, 0.0]), torch.tensor([3.0, 0.0]), torch.zeros(2)):
        way = spherical(torch.tensor([1.0, 0.0]), other, torch.tensor([0.0, 0.25, 1.0]))
        assert way[1].tolist() == pytest.approx([0.75 + 0.25 * float(other[0]), 0])


def test_strips_go_from_sample_to_sample(generator: torch.nn.Module) -> None:
    samples = draw_pixels(generator, first_latents(DIM, 3, 40))
    strips = draw_pixels(generator, strip_latents(DIM, 3, 20)).reshape(20, STEPS, 1, 8, 8)
    assert np.array_equal(strips[:, 0], samples[::2])
    assert np.array_equal(strips[:, -1], samples[1::2])
    fewer = draw_pixels(generator, strip_latents(DIM, 3, 3)).reshape(3, STEPS, 1, 8, 8)
    assert np.array_equal(fewer, strips[:3])


def test_loops_pass_samples_and_close(generator: torch.nn.Module) -> None:
    count = 5
    z = loop_latents(DIM, 3, count).reshape(FRAMES, count, DIM)
    keys = first_latents(DIM, 3, 4 * count).reshape(4, count, DIM)
    assert torch.equal(z[:: FRAMES // 4], keys)
    steps = (z - z.roll(-1, dims=0)).norm(dim=2)
    assert steps.max() < 3 * steps.mean(), "the last frame leads on to the first"
    frames = draw_pixels(generator, z.flatten(0, 1)).reshape(FRAMES, count, 1, 8, 8)
    samples = draw_pixels(generator, first_latents(DIM, 3, 4 * count)).reshape(4, count, 1, 8, 8)
    assert np.array_equal(frames[:: FRAMES // 4], samples)


def test_an_image_of_a_walk_depends_on_its_latent_alone(generator: torch.nn.Module) -> None:
    z = first_latents(DIM, 1, 2 * CHUNK + 9)
    whole = draw_pixels(generator, z)
    for count in (1, CHUNK, CHUNK + 1, 2 * CHUNK):
        assert np.array_equal(draw_pixels(generator, z[:count]), whole[:count])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_gif(tmp_path: Path, channels: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (8, 4, channels, 8, 8), dtype=np.uint8)
    save_animation(frames, tmp_path / "new" / "walk.gif")
    with Image.open(tmp_path / "new" / "walk.gif") as picture:
        assert getattr(picture, "n_frames", 1) == 8
        assert picture.info["loop"] == 0
        assert picture.size == (2 * 66 + 2, 2 * 66 + 2)


def program(folder: Path, text: str) -> str:
    """A stand-in for ffmpeg, and the PATH that finds it."""
    folder.mkdir()
    file = folder / "ffmpeg"
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_films_go_through_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.zeros((8, 4, 1, 8, 8), np.uint8)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"walk.mp4 needs the program ffmpeg.* or choose walk.gif"):
        save_animation(frames, tmp_path / "walk.mp4")
    monkeypatch.undo()
    monkeypatch.setenv(
        "PATH", program(tmp_path / "good", 'for last; do :; done; echo "$@" > "$last.said"; cat > "$last"\n')
    )
    save_animation(frames, tmp_path / "walk.mp4")
    assert (tmp_path / "walk.mp4").stat().st_size == 8 * 134 * 134 * 3
    assert "-s 134x134 -r 16 -i pipe:0" in (tmp_path / "walk.mp4.said").read_text()
    monkeypatch.undo()
    monkeypatch.setenv("PATH", program(tmp_path / "bad", 'cat > /dev/null; echo "no codec" >&2; exit 1\n'))
    with pytest.raises(UsageError, match=r"ffmpeg could not write .*walk.mp4 \(no codec\); choose a .gif"):
        save_animation(frames, tmp_path / "walk.mp4")


def test_a_film_of_a_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, film = tmp_path / "run", tmp_path / "new" / "training.gif"
    settings = ["cadence.sample_every=1", "cadence.log_every=1", "generator.widths=[8]", "critic.widths=[8]"]
    arguments = ["train", "embedded:ring", "--preset", "toy-wgan-gp", "--iterations", "4", "--out", str(run)]
    assert main([*arguments, "--set", *settings]) == 0
    assert main(["sample", str(run), "--training", "--out", str(film)]) == 0
    assert "6 frames of how" in capsys.readouterr().out
    with Image.open(film) as picture:
        assert picture.is_animated  # type: ignore[attr-defined]
        assert picture.size == (384, 384)
    assert main(["sample", str(run), "--training", "--count", "3"]) == 2
    assert "--count has no meaning" in capsys.readouterr().err
    assert main(["sample", str(run), "--training", "--out", str(tmp_path / "training.png")]) == 2
    assert "is a film" in capsys.readouterr().err
    for grid in (run / "samples").iterdir():
        grid.unlink()
    assert main(["sample", str(run), "--training", "--out", str(film)]) == 2
    assert "no grid of samples yet" in capsys.readouterr().err
