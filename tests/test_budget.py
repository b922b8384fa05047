"""Runs in the minutes given: what is chosen, that it stands in the configuration, and what is refused."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import gradpen
from conftest import Outcome
from gradpen.config import CriticWarmUp
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.errors import RunError, UsageError
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.presets.quick import AVERAGE, MINUTES, SIZES, TINY, pair
from gradpen.runs.audience import Audience
from gradpen.runs.budget import SPARED, Budget, Timing, largest, round_up
from gradpen.runs.state import Task
from gradpen.settings import configure, differences
from test_trainer import weights

SECOND = 0.02
"""minutes"""
CHOSEN = {"iterations", "cadence.log_every", "cadence.sample_every", "cadence.save_every"}


@pytest.fixture
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where an iteration is timed."""
    monkeypatch.setattr("gradpen.runs.budget.timed", lambda _: pytest.fail("timed"))


def silent() -> Audience:
    """Hear nothing, and draw no figures."""
    return Audience(publish=lambda _: None)


def noise(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side), dtype=np.uint8)


def test_what_was_chosen_stands_in_the_configuration_and_gives_the_same_run(tmp_path: Path, images: Path) -> None:
    run = gradpen.train(images, minutes=SECOND, out=tmp_path / "run", audience=silent())
    config = run.config
    assert isinstance(config.generator, MlpGenerator)
    assert (config.generator, config.critic) in [pair((1, 8, 8), width) for width, _ in SIZES]
    assert run.iteration == config.iterations == json.loads((run.path / "config.json").read_text())["iterations"]
    assert config.cadence.sample_every % config.cadence.log_every == 0
    assert config.cadence.save_every == config.cadence.sample_every
    again = gradpen.train(config=run.path / "config.json", out=tmp_path / "again", audience=silent())
    assert again.config == config
    for name, tensor in run.generator.state_dict().items():
        assert torch.equal(again.generator.state_dict()[name], tensor), name
    assert weights(again.path / "best") == weights(run.path / "best")


def test_on_the_command_line(tmp_path: Path, images: Path, command: Callable[..., Outcome]) -> None:
    run, again = tmp_path / "run", tmp_path / "again"
    code, _, err = command("train", images, f"--minutes={SECOND}", "--out", run)
    assert code == 0, err
    assert "quick: 36 training images, 8x8 in 1 channel, get mlp networks" in err
    assert re.search(r"; an iteration of \d+ images takes [\d.]+ ms here, so [\d,]+ iterations fit into", err)
    assert f"iterations fit into {SECOND} minutes" in err
    assert "give it more --minutes" in err
    assert "training in" in err
    code, _, err = command("train", "--config", run / "config.json", "--out", again)
    assert code == 0, err
    assert "fit into" not in err
    assert (again / "config.json").read_bytes() == (run / "config.json").read_bytes()
    assert weights(again / "checkpoint") == weights(run / "checkpoint")


def test_another_preset_keeps_its_networks(tmp_path: Path) -> None:
    run = gradpen.train(preset="wgan-gp-digits", minutes=SECOND, threads=1, out=tmp_path / "run", audience=silent())
    before = configure("wgan-gp-digits", settings={"threads": 1})
    assert {change.partition(":")[0] for change in differences(before, run.config)} <= CHOSEN
    assert run.iteration == run.config.iterations < before.iterations


def test_networks_that_were_set_stay(tmp_path: Path, images: Path) -> None:
    settings: dict[str, Any] = {"generator__width": 4, "critic__width": 4}
    run = gradpen.train(images, minutes=SECOND, threads=1, out=tmp_path / "run", audience=silent(), **settings)
    before = configure("quick", settings={"threads": 1, "generator.width": 4, "critic.width": 4})
    assert {change.partition(":")[0] for change in differences(before, run.config)} <= CHOSEN | {"data.path"}


@pytest.mark.usefixtures("untimed")
def test_with_iterations_only_networks_are_chosen_and_nothing_is_timed(tmp_path: Path) -> None:
    def trained(side: int, **settings: Any) -> Any:
        return gradpen.train(
            noise(30, side), iterations=1, out=tmp_path / f"{side}-{len(settings)}", audience=silent(), **settings
        ).config

    for side in (8, TINY):
        small = trained(side)
        assert small.generator == MlpGenerator(latent_dim=64, widths=(256, 256))
        assert small.critic == MlpCritic(widths=(256, 256))
    large = trained(TINY + 1)
    assert (large.generator, large.critic) == (DcganGenerator(latent_dim=64, width=16), DcganCritic(width=16))
    before = configure("quick", settings={"iterations": 1, "data.columns": []})
    assert differences(before, large) == []
    own = trained(TINY + 1, generator__width=4, critic__width=4)
    assert (own.generator.width, own.critic.width) == (4, 4)


