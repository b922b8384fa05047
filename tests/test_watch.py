"""The measures and the verdict in a training loop of one's own."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gradpen
from gradpen.errors import UsageError
from gradpen.looking.verdict import Verdict
from gradpen.looking.watch import turned
from gradpen.looking.wiring import bounds
from gradpen.penalties import gradient_penalty


class Images(nn.Module):
    """A generator of images from maps of latents, with batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(6, 8, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 1, 1), nn.Tanh()
        )

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.layers(z)
        return made


class Labelled(nn.Module):
    """A player that takes label vectors beside its input."""

    def __init__(self, size: int, labels: int, out: int) -> None:
        super().__init__()
        self.layer = nn.Linear(size + labels, out)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        made: Tensor = self.layer(torch.cat([x, labels], 1))
        return made


class Embedding(nn.Module):
    """A player that takes classes as integers beside its input."""

    def __init__(self, size: int, out: int) -> None:
        super().__init__()
        self.classes, self.layer = nn.Embedding(3, 5), nn.Linear(size + 5, out)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        made: Tensor = self.layer(torch.cat([x, self.classes(labels)], 1))
        return made


class WithFeatures(nn.Module):
    """A critic that gives its score and what it is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 8), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.first(x).relu()
        return self.last(features), features


def perceptron(size: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, 32), nn.ReLU(), nn.Linear(32, out))


def points(count: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)) + 0.2


CASES: dict[str, Callable[[], gradpen.Watch]] = {
    "vectors": lambda: gradpen.Watch(perceptron(4, 2), perceptron(2, 1), points(300), latent_dim=4),
    "held out": lambda: gradpen.Watch(
        perceptron(4, 2), perceptron(2, 1), points(300), held_out=points(90, seed=1), latent_dim=4
    ),
    "images from maps, patches": lambda: gradpen.Watch(
        Images(), nn.Conv2d(1, 1, 3), torch.rand(60, 1, 4, 4) * 2 - 1, latent_dim=6, latents="maps", patches=True
    ),
    "signals": lambda: gradpen.Watch(
        nn.Sequential(nn.Linear(4, 16), nn.Unflatten(1, (2, 8))),
        nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(18, 1), nn.Flatten(0)),
        np.random.default_rng(0).random((50, 2, 8), dtype=np.float32),
        latent_dim=4,
    ),
    "labels": lambda: gradpen.Watch(
        Labelled(4, 3, 2), Labelled(2, 3, 1), points(90), latent_dim=4, labels=np.arange(90) % 3
    ),
    "labels and held out": lambda: gradpen.Watch(
        Labelled(4, 3, 2),
        Labelled(2, 3, 1),
        points(90),
        latent_dim=4,
        labels=np.arange(90) % 3,
        held_out=points(60, seed=1),
        held_out_labels=np.arange(60) % 3,
    ),
    "labels as integers": lambda: gradpen.Watch(
        Embedding(4, 2), Embedding(2, 1), points(90), latent_dim=4, labels=np.arange(90) % 3, labels_as="numbers"
    ),
    "volumes": lambda: gradpen.Watch(
        nn.Sequential(nn.Linear(4, 24), nn.Unflatten(1, (1, 2, 3, 4))),
        nn.Sequential(nn.Conv3d(1, 2, 2), nn.Flatten(), nn.Linear(12, 1)),
        torch.rand(40, 1, 2, 3, 4) * 2 - 1,
        latent_dim=4,
    ),
    "a score and features": lambda: gradpen.Watch(perceptron(4, 2), WithFeatures(), points(300), latent_dim=4),
    "probabilities": lambda: gradpen.Watch(
        perceptron(4, 2),
        nn.Sequential(*perceptron(2, 1), nn.Sigmoid()),
        points(300),
        latent_dim=4,
        objective="minimax",
        constraint="none",
    ),
    "a discriminator": lambda: gradpen.Watch(
        perceptron(4, 2), perceptron(2, 1), points(300), latent_dim=4, objective="non-saturating", constraint="none"
    ),
    "one of gradpen's constraints": lambda: gradpen.Watch(
        perceptron(4, 2), perceptron(2, 1), points(300), latent_dim=4, constraint=gradpen.GradientPenalty(weight=0.1)
    ),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES.keys())
def test_looks_change_nothing(make: Callable[[], gradpen.Watch]) -> None:
    """Neither weights nor moving statistics, gradients, modes or random numbers; measures are finite."""
    torch.manual_seed(0)
    watch = make()
    networks = (watch.gan.generator, watch.gan.critic)
    for network in networks:
        for parameter in network.parameters():
            parameter.grad = torch.ones_like(parameter)
    next(networks[0].children()).eval()
    before = copy.deepcopy([network.state_dict() for network in networks])
    modes = [module.training for network in networks for module in network.modules()]
    state = torch.get_rng_state()
    for iteration in (0, 1, 2, 3):
        seen = watch.look(iteration)
    for network, kept in zip(networks, before, strict=True):
        assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())
        assert all(bool((p.grad == 1).all()) for p in network.parameters() if p.grad is not None)
    assert [module.training for network in networks for module in network.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert all(np.isfinite(value) for value in seen.measures.values())
    assert seen.measures["iteration"] == 3
    assert isinstance(seen.verdicts[0], Verdict)
    assert str(seen).startswith(seen.verdicts[0].name)
    assert "gradpen train" not in str(seen), "there is no run to train anew"


def trained(weight: float, rate: float, steps: int = 240) -> gradpen.Watch:
    """A loop of one's own, with a look every forty iterations."""
    torch.manual_seed(0)
    generator, critic, data = perceptron(4, 2), perceptron(2, 1), points(2_000)
    watch = gradpen.Watch(generator, critic, data, held_out=points(500, seed=1), latent_dim=4)
    players = [
        torch.optim.Adam(p.parameters(), lr=lr, betas=(0.0, 0.9)) for p, lr in ((generator, 1e-3), (critic, rate))
    ]
    for step in range(1, steps + 1):
        for _ in range(5):
            real, fake = data[torch.randint(len(data), (64,))], generator(torch.randn(64, 4)).detach()
            penalty = weight * gradient_penalty(critic, real, fake)
            loss = critic(fake).mean() - critic(real).mean()
            players[1].zero_grad()
            (loss + penalty).backward()
            players[1].step()
        players[0].zero_grad()
        (-critic(generator(torch.randn(64, 4))).mean()).backward()
        players[0].step()
        if step % 40 == 0:
            watch.look(step, {"critic_loss": loss.item(), "penalty": penalty.item()})
    return watch


