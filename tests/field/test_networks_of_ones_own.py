"""Networks of the user's own: tried on the data before training, found again afterwards, or what is missing is said."""

import copy
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gradpen
from conftest import Outcome
from gradpen.errors import UsageError
from gradpen.networks.own import OwnGenerator
from gradpen.runs.audience import Audience
from own_networks import Critic, EmbeddingCritic, EmbeddingGenerator, Generator, Maps, Patches, Spoilt

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (60, 8, 8), dtype=np.uint8)
SHORT: dict[str, Any] = {"preset": "wgan-gp", "iterations": 2, "batch_size": 8, "critic_steps": 2}


def said(**settings: Any) -> tuple[gradpen.Run, list[str]]:
    heard: list[str] = []
    return gradpen.train(audience=Audience(say=heard.append), **{**SHORT, **settings}), heard


def same(one: gradpen.Run, other: gradpen.Run) -> bool:
    return bool(np.array_equal(one.sample(4, seed=3), other.sample(4, seed=3)))


WAYS: dict[str, tuple[Any, Any]] = {
    "classes": (Generator, Critic),
    "classes with arguments": (functools.partial(Generator, width=20), functools.partial(Critic, width=4)),
    "modules": (Generator(), Critic()),
    "latents as maps": (Maps, Critic),
}


@pytest.mark.parametrize("way", WAYS)
def test_own_networks_train_load_resume_and_repeat(tmp_path: Path, way: str) -> None:
    generator, critic = WAYS[way]
    run, heard = said(data=IMAGES, out=tmp_path / "a", generator=generator, critic=critic)
    assert not any("import path" in sentence for sentence in heard)
    assert run.sample(3).shape == (3, 8, 8, 1)
    again = gradpen.load(tmp_path / "a")
    assert same(run, again)
    assert isinstance(again.config.generator, OwnGenerator)
    assert again.config.generator.latents == ("maps" if way == "latents as maps" else "vectors")
    assert again.config.generator.latent_dim == (20 if way == "latents as maps" else 12)
    longer = gradpen.train(IMAGES, resume=tmp_path / "a", iterations=4)
    whole, _ = said(data=IMAGES, out=tmp_path / "b", generator=generator, critic=critic, iterations=4)
    assert same(longer, whole)


def test_the_users_module_is_where_training_begins_and_stays_as_it_is(tmp_path: Path) -> None:
    generator = Generator()
    before = copy.deepcopy(generator.state_dict())
    run, _ = said(data=IMAGES, out=tmp_path / "a", generator=generator, critic=Critic(), learning_rate=1e-12)
    after = generator.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert type(generator.last) is nn.Linear
    trained = run.generator.state_dict()
    assert torch.allclose(trained["network.last.weight"], before["last.weight"], atol=1e-6)


def test_modules_whose_class_needs_arguments_are_asked_for_when_they_are_needed(tmp_path: Path) -> None:
    generator, critic = Generator(width=20), Critic()
    run, heard = said(data=IMAGES, out=tmp_path / "a", generator=generator, critic=critic)
    assert sum("give generator=Generator(…)" in sentence for sentence in heard) == 1
    with pytest.raises(gradpen.GradpenError, match=r"own_networks:Generator.* give the module that was trained"):
        gradpen.load(tmp_path / "a")
    assert same(run, gradpen.load(tmp_path / "a", generator=Generator(width=20)))
    longer = gradpen.train(IMAGES, resume=tmp_path / "a", iterations=4, generator=Generator(width=20))
    whole, _ = said(data=IMAGES, out=tmp_path / "b", generator=generator, critic=critic, iterations=4)
    assert same(longer, whole)


def test_a_class_of_the_program_itself_is_named(tmp_path: Path) -> None:
    class Local(Generator):
        pass

    run, _ = said(data=IMAGES, out=tmp_path / "c", generator=functools.partial(Local, width=9), critic=Critic)
    assert same(run, gradpen.load(run.path, generator=Local(width=9)))
    run, heard = said(data=IMAGES, out=tmp_path / "a", generator=Local(), critic=Critic)
    assert any("give generator=" in sentence for sentence in heard)
    with pytest.raises(UsageError, match="is not found here"):
        gradpen.load(tmp_path / "a")
    assert same(run, gradpen.load(tmp_path / "a", generator=Local()))


