"""Generators that leave gradpen: each file computes what the run does, for any batch, and says what it holds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open

import gradpen
from gradpen.errors import RunError, UsageError
from gradpen.presets.catalogue import PRESETS
from gradpen.runs import export as exporting

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
JIT = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
PAIRS: dict[str, dict[str, Any]] = {
    "mlp": {"preset": "wgan-gp-digits", "generator__widths": [8], "critic__widths": [8]},
    "dcgan": {"preset": "wgan-gp", "generator__width": 4, "critic__width": 4},
    "upsampled": {"preset": "wgan-gp", "generator__width": 4, "critic__width": 4, "generator__way": "upsample"},
    "residual": {"preset": "wgan-gp", "generator": "residual", "generator__width": 4, "critic__width": 4, "size": 16},
    "r3gan": {"preset": "wgan-gp", "generator": "r3gan", "critic__width": 4, "size": 16},
    "conditional": {"preset": "wgan-gp", "generator__width": 4, "critic__width": 4, "conditional": True},
    "norm": {
        "preset": "wgan-gp",
        "generator__width": 4,
        "critic__width": 4,
        "conditional": True,
        "generator__labels": "norm",
        "critic__labels": "planes",
    },
}


@pytest.fixture(scope="module", params=PAIRS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> gradpen.Run:
    settings = PAIRS[request.param]
    labels = np.arange(40) % 3 if settings.get("conditional") else None
    out = tmp_path_factory.mktemp("export") / "run"
    return gradpen.train(IMAGES, labels=labels, iterations=1, batch_size=8, critic_steps=1, out=out, **settings)


@pytest.fixture(scope="module")
def depth(tmp_path_factory: pytest.TempPathFactory) -> gradpen.Run:
    deep = (IMAGES.astype(np.uint16) * 13 + 200).astype(np.uint16)
    out = tmp_path_factory.mktemp("export") / "deep"
    return gradpen.train(deep, iterations=1, batch_size=8, out=out, **PAIRS["dcgan"])


@pytest.mark.parametrize("suffix", exporting.FORMATS)
def test_every_network_is_exported_and_agrees(run: gradpen.Run, suffix: str, tmp_path: Path) -> None:
    done = gradpen.export(run, tmp_path / f"new/g{suffix}")
    assert done.path.is_file()
    assert done.difference <= exporting.TOLERANCE
    assert [file.name for file in done.path.parent.iterdir()] == [done.path.name]


def test_onnx_has_named_inputs_a_free_batch_and_the_datas_units(depth: gradpen.Run, tmp_path: Path) -> None:
    done = gradpen.export(depth, tmp_path / "g.onnx", units=True)
    session = onnxruntime.InferenceSession(done.path, providers=["CPUExecutionProvider"])
    assert [given.name for given in session.get_inputs()] == ["latents"]
    z = depth.latents(7, seed=5)
    numbers = session.run(None, {"latents": z.numpy()})[0]
    expected = depth.sample(latents=z)
    assert np.abs(numbers.transpose(0, 2, 3, 1) - expected).max() <= 0.5 + 0.01 * (4000 - 200) / 255
    facts = json.loads(session.get_modelmeta().custom_metadata_map["gradpen"])
    assert facts["dtype"] == "uint16"
    assert facts["range"] == [int(np.min(IMAGES)) * 13 + 200, int(np.max(IMAGES)) * 13 + 200]


def test_weights_say_what_they_are_and_load_into_a_plain_generator(depth: gradpen.Run, tmp_path: Path) -> None:
    done = gradpen.export(depth, tmp_path / "g.safetensors")
    with safe_open(done.path, framework="pt") as file:
        facts = json.loads(file.metadata()["gradpen"])
        names = set(file.keys())
    assert names == set(depth.plain_generator().state_dict())
    assert facts["config"]["generator"]["width"] == 4


@JIT
def test_the_plain_generator_traces_and_scripts(depth: gradpen.Run) -> None:
    plain, z = depth.plain_generator(), depth.latents(5)
    assert all(
        type(module).__module__.startswith("torch.nn")
        or "gradpen" not in str(type(module))
        or not list(module.parameters(recurse=False))
        for module in plain.modules()
    )
    expected = depth.generator(z)
    for made in (torch.jit.trace(plain, (z,)), torch.jit.script(plain)):
        torch.testing.assert_close(made(z), expected, rtol=1e-4, atol=1e-5)


@JIT
@pytest.mark.parametrize("name", [preset.name for preset in PRESETS])
def test_every_presets_generator_becomes_plain(name: str) -> None:
    from gradpen.networks.plain import as_plain

    preset = next(preset for preset in PRESETS if preset.name == name)
    config = gradpen.configure(name, reduced=name != "quick")
    labels = preset.labels if config.conditional else 0
    torch.manual_seed(0)
    network = config.generator.build(preset.shape, labels).eval()
    inputs = (torch.randn(3, config.generator.latent_dim), *([torch.eye(3, labels)] if labels else []))
    with torch.no_grad():
        expected = network(*inputs)
        plain = as_plain(network)
        torch.testing.assert_close(plain(*inputs), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(torch.jit.trace(plain, inputs)(*inputs), expected, rtol=1e-4, atol=1e-5)


def test_a_file_that_computes_something_else_is_not_written(
    depth: gradpen.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = exporting.read_program

    def off(path: Path) -> exporting.Compute:
        compute = read(path)
        return lambda inputs: compute(inputs) + 0.01

    monkeypatch.setattr(exporting, "read_program", off)
    with pytest.raises(RunError, match="differs from the run"):
        gradpen.export(depth, tmp_path / "g.pt2")
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(run: gradpen.Run, tmp_path: Path, command: Callable[..., Any]) -> None:
    code, out, err = command("export", run.path, "--out", tmp_path / "g.pt2", "--units")
    assert (code, err) == (0, "")
    assert "differs from the run by at most" in out
    code, _, err = command("export", run.path, "--out", tmp_path / "g.h5")
    assert code == 2
    assert "--out" in err
    assert ".onnx, .pt2, .safetensors" in err
    with pytest.raises(UsageError, match="no units"):
        gradpen.export(run, tmp_path / "g.safetensors", units=True)


def test_without_the_extra_it_says_what_to_install(
    depth: gradpen.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UsageError, match=r"gradpen\[onnx\]"):
        gradpen.export(depth, tmp_path / "g.onnx")