def test_a_loop_of_one_s_own_is_judged() -> None:
    good = trained(10.0, 3e-3)
    assert 0.9 < good.rows[-1]["slope_mean"] < 1.1
    assert "critic_loss" in good.rows[-1]
    seen = good.look(241)
    assert not seen.verdicts[0].sick
    assert "memorising" not in [verdict.name for verdict in seen.verdicts], "points are near others by chance"
    steep = trained(0.0, 3e-2)
    assert steep.rows[-1]["slope_mean"] > 10
    seen = steep.look(241)
    assert seen.verdicts[0].name == "critic unconstrained"
    assert "look whether the penalty is added to the loss" in str(seen)


def test_the_held_out_part_is_the_one_given() -> None:
    """A critic that knows the data by heart is told from one that does not by held-out data alone."""
    data, others = points(40), points(40, seed=1)

    class ByHeart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale * torch.exp(-1e3 * (x[:, None] - data).norm(dim=2).min(1).values)

    watch = gradpen.Watch(perceptron(4, 2), ByHeart(), data, held_out=others, latent_dim=4)
    for iteration in range(5):
        seen = watch.look(iteration)
    assert seen.measures["critic_gap_train"] > 0.99
    assert seen.measures["critic_gap_held_out"] < 0.01
    assert "overfitting critic" in [verdict.name for verdict in seen.verdicts]


def names_after(watch: gradpen.Watch, looks: int = 3) -> list[str]:
    """What is found after some looks, between which every weight moves that has a gradient."""
    players = (watch.gan.generator, watch.gan.critic)
    optimizer = torch.optim.SGD([weight for player in players for weight in player.parameters()], lr=1e-3)
    for iteration in range(looks):
        optimizer.zero_grad()
        players[1](players[0](torch.randn(16, 4))).mean().backward()
        optimizer.step()
        seen = watch.look(iteration)
    return [verdict.name for verdict in seen.verdicts]


