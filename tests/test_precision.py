"""bfloat16: what computes in it, what does not, and how far its gradients are from exact ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import gradpen
from conftest import Outcome
from gradpen import auxiliary
from gradpen.algorithm import critic_step, train_iteration
from gradpen.batch import Batch
from gradpen.data.recognise import open_source
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.machine.device import choose_precision
from gradpen.machine.seeds import seed_everything
from gradpen.networks.precision import Casts
from gradpen.runs.checkpoint import newest_checkpoint
from gradpen.runs.notices import of_slow_precision
from gradpen.runs.state import Task, build_gan
from gradpen.settings import configure

CPU = torch.device("cpu")
TINY: dict[str, Any] = {"iterations": 4, "batch_size": 16, "critic_steps": 2, "cadence__log_every": 2}


def players(preset: str, precision: str, **settings: Any) -> tuple[Gan, Any, Batch]:
    values = {"precision": precision, "learning_rate": 1e-12} | settings
    config = configure(preset, settings=values)
    source = open_source(config.data)
    gan = build_gan(Task(config=config, source=source, device=CPU))
    images = torch.rand(16, *source.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    labels = torch.eye(10)[torch.arange(16) % 10] if config.conditional else None
    return gan, config, Batch(images=images.contiguous(memory_format=torch.channels_last), labels=labels)


def gradients(preset: str, precision: str, **settings: Any) -> dict[str, torch.Tensor]:
    """Gradients of both players after an iteration, flat, in float64."""
    gan, config, batch = players(preset, precision, **settings)
    seed_everything(0, "iterate", 1)
    train_iteration(gan, config.objective, config.constraint, [batch])
    return {
        name: torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]).double()
        for name, network in (("generator", gan.generator), ("critic", gan.critic))
    }


@pytest.mark.parametrize("preset", ["wgan-gp-digits", "wgan-gp"])
def test_gradients_are_near_and_nearer_with_an_exact_penalty(preset: str) -> None:
    exact, narrow, mixed = (gradients(preset, name) for name in ("fp32", "bf16", "bf16-fp32-penalty"))

    def error(found: dict[str, torch.Tensor], name: str) -> float:
        return float((found[name] - exact[name]).norm() / exact[name].norm())

    assert 1e-4 < error(narrow, "critic") < 0.05
    assert error(mixed, "critic") < error(narrow, "critic")
    assert 1e-4 < error(narrow, "generator") < 0.15


@pytest.mark.parametrize("preset", ["wgan-gp-digits", "wgan-gp", "cgan-mnist", "acgan-mnist", "wgan", "dcgan-bricks"])
def test_weights_gradients_and_scores_stay_in_fp32(preset: str) -> None:
    gan, config, batch = players(preset, "bf16", batch_size=16)
    if config.critic.labels != "classify":
        train_iteration(gan, config.objective, config.constraint, [batch])
    else:
        auxiliary.train_iteration(gan, config.objective, config.constraint, config.class_loss, [batch])
    assert gan.score(batch)(batch.images).dtype == torch.float32
    assert gan.generate(batch).dtype == torch.float32
    for network in (gan.generator, gan.critic):
        assert {p.dtype for p in network.parameters()} == {torch.float32}
        assert {p.grad.dtype for p in network.parameters() if p.grad is not None} == {torch.float32}


def test_the_networks_really_compute_in_it() -> None:
    seen = set()
    for precision in ("fp32", "bf16"):
        gan, _, batch = players("wgan-gp", precision)
        next(gan.critic.children()).register_forward_hook(lambda _m, _i, output: seen.add(output.dtype))
        gan.score(batch)(batch.images)
        assert gan.exact().score(batch) is gan.critic
    assert seen == {torch.float32, torch.bfloat16}


@pytest.mark.parametrize("constraint", ["gradient-penalty", "weight-clipping"])
def test_what_was_cast_follows_the_weights(constraint: str) -> None:
    """Fused Adam does not raise a parameter's version, so casts must be forgotten after its steps."""
    gan, config, batch = players("wgan-gp-digits", "bf16", learning_rate=1e-2, constraint=constraint)
    scores = [gan.score(batch)(batch.images).detach()]
    for _ in range(2):
        critic_step(gan, config.objective, config.constraint, batch)
        scores.append(gan.score(batch)(batch.images).detach())
        assert not torch.equal(*scores[-2:])
        assert torch.equal(scores[-1], replace(gan, casts=Casts()).score(batch)(batch.images))


def test_the_generator_is_cast_once_for_all_critic_steps() -> None:
    gan, config, batch = players("wgan-gp-digits", "bf16")
    seen = []
    for _ in range(3):
        critic_step(gan, config.objective, config.constraint, batch)
        kept = gan.casts.kept
        seen.append({name: kept[p][1] for name, p in gan.generator.named_parameters() if p in kept})
        assert not any(parameter in kept for parameter in gan.critic.parameters())
    assert seen[0]
    assert all(seen[0][name] is seen[2][name] for name in seen[0])


def test_copies_of_a_gan_share_its_casts_and_leave_no_hooks_behind() -> None:
    gan, _, batch = players("wgan-gp-digits", "bf16")
    hooks = gan.critic_optimizer._optimizer_step_post_hooks
    other = replace(replace(gan, one_pass=False), latent_dim=gan.latent_dim)
    assert other.casts is gan.casts
    assert len(hooks) == 1
    gan.score(batch)(batch.images)
    apart = replace(gan, casts=Casts())
    assert len(hooks) == 2
    del apart
    assert len(hooks) == 1, "casts take their hooks with them"


def test_a_run_in_bf16_resumes_exactly(tmp_path: Path) -> None:
    straight = gradpen.train(out=tmp_path / "a", preset="wgan-gp-digits", precision="bf16", **TINY)
    gradpen.train(out=tmp_path / "b", preset="wgan-gp-digits", precision="bf16", **TINY | {"iterations": 2})
    gradpen.train(resume=tmp_path / "b", iterations=4)
    one, other = (newest_checkpoint(tmp_path / name / "checkpoint", pytest.fail) for name in "ab")
    for part, tensors in one.tensors.items():
        assert all(torch.equal(value, other.tensors[part][name]) for name, value in tensors.items()), part
    record = json.loads((straight.path / "run.json").read_text())
    assert record["precision"] == {"networks": "torch.bfloat16", "penalty": "torch.bfloat16"}


def test_auto_takes_what_the_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    for has, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr("gradpen.machine.device.computes_in_bf16", lambda _, has=has: has)
        monkeypatch.setattr("gradpen.runs.notices.computes_in_bf16", lambda _, has=has: has)
        assert choose_precision("auto", CPU)[0] == expected
        for name in ("fp32", "bf16", "auto"):
            heard += of_slow_precision(configure(settings={"precision": name}), CPU)
    assert len(heard) == 1
    assert "precision=bf16 is emulated and slower" in heard[0]


def test_the_reference_engine_is_fp32(command: Callable[..., Outcome]) -> None:
    with pytest.raises(UsageError, match="reference engine is fp32"):
        configure(settings={"engine": "reference", "precision": "bf16"})
    code, _, err = command("train", "--precision", "fp8")
    assert code == 2
    assert "fp8" in err
