"""The VAE baseline: closed forms, learning, determinism, what the command leaves."""

import json
import math
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributions import Normal
from torch.distributions import kl_divergence as kl_of

import gradpen
import gradpen.looking.vae
from gradpen.cli import main
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, gather
from gradpen.errors import DivergedError
from gradpen.looking.vae import Vae, build_vae, kl_divergence, losses, reconstruct, train_vae
from gradpen.metrics.samples import sharpness
from gradpen.networks.dcgan import DcganGenerator
from gradpen.networks.mlp import MlpGenerator

CPU = torch.device("cpu")
DECODER = MlpGenerator(latent_dim=8, widths=(64,))


@pytest.fixture(scope="module")
def digits() -> Source:
    return open_source(DataChoice())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings: dict[str, Any] = {"iterations": 3, "batch_size": 16, "critic_steps": 1, "generator__width": 4}
    settings |= {"preset": "wgan-gp", "critic__width": 4, "threads": 1}
    return gradpen.train(out=tmp_path_factory.mktemp("vae") / "run", **settings).path


@given(seed=st.integers(0, 99), size=st.integers(1, 9))
def test_kl_divergence_is_that_of_two_normals(seed: int, size: int) -> None:
    mean, log_variance = torch.randn(2, 5, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = kl_of(Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros_like(mean), torch.ones_like(mean)))
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected.sum(dim=1))
    assert kl_divergence(0 * mean, 0 * mean).tolist() == [0] * 5


class Fixed(nn.Module):
    """Returns the same vector for every example."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = torch.tensor(values)

    def forward(self, x: Tensor) -> Tensor:
        return self.values.expand(len(x), -1)


def test_losses_by_hand() -> None:
    """Mean 2, variance 1 in one dimension: KL 2; a decoder of zeros: the images' squares, summed over pixels."""

    class Zeros(nn.Module):
        def forward(self, latents: Tensor) -> Tensor:
            return torch.zeros(len(latents), 1, 2, 2)

    images = torch.tensor([[[[1.0, 1.0], [1.0, 1.0]]], [[[0.0, 0.0], [0.0, 1.0]]]])
    squared_error, kl = losses(Vae(Fixed(2.0, 0.0), Zeros()), images)
    assert squared_error.item() == 2.5
    assert kl.item() == 2


def test_latents_have_the_encoders_mean_and_variance() -> None:
    torch.manual_seed(0)
    latents, mean, log_variance = Vae(Fixed(3.0, 2 * math.log(0.5)), nn.Identity())(torch.zeros(20_000, 1, 2, 2))
    assert (mean[0].item(), log_variance[0].item()) == pytest.approx((3, 2 * math.log(0.5)))
    assert latents.mean().item() == pytest.approx(3, abs=0.02)
    assert latents.std().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (3, 40, 64), (1, 3, 3)])
def test_shapes(shape: tuple[int, int, int]) -> None:
    vae = build_vae(DcganGenerator(latent_dim=5, width=4), shape)
    reconstructions, mean, log_variance = vae(torch.zeros(2, *shape))
    assert reconstructions.shape == (2, *shape)
    assert mean.shape == log_variance.shape == (2, 5)


def short(source: Source, seed: int, iterations: int = 5) -> tuple[Vae, list[dict[str, float]]]:
    return train_vae(DECODER, source, iterations=iterations, batch_size=32, seed=seed, device=CPU)


def test_it_learns_to_reconstruct_held_out_digits(digits: Source) -> None:
    vae, curve = short(digits, 0, 300)
    assert [row["iteration"] for row in curve] == [1, 50, 100, 150, 200, 250, 300]
    assert curve[-1]["squared_error"] < curve[0]["squared_error"] / 3
    images = gather(digits, digits.held_out, CPU)
    error = (reconstruct(vae, images) - images).square().flatten(1).sum(dim=1).mean()
    spread = (images - images.mean(dim=0)).square().flatten(1).sum(dim=1).mean()
    assert error < spread / 2, "better than the mean image"