def test_only_one_own_network(tmp_path: Path) -> None:
    run, _ = said(data=IMAGES, out=tmp_path / "a", critic=Critic)
    assert run.config.generator == gradpen.configure("wgan-gp").generator
    assert same(run, gradpen.load(run.path))
    with pytest.raises(UsageError, match="gradpen builds itself"):
        gradpen.load(run.path, generator=Generator())


def test_patches_are_averaged_when_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gives \[16, 1, 4, 4\] for 16 examples; .* `critic.reduce=mean`"):
        said(data=IMAGES, out=tmp_path / "a", critic=Patches)
    assert not (tmp_path / "a").exists()
    run, _ = said(data=IMAGES, out=tmp_path / "a", critic=Patches, critic__reduce="mean")
    assert run.config.critic.reduce == "mean"  # type: ignore[attr-defined]


def test_labels_are_the_second_argument(tmp_path: Path) -> None:
    labels = np.arange(60) % 3
    settings = {"generator__labels": "argument", "critic__labels": "argument"}
    networks = {"generator": functools.partial(Generator, labels=3), "critic": functools.partial(Critic, labels=3)}
    run, _ = said(data=IMAGES, labels=labels, out=tmp_path / "a", **networks, **settings)
    assert run.config.generator.latent_dim == 12
    assert run.sample(2, label="1").shape == (2, 8, 8, 1)
    with pytest.raises(UsageError, match="labels="):
        said(data=IMAGES, labels=labels, out=tmp_path / "b", generator=Generator, critic=Critic)


def test_labels_may_be_integers_as_embeddings_take_them(tmp_path: Path) -> None:
    labels = np.arange(60) % 3
    settings = {"generator__labels": "numbers", "critic__labels": "numbers"}
    networks = {"generator": EmbeddingGenerator, "critic": EmbeddingCritic}
    run, _ = said(data=IMAGES, labels=labels, out=tmp_path / "a", **networks, **settings)
    assert run.sample(2, label="1").shape == (2, 8, 8, 1)
    loaded = gradpen.load(run.path)
    assert (loaded.sample(4, label="2", seed=1) == run.sample(4, label="2", seed=1)).all()
    attributes = np.stack([labels == 1, labels > 0], axis=1).astype(np.float32)
    with pytest.raises(
        UsageError, match=r"`generator\.labels` is numbers, which only classes have; these .* attributes"
    ):
        said(data=IMAGES, labels=attributes, out=tmp_path / "b", **networks, **settings)


SHAPES = {
    "vectors": (RANDOM.normal(size=(60, 7)), (7,)),
    "signals": (RANDOM.normal(size=(60, 2, 16)), (2, 16)),
    "volumes": (RANDOM.normal(size=(60, 1, 4, 5, 6)), (1, 4, 5, 6)),
    "colours": (RANDOM.integers(0, 256, (60, 6, 5, 3), dtype=np.uint8), (3, 6, 5)),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_networks_get_examples_in_the_shape_that_people_know(tmp_path: Path, kind: str) -> None:
    data, shape = SHAPES[kind]
    more = {"data__axes": "NCL"} if kind == "signals" else {}
    generator = functools.partial(Generator, shape=shape)
    critic = functools.partial(Spoilt, inputs=int(np.prod(shape)))
    seen: list[tuple[int, ...]] = []
    hook = nn.modules.module.register_module_forward_pre_hook(
        lambda module, given: seen.append(tuple(given[0].shape[1:])) if isinstance(module, Spoilt) else None
    )
    run, _ = said(data=data, out=tmp_path / "a", generator=generator, critic=critic, **more)
    hook.remove()
    assert set(seen) == {shape}
    assert run.sample(3).shape[0] == 3
    assert same(run, gradpen.load(run.path))


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("sigmoid", "ends in a sigmoid"),
        ("functional sigmoid", "ends in a sigmoid"),
        ("batch norm", "'network.hidden' is BatchNorm1d"),
        ("functional batch norm", "couples the examples"),
        ("tuple", "gives tuple"),
        ("features", r"gives \[16, 8\] for 16 examples"),
        ("nan", "NaN or infinite"),
    ],
)
def test_critics_that_cannot_be_trained_are_refused(tmp_path: Path, end: str, message: str) -> None:
    for critic in (Spoilt(end), functools.partial(Spoilt, end=end)):
        with pytest.raises(UsageError, match=message):
            said(data=IMAGES, out=tmp_path / "a", critic=critic)
    assert not (tmp_path / "a").exists()