class Cut(nn.Module):
    """A generator whose first layer no gradient reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 2)

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.last(self.first(z).relu().detach())
        return made


def test_layers_that_nothing_reaches_are_named() -> None:
    watch = gradpen.Watch(Cut(), perceptron(2, 1), points(300), latent_dim=4)
    assert "weights at rest" not in names_after(watch, looks=1), "nothing is at rest at the first look"
    assert "weights at rest" in names_after(watch)
    assert "1 of 4 matrices and filters unchanged: generator: first.weight" in str(watch.look(4))
    whole = gradpen.Watch(perceptron(4, 2), perceptron(2, 1), points(300), latent_dim=4)
    assert "weights at rest" not in names_after(whole)


def test_batch_norm_matters_under_a_penalty_alone() -> None:
    critic = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
    penalised = gradpen.Watch(perceptron(4, 2), critic, points(300), latent_dim=4)
    assert names_after(penalised)[0] == "batch norm under a penalty"
    free = gradpen.Watch(perceptron(4, 2), critic, points(300), latent_dim=4, objective="minimax", constraint="none")
    assert "batch norm under a penalty" not in names_after(free)


@pytest.mark.parametrize(
    ("last", "factor", "found"),
    [
        (nn.Tanh(), 1.0, False),
        (nn.Tanh(), 100.0, True),
        (nn.Sigmoid(), 1.0, True),
        (nn.ReLU(), 1.0, True),
        (nn.Identity(), 100.0, False),
        (nn.Hardtanh(-1, 1), 1.0, False),
    ],
)
def test_a_range_that_no_sample_reaches_is_named(last: nn.Module, factor: float, found: bool) -> None:
    """Even-spread data in [-1, 1], or a hundred times as much."""
    data = factor * (2 * torch.rand(300, 2, generator=torch.Generator().manual_seed(0)) - 1)
    watch = gradpen.Watch(nn.Sequential(*perceptron(4, 2), last), perceptron(2, 1), data, latent_dim=4)
    assert ("range out of reach" in names_after(watch)) == found


def test_a_layer_that_is_named_first_and_runs_last_is_the_last() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = nn.Linear(8, 2), nn.Linear(4, 8)

        def forward(self, z: Tensor) -> Tensor:
            made: Tensor = torch.sigmoid(self.last(self.first(z).relu()))
            return made

    lowest, highest = bounds(Backwards(), torch.randn(64, 4), None)
    assert (lowest, highest) == (0.0, 1.0)


def marks_of(gaps: list[float], near: list[float], **losses: float) -> list[dict[str, float]]:
    return [
        {
            "iteration": 40 * n,
            "critic_gap_train": gap,
            "critic_gap_train_error": 0.02,
            "frechet_distance": far,
            **losses,
        }
        for n, (gap, far) in enumerate(zip(gaps, near, strict=True))
    ]


@pytest.mark.parametrize(
    ("rows", "turned_round"),
    [
        (marks_of([0.1, -0.5, -0.4], [30, 9, 2]), True),
        (marks_of([0.1, -0.5, -0.4], [30, 9, 2], critic_loss=-0.45, penalty=0.02), True),
        (marks_of([0.1, -0.5, -0.4], [30, 9, 2], critic_loss=-2.0, penalty=0.0), False),
        (marks_of([0.1, -9.0, -60.0], [12, 20, 28]), False),
        (marks_of([0.1, -0.5, 0.4], [30, 9, 2]), False),
        (marks_of([0.1, 0.5, 0.4], [30, 9, 2]), False),
        (marks_of([0.1, -0.5, -0.4], [30, 9, 2], diversity=0.01), False),
    ],
    ids=[
        "the other sign",
        "with losses",
        "other data than its losses are of",
        "it runs away",
        "both signs",
        "usual",
        "samples that are all the same",
    ],
)
def test_a_loop_may_score_data_low(rows: list[dict[str, float]], turned_round: bool) -> None:
    """The authors' code minimises the scores of data; samples come nearer, and the gap has the other sign."""
    watch = gradpen.Watch(perceptron(4, 2), perceptron(2, 1), points(300), latent_dim=4)
    found = turned(rows, watch.config, watch.variety)
    assert [row["critic_gap_train"] for row in found] == [
        -row["critic_gap_train"] if turned_round else row["critic_gap_train"] for row in rows
    ]