@pytest.mark.usefixtures("untimed")
def test_chosen_networks_take_the_labels_that_were_asked_for(tmp_path: Path, images: Path) -> None:
    for number, file in enumerate(sorted(images.iterdir())):
        (images / "ab"[number % 2]).mkdir(exist_ok=True)
        file.rename(images / "ab"[number % 2] / file.name)
    run = gradpen.train(images, data__labels="folders", iterations=1, out=tmp_path / "run", audience=silent())
    assert run.labels is not None
    assert run.labels.names == ("a", "b")
    assert run.sample(3, label="b").shape == (3, 8, 8, 1)


@pytest.mark.usefixtures("untimed")
def test_a_published_preset_is_trained_as_it_is(tmp_path: Path) -> None:
    run = gradpen.train(noise(80, 8), preset="wgan-gp-digits", iterations=1, out=tmp_path / "run", audience=silent())
    before = configure("wgan-gp-digits", settings={"iterations": 1, "data.columns": []})
    assert differences(before, run.config) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--minutes=1", "--iterations=5"], "--minutes and --iterations are two lengths; choose one of them"),
        (["--minutes=1", "--set", "iterations=5"], "--minutes and --iterations are two lengths; choose one of them"),
        (["--minutes=0"], "--minutes 0: expected more than 0 and at most 1,000,000"),
        (["--minutes=-1"], "--minutes -1: expected more than 0 and at most 1,000,000"),
        (["--minutes=nan"], "--minutes nan: expected more than 0 and at most 1,000,000"),
        (["--minutes=inf"], "--minutes inf: expected more than 0 and at most 1,000,000"),
        (["--preset=wgan", "--minutes=0"], "--minutes 0: expected more than 0"),
        (["--minutes=many"], "many"),
        (["--resume={run}", "--minutes=1"], "--minutes cannot go with --resume: a resumed run is the same run"),
    ],
)
@pytest.mark.usefixtures("untimed")
def test_mistakes(tmp_path: Path, command: Callable[..., Outcome], arguments: list[str], sentence: str) -> None:
    run = tmp_path / "run"
    if "{run}" in arguments[0]:
        gradpen.train(noise(30, 8), iterations=1, out=run, audience=silent())
    code, out, err = command("train", *(argument.format(run=run) for argument in arguments))
    assert code == 2
    assert sentence in err
    assert err.count("gradpen: error:") <= 1
    assert out == ""
    with pytest.raises(UsageError, match="so minutes cannot be given with resume"):
        gradpen.train(resume=run, minutes=1)


@pytest.mark.usefixtures("untimed")
def test_a_file_sets_what_it_holds_and_no_more(tmp_path: Path, images: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text('{"iterations": 1, "critic_steps": 2}')
    run = gradpen.train(images, config=file, out=tmp_path / "run", audience=silent())
    assert (run.config.iterations, run.config.critic_steps) == (1, 2)
    assert isinstance(run.config.generator, MlpGenerator)
    file.write_text('{"iterations": 1, "generator": {"name": "dcgan", "width": 4}}')
    own = gradpen.train(images, config=file, out=tmp_path / "own", audience=silent())
    assert own.config.generator == DcganGenerator(latent_dim=64, width=4)


@pytest.mark.usefixtures("untimed")
def test_a_folder_in_use_is_refused_before_anything_is_timed(tmp_path: Path, images: Path) -> None:
    with pytest.raises(RunError, match="is not empty; a run never writes over another"):
        gradpen.train(images, minutes=SECOND, out=images, audience=silent())


def timing(seconds: float) -> Timing:
    return Timing(configure("quick"), seconds)


def test_without_a_length_quick_takes_its_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradpen.api import budget_for

    def minutes_of(preset: str, *, reduced: bool = False, **settings: Any) -> float | None:
        config = configure(preset, settings=settings)
        budget = budget_for(config, None, list(settings), reduced=reduced)
        return None if budget is None else budget.minutes

    assert minutes_of("quick") == minutes_of("quick", batch_size=8) == MINUTES
    assert minutes_of("quick", iterations=3) is None
    assert minutes_of("quick", reduced=True) is None
    assert minutes_of("wgan-gp") is None


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.1, 1), (1.5, 1), (5, 4), (12.0, 11), (105, 100), (1234, 1100), (12_345, 11_000)]
)
def test_iterations_that_fit_are_round(seconds: float, expected: int) -> None:
    assert timing(1.0).iterations(seconds) == expected
    assert timing(0.25).iterations(seconds / 4) == expected


@given(seconds=st.floats(1, 1e7), each=st.floats(1e-4, 10))
def test_iterations_fit_and_fill_the_time(seconds: float, each: float) -> None:
    found = timing(each).iterations(seconds)
    most = max(1.0, (1 - SPARED) * seconds / each)
    assert most / 1.1 - 1 <= found <= most
    assert len(str(found).rstrip("0")) <= 2


@given(st.floats(1e-3, 4e5))
def test_rounding_up(number: float) -> None:
    found = round_up(number)
    assert number <= found < 2 * number + 1
    assert len(str(found).rstrip("0")) <= 2
    assert round_up(found) == found