def test_the_same_seed_gives_the_same_weights_and_leaves_randomness_alone(digits: Source) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, other = short(digits, 1), short(digits, 1)
    assert torch.equal(torch.rand(3), expected)
    assert one[1] == other[1]
    third = short(digits, 2)
    for name, tensor in one[0].state_dict().items():
        assert torch.equal(tensor, other[0].state_dict()[name])
    assert not torch.equal(one[0].encoder[0].weight, third[0].encoder[0].weight)  # type: ignore[index]


def test_an_infinite_loss_is_a_sentence(digits: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradpen.looking.vae, "LEARNING_RATE", 1e30)
    with pytest.raises(DivergedError, match="the loss of the VAE was no longer finite at batch 5"):
        short(digits, 0)


def test_what_the_command_leaves(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.read_bytes() for file in trained.rglob("*") if file.is_file()}
    assert main(["vae", str(trained), "--iterations=4", "--seed=3"]) == 0
    out, err = capsys.readouterr()
    assert "VAE batch 4/4" in err
    assert {file: file.read_bytes() for file in before} == before
    folder = trained / "vae"
    assert {file.name for file in folder.iterdir()} == {"vae.safetensors", "vae.json", "comparison.png"}
    values = json.loads((folder / "vae.json").read_text())
    assert (values["iterations"], values["seed"], values["batch_size"], values["run_iteration"]) == (4, 3, 16, 3)
    assert [row["iteration"] for row in values["curve"]] == [1, 4]
    assert values["n"] == 179
    assert set(values["sharpness"]) == {"data", "gan", "vae", "reconstructions"}
    assert set(values["distance"]) == {"gan", "vae", "floor"}
    assert f"{values['distance']['vae']['mean']:.4f}" in out
    assert f"VAE reconstructions  {values['sharpness']['reconstructions']:10.4f}" in out
    with Image.open(folder / "comparison.png") as picture:
        assert picture.width > 1000


def test_the_weights_written_are_those_measured(trained: Path, digits: Source) -> None:
    assert main(["vae", str(trained), "--iterations=4", "--seed=3"]) == 0
    run = gradpen.load(trained)
    vae = build_vae(run.config.generator, digits.shape).eval()
    vae.load_state_dict(load_file(trained / "vae" / "vae.safetensors"))
    images = gather(digits, digits.held_out, CPU)
    values = json.loads((trained / "vae" / "vae.json").read_text())
    assert values["sharpness"]["reconstructions"] == pytest.approx(sharpness(reconstruct(vae, images)).median().item())
    assert values["sharpness"]["data"] == pytest.approx(sharpness(images).median().item())


def test_ctrl_c_ends_it_with_a_sentence(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("vae")))
    real = gradpen.looking.vae.losses

    def interrupted(vae: Vae, images: Tensor) -> tuple[Tensor, Tensor]:
        signal.raise_signal(signal.SIGINT)
        return real(vae, images)

    monkeypatch.setattr(gradpen.looking.vae, "losses", interrupted)
    assert main(["vae", str(run), "--iterations=4"]) == 130
    assert "stopped; no VAE was written, and the run is as it was" in capsys.readouterr().err
    assert not (run / "vae").exists()


@pytest.mark.parametrize("name", ["replace_file", "write_json"])
def test_a_full_disk_is_a_sentence(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gradpen.looking.vae, name, full)
    assert main(["vae", str(trained), "--iterations=2"]) == 2
    assert "vae cannot be written (No space left on device); make room" in " ".join(capsys.readouterr().err.split())


def test_images_too_small_for_sharpness(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks = {name: {"name": "mlp", "widths": [8]} for name in ("generator", "critic")}
    settings: dict[str, Any] = {"iterations": 1, "batch_size": 16, "size": (2, 2), **networks}
    run = gradpen.train(out=tmp_path / "run", preset="wgan-gp", **settings)
    assert main(["vae", str(run.path), "--iterations=2"]) == 0
    assert "VAE samples                   -" in capsys.readouterr().out
    assert json.loads((run.path / "vae" / "vae.json").read_text())["sharpness"] == {}