def test_a_sigmoid_is_a_fault_where_scores_have_no_bounds() -> None:
    critic = nn.Sequential(*perceptron(2, 1), nn.Sigmoid())
    assert names_after(gradpen.Watch(perceptron(4, 2), critic, points(300), latent_dim=4))[0] == "sigmoid in the critic"
    watch = gradpen.Watch(perceptron(4, 2), critic, points(300), latent_dim=4, objective="minimax", constraint="none")
    seen = watch.look(0)
    assert 0 < seen.measures["accuracy"] < 1, "logits have both signs, where probabilities are all above 0"


@pytest.mark.parametrize("player", [0, 1])
def test_a_loop_that_diverged_is_told(player: int) -> None:
    networks = perceptron(4, 2), perceptron(2, 1)
    watch = gradpen.Watch(*networks, points(300), latent_dim=4)
    watch.look(0)
    with torch.no_grad():
        next(networks[player].parameters())[0, 0] = float("nan")
    assert watch.look(7).verdicts[0].name == "diverged"
    assert len(watch.rows) == 1, "there is nothing to measure"
    normed = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
    statistics = gradpen.Watch(normed, perceptron(2, 1), points(300), latent_dim=4)
    normed[1].running_mean.fill_(float("nan"))  # type: ignore[operator]
    assert statistics.look(0).verdicts[0].name == "diverged"
    well = gradpen.Watch(perceptron(4, 2), perceptron(2, 1), points(300), latent_dim=4)
    assert well.look(0, {"critic_loss": float("inf")}).verdicts[0].name == "diverged"


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"data": np.zeros((9, 4, 4, 3), np.uint8)}, "give images / 127.5 - 1"),
    ({"data": torch.zeros(3, 2)}, "at least 4"),
    ({"data": torch.full((9, 2), float("nan"))}, "NaN or infinite"),
    ({"held_out": torch.zeros(9, 3)}, "expected examples of shape \\[2\\]"),
    ({"labels": [0, 1]}, "an integer for each of 300 examples"),
    ({"labels": np.arange(300) % 2, "held_out": torch.zeros(9, 2)}, "held_out_labels: expected the classes"),
    (
        {"labels": np.arange(300) % 2, "held_out": torch.zeros(9, 2), "held_out_labels": [0, 1]},
        "held_out_labels: expected an integer for each of 9",
    ),
    ({"objective": "hing"}, "hinge"),
    ({"latent_dim": 5}, "generator: it does not take float32 \\[8, 5\\] \\(RuntimeError.*latent_dim, latents"),
    ({"data": points(300)[:, :1]}, "generator: it gives float32 \\[8, 2\\] for 8 latents; expected examples like"),
    ({"patches": False, "data": torch.zeros(9, 2), "critic": perceptron(2, 3)}, "patches=True of a critic"),
    ({"constraint": "gp"}, "gradient-penalty"),
]


@pytest.mark.parametrize(("changed", "words"), MISTAKES)
def test_mistakes_are_sentences(changed: dict[str, Any], words: str) -> None:
    usual = {"generator": perceptron(4, 2), "critic": perceptron(2, 1), "data": points(300), "latent_dim": 4}
    arguments: dict[str, Any] = usual | changed
    with pytest.raises(UsageError, match=words):
        gradpen.Watch(**arguments)


class UpperHalf(nn.Module):
    """A critic that looks at half of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.layer(x[:, :, :2].flatten(1))
        return score


def test_a_critic_that_looks_at_a_part_is_seen_at_once() -> None:
    generator = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Unflatten(1, (1, 4, 4)))
    data = torch.rand(80, 1, 4, 4) * 2 - 1
    assert gradpen.Watch(generator, UpperHalf(), data, latent_dim=4).look(0).verdicts[0].name == "critic sees a part"
    whole = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1))
    assert gradpen.Watch(generator, whole, data, latent_dim=4).look(0).verdicts[0].name == "too early to say"


def test_columns_of_different_ranges_are_seen_at_once() -> None:
    table = torch.cat([torch.randn(300, 3) * torch.tensor([0.1, 1.0, 500.0]), torch.arange(300)[:, None] % 2], 1)
    watch = gradpen.Watch(perceptron(4, 4), perceptron(4, 1), table, latent_dim=4)
    assert [one.name for one in watch.look(0).verdicts] == ["data unfit"]
    same = torch.cat([torch.randn(300, 3), (torch.arange(300)[:, None] == 7).float()], 1)
    watch = gradpen.Watch(perceptron(4, 4), perceptron(4, 1), same, latent_dim=4)
    assert [one.name for one in watch.look(0).verdicts] == ["too early to say"]