def test_a_warm_up_of_the_critic_counts() -> None:
    """25 iterations of 100 critic steps, where 5 are usual: a run of as much time has fewer iterations."""
    warming = replace(configure("wgan"), critic_warm_up=CriticWarmUp())
    found = Timing(warming, 1.0).iterations(1000)
    assert warming.critic_updates(found) <= 5 * 1000
    assert 300 < found < 500


def test_marks_and_lengths_that_were_set_stay() -> None:
    from gradpen.api import budget_for

    own = budget_for(configure("quick"), 1.0, ["cadence.sample_every"])
    assert own is not None
    assert not own.marks
    again = budget_for(configure("quick"), 2.0, [], ["iterations", "generator", "critic"])
    assert again is not None
    assert (again.minutes, again.networks) == (2.0, False)


@pytest.mark.usefixtures("untimed")
def test_labels_of_an_array_are_taken(tmp_path: Path) -> None:
    labels = np.arange(30) % 3
    run = gradpen.train(noise(30, 8), labels=labels, iterations=1, out=tmp_path / "run", audience=silent())
    assert run.labels is not None


def test_the_program_keeps_its_threads(tmp_path: Path, images: Path) -> None:
    before = torch.get_num_threads()
    gradpen.train(images, iterations=1, threads=before + 1, out=tmp_path / "run", audience=silent())
    assert torch.get_num_threads() == before


def chosen_where(
    seconds: Callable[[int, int], float], monkeypatch: pytest.MonkeyPatch, device: str = "cpu", **parts: Any
) -> tuple[Any, str]:
    """Return what is chosen for ten minutes where an iteration takes so long, by width and batch."""

    def timed(task: Task) -> Timing:
        generator: Any = task.config.generator
        return Timing(task.config, seconds(generator.width, task.config.batch_size))

    monkeypatch.setattr("gradpen.runs.budget.timed", timed)
    source = open_source(DataChoice(path="embedded:bricks", size=(16, 16)))
    task = Task(config=configure("quick", settings=parts), source=source, device=torch.device(device))
    return largest(task, Budget(minutes=10, networks=True, batch="batch_size" not in parts), 600)


def test_the_largest_size_that_makes_enough_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    """First width grows up to 32, then the batch up to 64, then width again."""

    def size_at(milliseconds: float, **parts: Any) -> tuple[int, int, str]:
        config, why = chosen_where(lambda width, batch: milliseconds / 1000 * width * batch, monkeypatch, **parts)
        generator: Any = config.generator
        return generator.width, config.batch_size, why

    # 600 s, of which 576 are for iterations: 115 ms each for 5,000.
    assert size_at(0.4)[:2] == (16, 16)
    assert size_at(0.2)[:2] == (32, 16)
    assert size_at(0.1)[:2] == (32, 32)
    assert size_at(0.05)[:2] == (32, 64)
    assert size_at(0.02)[:2] == (64, 64)
    assert size_at(0.0001) == (128, 128, "")
    assert size_at(0.1)[2] == (" (width 32 with 64 images at a time would make 2,800, and at least 5,000 are needed)")
    assert size_at(0.1, batch_size=16)[:2] == (64, 16)
    assert "width 96 would make 3,700," in size_at(0.1, batch_size=16)[2]


def test_too_little_time_for_any_takes_the_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    config, why = chosen_where(lambda width, _: 0.1 * width, monkeypatch)
    assert config.generator.width == 8
    assert "give it more" in why


def test_a_gpu_that_takes_as_long_for_more_gets_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger sizes while they cost nothing, with an average over as many updates."""
    config, why = chosen_where(lambda width, _: 0.2 if width <= 48 else 0.3, monkeypatch, device="cuda")
    assert (config.generator.width, config.batch_size) == (48, 64)
    assert config.average == replace(AVERAGE, half_life=32_000)
    assert "give it more" in why
    own: dict[str, Any] = {"average": 0.99}
    config, _ = chosen_where(lambda *_: 0.01, monkeypatch, device="cuda", **own)
    assert (config.batch_size, config.average) == (128, 0.99)


def test_a_batch_that_can_be_accumulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Forty-one training images in two parts: batches of 40, and no size twice."""
    config, _ = chosen_where(lambda *_: 0.01, monkeypatch, accumulate=2)
    assert config.batch_size == 128
    monkeypatch.undo()
    run = gradpen.train(noise(45, 16), minutes=0.01, accumulate=2, out=tmp_path / "run", audience=silent())
    assert run.config.batch_size % 2 == 0


def test_where_memory_ends_the_size_before_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(width: int, batch: int) -> float:
        if batch > 32:
            raise torch.OutOfMemoryError
        return 0.001

    config, why = chosen_where(seconds, monkeypatch)
    assert (config.generator.width, config.batch_size) == (32, 32)
    assert why == " (width 32 with 64 images at a time needs more memory than there is)"