WIDTH: dict[str, Any] = {"width": np.int64(3)}
WRONG: dict[str, Any] = {"wide": 3}


class Sigmoid(Generator):
    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return torch.sigmoid(super().forward(z, labels))


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (Sigmoid, r"data lie in\s+\[-1, 1\]; end it in tanh"),
        (functools.partial(Generator, shape=(1, 16, 16)), r"makes \[B, 1, 16, 16\] and the data are \[B, 1, 8, 8\]"),
        (functools.partial(Generator, shape=(1, 4, 16)), r"makes \[B, 1, 4, 16\]"),
        (Generator().double(), "weights of torch.float64"),
        (nn.Identity, "no weights to train"),
        (functools.partial(nn.LazyLinear, out_features=64), "lazy layers"),
        (functools.partial(Generator, 3), "keywords"),
        (functools.partial(Generator, **WIDTH), "keywords with numbers"),
        (functools.partial(Generator, **WRONG), "unexpected keyword argument"),
        (lambda z: z, "the generator is function; give a torch.nn.Module"),
        (dict, "the generator is type"),
    ],
)
def test_generators_that_cannot_be_trained_are_refused(tmp_path: Path, generator: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        said(data=IMAGES, out=tmp_path / "a", generator=generator)
    assert not (tmp_path / "a").exists()


def test_latents_that_the_generator_does_not_tell(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(30, 64))

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return torch.tanh(z @ self.weight).view(-1, 1, 8, 8)

    with pytest.raises(UsageError, match=r"does not take latents \[B, 100\] .*`generator.latent_dim`"):
        said(data=IMAGES, out=tmp_path / "a", generator=Odd())
    run, _ = said(data=IMAGES, out=tmp_path / "a", generator=Odd(), generator__latent_dim=30)
    assert run.latents(2).shape == (2, 30)


def test_on_the_command_line_a_class_is_found_where_python_looks(
    tmp_path: Path, command: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, images: Path
) -> None:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "class Generator(nn.Sequential):\n"
        "    def __init__(self, width=8):\n"
        "        super().__init__(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, 64), nn.Tanh())\n"
        "def function():\n    raise SystemExit('called')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place not in ("", str(tmp_path))])
    code, _, err = command("train", images, "--set", "generator=own", "generator.source=mine:Generator")
    assert code == 2
    assert "No module named 'mine'); set PYTHONPATH to the folder its file lies in" in err
    monkeypatch.syspath_prepend(str(tmp_path))
    options = ("--preset=wgan-gp", "--iterations=1", "--batch-size=8", "--set", "critic_steps=1")
    own = ("--set", "generator=own", "--set", 'generator.arguments={"width": 9}')
    code, _, err = command(
        "train", images, *options, *own, "--set", "generator.source=mine:Generator", "--out", tmp_path / "run"
    )
    assert code == 0, err
    code, _, err = command("sample", tmp_path / "run", "--out", tmp_path / "grid.png")
    assert code == 0, err
    code, _, err = command("train", images, *options, *own, "--set", "generator.source=mine:function")
    assert code == 2
    assert "mine:function is function and no class of torch.nn.Module" in err
    code, _, err = command("train", images, *options, *own, "--set", "generator.source=nowhere:Generator")
    assert code == 2
    assert "No module named 'nowhere'" in err
    monkeypatch.delitem(sys.modules, "mine")
    (tmp_path / "mine.py").unlink()
    code, _, err = command("sample", tmp_path / "run", "--out", tmp_path / "grid.png")
    assert code == 2
    assert "mine:Generator, which is not found here" in err


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace")
def test_own_networks_are_exported(tmp_path: Path) -> None:
    run, _ = said(data=IMAGES, out=tmp_path / "a", generator=Generator, critic=Critic)
    plain = run.plain_generator()
    z = run.latents(3)
    assert torch.allclose(torch.jit.trace(plain, (z,))(z), run.generator(z), atol=1e-6)


def test_a_run_from_elsewhere_runs_nothing_that_came_with_it(
    tmp_path: Path, command: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from its own folder nor as a part of folders that look like packages."""
    run, _ = said(data=IMAGES, out=tmp_path / "runs" / "foreign", generator=Generator, critic=Critic)
    (run.path / "net.py").write_text("raise SystemExit('it was run')")
    for source in ("net:G", "runs.foreign.net:G", "runs.00001-x.net:G"):
        for file in (run.path / "config.json", *run.path.glob("*/*/manifest.json")):
            file.write_text(file.read_text().replace("own_networks:Generator", source))
        monkeypatch.setattr("gradpen.runs.checkpoint.manifest_digest", lambda manifest: manifest["sha256"])
        for place, path in ((run.path, "."), (tmp_path, "runs/foreign")):
            monkeypatch.chdir(place)
            # As python -m gradpen does.
            monkeypatch.syspath_prepend(str(place))
            code, _, err = command("sample", path, "--out", tmp_path / "grid.png")
            assert code == 2
            assert "it was run" not in err
        for file in (run.path / "config.json", *run.path.glob("*/*/manifest.json")):
            file.write_text(file.read_text().replace(source, "own_networks:Generator"))


class Shared(Critic):
    """Layers under two names, as in a list and in the order they are called in."""

    def __init__(self) -> None:
        super().__init__()
        self.again = self.score
        self.parts = nn.ModuleList([*self.features])


class Gated(Critic):
    """An inner sigmoid, declared last."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sigmoid()

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(x * self.gate(x), labels)


class Dropping(Critic):
    """Whether it drops is what it says."""

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        MODES.append(self.training)
        return super().forward(x, labels)


MODES: list[bool] = []


class Still(Generator):
    """Its last layer begins at zero."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)


def test_plausible_networks_train(tmp_path: Path) -> None:
    for number, (generator, critic) in enumerate([(Generator, Shared), (Generator(), Shared()), (Still, Gated)]):
        run, _ = said(data=IMAGES, out=tmp_path / str(number), generator=generator, critic=critic)
        longer = gradpen.train(IMAGES, resume=run.path, iterations=3)
        assert longer.iteration == 3
    MODES.clear()
    said(data=IMAGES, out=tmp_path / "eval", generator=Generator().eval(), critic=Dropping().eval())
    assert sum(MODES) >= 4


def test_modules_that_cannot_be_copied_are_refused(tmp_path: Path) -> None:
    critic = Critic()
    nn.utils.spectral_norm(critic.score)
    critic(torch.zeros(2, 1, 8, 8))
    with pytest.raises(UsageError, match=r"cannot be copied .* functools\.partial"):
        said(data=IMAGES, out=tmp_path / "a", critic=critic)


def test_a_class_without_an_import_path_begins_from_the_seed(tmp_path: Path) -> None:
    class Local(Generator):
        pass

    before = torch.random.get_rng_state()
    runs = [said(data=IMAGES, out=tmp_path / name, generator=Local, critic=Critic, seed=3)[0] for name in "ab"]
    assert same(*runs)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_run_with_a_module_is_evaluated_with_it(tmp_path: Path) -> None:
    labels = np.arange(60) % 3
    networks = {"generator": functools.partial(Generator, labels=3), "critic": functools.partial(Critic, labels=3)}
    run, _ = said(data=IMAGES, labels=labels, conditional=True, out=tmp_path / "b", **networks)
    assert run.config.conditional
    run, heard = said(data=IMAGES, out=tmp_path / "a", generator=Generator(width=20), critic=Critic)
    assert "the generator own_networks:Generator takes 12 latents, as vectors" in heard
    module = functools.partial(Generator, width=20)
    assert same(run, gradpen.load(run.path, generator=module))
    found = gradpen.evaluate(run.path, IMAGES, generator=module(), count=4, sets=2)
    assert found["samples"].n == 4
    assert gradpen.nearest(run.path, IMAGES, generator=module(), count=2)
