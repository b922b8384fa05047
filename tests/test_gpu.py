"""What holds on a CPU holds on a GPU: derivatives, restarts, precision, a length that fits. Skipped without one."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import gradpen
from gradpen.networks.dcgan import DcganCritic
from gradpen.networks.layers import use_stock_derivatives

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
SMALL: dict[str, Any] = {"generator.width": 8, "critic.width": 8, "cadence.log_every": 10, "cadence.sample_every": 20}


@pytest.fixture
def pictures() -> NDArray[np.uint8]:
    """Squares of random colours and places on white, 16x16."""
    random = np.random.default_rng(0)
    images = np.full((300, 16, 16, 3), 255, dtype=np.uint8)
    for image in images:
        row, column = random.integers(0, 8, 2)
        image[row : row + 8, column : column + 8] = random.integers(0, 200, 3)
    return images


def precision_of(run: gradpen.Run) -> str:
    return str(json.loads((run.path / "run.json").read_text())["precision"]["networks"])


def test_lean_second_derivatives_are_those_of_torch() -> None:
    torch.manual_seed(0)
    critic = DcganCritic(width=8).build((3, 16, 16), 0).to("cuda", torch.float64)
    x = torch.randn(4, 3, 16, 16, device="cuda", dtype=torch.float64)
    found = []
    for stock in (False, True):
        if stock:
            use_stock_derivatives(critic)
        torch.manual_seed(1)
        critic.zero_grad()
        (critic(x).mean() + gradpen.gradient_penalty(critic, x, -x)).backward()
        found.append([p.grad.clone() for p in critic.parameters() if p.grad is not None])
    for lean, stock_gradient in zip(*found, strict=True):
        torch.testing.assert_close(lean, stock_gradient, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_same_run_twice_and_in_two_parts(pictures: NDArray[np.uint8], tmp_path: Path, precision: str) -> None:
    """One in two parts, one whole, and the whole one again: every sample the same to the last bit."""
    chosen: dict[str, Any] = {"preset": "wgan-gp", "device": "cuda", "precision": precision, **SMALL}
    parts = gradpen.train(pictures, out=tmp_path / "parts", iterations=20, **chosen)
    parts = gradpen.train(pictures, resume=parts.path, iterations=40)
    whole, again = (gradpen.train(pictures, out=tmp_path / name, iterations=40, **chosen) for name in ("one", "two"))
    assert precision_of(whole) == {"fp32": "torch.float32", "bf16": "torch.bfloat16"}[precision]
    assert np.array_equal(whole.sample(16, seed=1), again.sample(16, seed=1))
    assert np.array_equal(whole.sample(16, seed=1), parts.sample(16, seed=1))


def test_quick_with_adaptive_augmentation_resumes_exactly(pictures: NDArray[np.uint8], tmp_path: Path) -> None:
    chosen: dict[str, Any] = {"device": "cuda", "iterations": 40, **SMALL, "cadence.save_every": 20}
    chosen |= {"augmentation.strength.target": -0.9, "augmentation.strength.images": 1000}
    whole = gradpen.train(pictures, out=tmp_path / "whole", **chosen)
    shutil.rmtree(whole.path / "checkpoint" / "00000040")
    resumed = gradpen.train(pictures, resume=whole.path)
    assert resumed.measures[-1]["augmentation_strength"] == whole.measures[-1]["augmentation_strength"] > 0
    assert np.array_equal(whole.sample(16, seed=1), resumed.sample(16, seed=1))


def test_a_run_of_the_gpu_is_sampled_and_measured_on_a_cpu(pictures: NDArray[np.uint8], tmp_path: Path) -> None:
    run = gradpen.train(pictures, out=tmp_path / "run", device="cuda", iterations=20, **SMALL)
    on_gpu, on_cpu = run.sample(16, seed=1), gradpen.load(run.path, device="cpu").sample(16, seed=1)
    assert np.abs(on_gpu.astype(int) - on_cpu.astype(int)).max() <= 2
    assert gradpen.evaluate(run.path, pictures)["frechet"].mean > 0


def test_a_length_is_fitted_to_minutes(pictures: NDArray[np.uint8], tmp_path: Path) -> None:
    run = gradpen.train(pictures, out=tmp_path / "run", device="cuda", minutes=0.2)
    assert run.config.precision == "auto"
    assert precision_of(run) == "torch.bfloat16"
    assert 6 < run.measures[-1]["seconds"] < 24
