"""Commands that look at trained runs, as a user types them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gradpen
from conftest import Outcome
from gradpen.errors import UsageError
from gradpen.metrics.generator import MEASURES, Estimate, measure_generator

SMALL: dict[str, Any] = {
    "preset": "wgan-gp",
    "iterations": 3,
    "batch_size": 16,
    "critic_steps": 1,
    "cadence__grid": 4,
    "threads": 1,
}
NARROW: dict[str, Any] = {"generator__width": 4, "critic__width": 4}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the embedded digits."""
    return gradpen.train(out=tmp_path_factory.mktemp("plain") / "run", **SMALL, **NARROW).path


@pytest.fixture(scope="module")
def conditional(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run conditioned on the ten digits."""
    labels: dict[str, Any] = {"generator__labels": "concatenate", "critic__labels": "planes"}
    return gradpen.train(out=tmp_path_factory.mktemp("labels") / "run", **SMALL, **NARROW, **labels).path


def array(file: Path) -> np.ndarray:
    with np.load(file) as values:
        found: np.ndarray = values["images"]
        return found


def test_one_label(tmp_path: Path, conditional: Path, command: Callable[..., Outcome]) -> None:
    code, _, err = command("sample", conditional, "--count=5", "--label=7", "--out", tmp_path / "seven.npz")
    assert code == 0, err
    loaded = gradpen.load(conditional)
    assert np.array_equal(array(tmp_path / "seven.npz"), loaded.sample(5, label="7"))
    assert not np.array_equal(array(tmp_path / "seven.npz"), loaded.sample(5, label="8"))


def test_all_labels(tmp_path: Path, conditional: Path, command: Callable[..., Outcome]) -> None:
    code, out, err = command("sample", conditional, "--labels", "all", "--out", tmp_path / "all.npz")
    assert code == 0, err
    assert "8 samples of each label (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)" in out
    rows = array(tmp_path / "all.npz").reshape(10, 8, 8, 8, 1)
    for label, row in enumerate(rows):
        assert np.array_equal(row, gradpen.load(conditional).sample(8, label=str(label)))
    assert command("sample", conditional, "--labels=all", "--count=3", "--out", tmp_path / "all.png")[0] == 0
    with Image.open(tmp_path / "all.png") as picture:
        assert picture.size == (3 * 66 + 2, 10 * 66 + 2)


def test_strips(tmp_path: Path, run: Path, conditional: Path, command: Callable[..., Outcome]) -> None:
    for place, label in ((run, None), (conditional, "0")):
        assert command("sample", place, "--strip=2", "--out", tmp_path / "strip.npz")[0] == 0
        strips = array(tmp_path / "strip.npz").reshape(2, 8, 8, 8, 1)
        samples = gradpen.load(place).sample(4, label=label)
        assert np.array_equal(strips[:, [0, -1]].reshape(samples.shape), samples)
    assert command("sample", conditional, "--strip=2", "--label=3", "--out", tmp_path / "strip.npz")[0] == 0
    assert np.array_equal(array(tmp_path / "strip.npz")[0], gradpen.load(conditional).sample(1, label="3")[0])
    assert command("sample", run, "--strip=2", "--out", tmp_path / "strip.png")[0] == 0
    with Image.open(tmp_path / "strip.png") as picture:
        assert picture.size == (8 * 66 + 2, 2 * 66 + 2)


def test_animation(tmp_path: Path, run: Path, conditional: Path, command: Callable[..., Outcome]) -> None:
    for place in (run, conditional):
        code, out, err = command("sample", place, "--out", tmp_path / "walk.gif")
        assert code == 0, err
        assert "48 frames of 16 samples of iteration 3" in out
        command("sample", place, "--count=16", "--out", tmp_path / "grid.png")
        with Image.open(tmp_path / "walk.gif") as film, Image.open(tmp_path / "grid.png") as grid:
            assert getattr(film, "n_frames", 1) == 48
            first = np.asarray(film.convert("L"), dtype=int)
            assert np.abs(first - np.asarray(grid, dtype=int)).max() <= 1, "the first frame is the grid of samples"


def test_nearest(tmp_path: Path, run: Path, command: Callable[..., Outcome]) -> None:
    code, out, err = command("nearest", run, "--count=5", "--out", tmp_path / "new" / "nearest.png")
    assert code == 0, err
    assert "to the nearest of 1,618 training images" in out
    assert "to the nearest of 179 held-out images" in out
    assert "no copies found: none of 5 samples" in out
    with Image.open(tmp_path / "new" / "nearest.png") as picture:
        assert picture.width > 1000
    values = json.loads(command("nearest", run, "--count=5", "--json", "--out", tmp_path / "b.png")[1])
    assert values["unit"] == "mean absolute error over pixels, 0 to 255"
    assert len(values["samples"]) == 5
    found = gradpen.nearest(run, count=5)
    assert [sample["train"]["distance"] for sample in values["samples"]] == found.train.distances.tolist()
    assert f"{found.train.median:.2f}" in out
    assert np.array_equal(found.samples, gradpen.load(run).sample(5).transpose(0, 3, 1, 2))


def test_python_takes_the_device_too(run: Path) -> None:
    for look in (gradpen.evaluate, gradpen.nearest):
        for name in ("abacus", "meta"):
            with pytest.raises(UsageError, match=f"device '{name}' is not available here"):
                look(run, device=name)


def test_evaluate_says_how_sharp_samples_are(run: Path, command: Callable[..., Outcome]) -> None:
    values = json.loads(command("evaluate", run, "--count=60", "--sets=2", "--json")[1])
    names = [name for measure in MEASURES for name in (measure.name, measure.real_name)]
    names += [name for kind in ("class_frechet", "class_shares") for name in (kind, f"real_{kind}")]
    assert list(values) == list(gradpen.evaluate(run, count=60, sets=2)) == names
    made, real = values["sharpness"], values["real_sharpness"]
    assert made["n"] == real["n"] == 60
    out = command("evaluate", run, "--count=60", "--sets=2")[1]
    shown = [f"{value['mean']:.4f} ± {value['standard_deviation']:.4f}" for value in (made, real)]
    assert f"{'sharpness':17s}{shown[0]:>18s}  {shown[1]:>18s}  median variance of the Laplacian" in out
    assert "60 images a set, 2 sets" in out


def test_commands_for_fid_are_printed(tmp_path: Path, images: Path, command: Callable[..., Outcome]) -> None:
    settings: dict[str, Any] = {"preset": "wgan-gp", "iterations": 1, "batch_size": 8, "critic_steps": 1}
    made = gradpen.train(images, out=tmp_path / "a run", generator__width=4, critic__width=4, **settings)
    code, out, _ = command("evaluate", made.path, "--fid")
    assert code == 0
    assert f"gradpen sample '{made.path}' --count 10000 --out '{made.path}/samples-for-fid'" in out
    assert f"--input2 {images}" in out
    assert not (made.path / "evaluation.json").exists()
    code, out, _ = command("evaluate", images, "--against", images, "--fid")
    assert code == 0
    assert f"--input1 {images} --input2 {images}" in out
    assert "gradpen sample" not in out, "these are samples already"
    (tmp_path / "idx").mkdir()
    (tmp_path / "idx" / "train-images-idx3-ubyte").write_bytes(bytes(16))
    assert command("evaluate", made.path, "--against", tmp_path / "idx", "--fid")[0] == 2
    made = gradpen.train(out=tmp_path / "digits", **settings)
    code, _, err = command("evaluate", made.path, "--fid")
    assert code == 2
    assert "compares with a folder of image files" in " ".join(err.split())


def test_evaluate_says_that_a_generator_collapsed(
    run: Path, command: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = json.loads(command("evaluate", run, "--count=60", "--sets=2", "--json")[1])
    assert values["diversity"]["n"] == values["real_diversity"]["n"] == 60
    half = 0.5 * values["real_diversity"]["mean"]
    real = measure_generator
    for mean, said in ((half - 0.01, True), (half + 0.01, False)):
        made = {"diversity": Estimate(mean=mean, standard_deviation=0.0, sets=2, n=60)}
        monkeypatch.setattr("gradpen.evaluation.measure_generator", lambda *a, made=made, **k: real(*a, **k) | made)
        out = command("evaluate", run, "--count=60", "--sets=2")[1]
        assert f"{mean:.4f} ± 0.0000" in out
        assert ("has collapsed, or nearly so" in out) == said


def test_help_says_every_option(command: Callable[..., Outcome]) -> None:
    options = {
        "sample": ("--count", "--label ", "--labels all", "--strip", ".gif", "--seed", "--device"),
        "nearest": ("--count", "--seed", "--out", "--json", "--device", "mean absolute error"),
        "vae": ("--iterations", "--seed", "DATA", "--device", "comparison.png"),
        "evaluate": ("--count", "--sets", "--device", "diversity", "sharpness"),
    }
    for name, words in options.items():
        code, out, _ = command(name, "--help")
        assert code == 0
        assert [word for word in words if word not in out] == []


MISTAKES: dict[str, tuple[list[str], str]] = {
    "device to evaluate on": (["evaluate", "{run}", "--device=abacus"], "device 'abacus' is not available here"),
    "device to search on": (["nearest", "{run}", "--device=abacus"], "device 'abacus' is not available here"),
    "device of a VAE": (["vae", "{run}", "--device=abacus"], "device 'abacus' is not available here"),
    "no such label": (["sample", "{conditional}", "--label=eleven"], "there is no label 'eleven' among 0, 1, 2"),
    "label of an unconditional run": (["sample", "{run}", "--label=7"], "was trained without labels, so there is no"),
    "all labels of an unconditional run": (["sample", "{run}", "--labels=all"], "was trained without labels"),
    "some labels": (["sample", "{conditional}", "--labels=some"], "some"),
    "label and labels": (
        ["sample", "{conditional}", "--label=7", "--labels=all"],
        "--label and --labels all ask for different pictures; choose one of them",
    ),
    "strip and labels": (["sample", "{conditional}", "--strip=2", "--labels=all"], "--strip and --labels all ask"),
    "strip and count": (["sample", "{run}", "--strip=2", "--count=3"], "--strip and --count ask"),
    "animated strip": (["sample", "{run}", "--strip=2", "--out=x.gif"], "--strip and --out x.gif ask"),
    "animated labels": (["sample", "{conditional}", "--labels=all", "--out=x.gif"], "--labels all and --out x.gif ask"),
    "no strips": (["sample", "{run}", "--strip=0"], "at least 1 sample can be drawn, found --strip 0"),
    "animation of nothing": (["sample", "{run}", "--count=0", "--out=x.gif"], "at least 1 sample"),
    "no encoder": (["sample", "{run}", "--out=x.mp4"], "x.mp4 needs the program ffmpeg, which is not installed"),
    "neighbours of nothing": (["nearest", "{run}", "--count=0"], "at least 1 sample"),
    "neighbours to another kind": (["nearest", "{run}", "--out=x.npz"], "--out x.npz: the picture is written to a"),
    "neighbours to nowhere": (["nearest", "{run}", "--out=/proc/x.png"], "/proc/x.png cannot be written"),
    "neighbours in other data": (["nearest", "{run}", "nowhere"], "there is no file or folder"),
    "neighbours of no run": (["nearest", "nowhere"], "nowhere is not a run"),
    "VAE of a conditional run": (["vae", "{conditional}"], "was trained with labels, which the VAE does not know"),
    "VAE without training": (["vae", "{run}", "--iterations=0"], "the VAE needs at least 1 iteration, found --iter"),
    "VAE of no run": (["vae", "nowhere"], "nowhere is not a run"),
    "VAE on other data": (["vae", "{run}", "nowhere"], "there is no file or folder"),
    "animation to nowhere": (["sample", "{run}", "--count=1", "--out=/proc/x.gif"], "/proc/x.gif cannot be written"),
}


def test_mistakes_get_a_sentence_and_cost_nothing(
    tmp_path: Path, run: Path, conditional: Path, command: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    wrong = []
    for mistake, (arguments, expected) in MISTAKES.items():
        code, out, err = command(*(argument.format(run=run, conditional=conditional) for argument in arguments))
        if code != 2 or expected not in err or out or err.count("gradpen: error:") > 1:
            wrong.append((mistake, code, out, err))
    assert not wrong
    assert list(tmp_path.iterdir()) == []
