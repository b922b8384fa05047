"""The page's mathematics, in the browser, against PyTorch and gradpen in float64."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gradpen.data import toys
from gradpen.optimizers import TensorFlowRMSProp
from gradpen.penalties import gradient_penalty

CLOSE = 1e-9


def network(sizes: list[int], random: np.random.Generator) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(random.normal(0, (1.6 / inputs) ** 0.5, (outputs, inputs))))
            layer.bias.copy_(torch.from_numpy(random.normal(0, 0.3, outputs)))
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def flat(tensors: Any) -> list[list[float]]:
    return [tensor.detach().flatten().tolist() for tensor in tensors]


def gradients(loss: Tensor, net: nn.Module) -> list[Tensor]:
    found = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
    return [torch.zeros_like(p) if one is None else one for one, p in zip(found, net.parameters(), strict=True)]


def apart(found: list[list[float]], expected: list[Tensor]) -> float:
    """The largest difference of any two entries, over the largest entry of that tensor.

    The last offset has derivative 0, 1 for samples less 1 for data, and rounding: 1e-4 of the largest of all will do.
    """
    least = 1e-4 * max(float(other.abs().max()) for other in expected)
    return max(
        float((torch.tensor(one, dtype=torch.float64) - other.flatten()).abs().max())
        / max(float(other.abs().max()), least)
        for one, other in zip(found, expected, strict=True)
    )


STEPS = """(given) => {
  const take = (values) => { const left = [...values]; return () => left.shift(); };
  const source = { coordinates: given.coordinates, labels: given.labels, draw: () => Float64Array.from(given.real) };
  const run = learn.train.begin({ ...given.settings, source, generator: "trained", criticRate: 0, generatorRate: 0 });
  const load = (net, values) => learn.network.parameters(net).forEach((one, i) => one.set(values[i]));
  load(run.critic.net, given.critic);
  load(run.generator.net, given.generator);
  run.latents = { normal: take(given.latents) };
  run.shares = { uniform: take(given.shares) };
  const finish = (steps) => { let step = steps.next(); while (!step.done) step = steps.next(); return step.value; };
  const tell = (player) => learn.network.parameters(player.gradients).map((one) => [...one]);
  const measures = finish(learn.train.criticStep(run));
  const critic = tell(run.critic);
  finish(learn.train.generatorStep(run));
  return { measures, critic, generator: tell(run.generator) };
}"""


@pytest.mark.parametrize("case", range(24))
def test_derivatives_are_those_of_pytorch(page: Any, case: int) -> None:
    """Of an iteration: the critic's loss with the penalty and without, and the generator's through the critic."""
    random = np.random.default_rng(case)
    width, depth = int(random.integers(3, 41)), int(random.integers(1, 13))
    coordinates, labels = int(random.integers(1, 4)), int(random.integers(0, 4))
    batch = int(random.integers(1, 140))
    weight = float(10 ** random.uniform(-1, 1)) if case % 4 else 0.0
    inputs = coordinates + labels
    critic = network([inputs, *[width] * depth, 1], random)
    generator = network([2 + labels, width, width, width, coordinates], random)
    points = torch.from_numpy(random.normal(0, 1.5, (batch, coordinates)))
    chosen = torch.from_numpy(random.integers(0, max(labels, 1), batch))
    hot = nn.functional.one_hot(chosen, max(labels, 1)).double()[:, :labels]
    latents = torch.from_numpy(random.normal(size=(2, batch, 2)))
    shares = torch.from_numpy(random.random(batch))
    found = page.evaluate(
        STEPS,
        {
            "coordinates": coordinates,
            "labels": labels,
            "real": torch.cat([points, hot], 1).flatten().tolist(),
            "critic": flat(critic.parameters()),
            "generator": flat(generator.parameters()),
            "latents": latents.flatten().tolist(),
            "shares": shares.tolist(),
            "settings": {
                "constraint": "penalty" if case % 4 else "none",
                "weight": weight,
                "criticSteps": 1,
                "batch": batch,
                "width": width,
                "depth": depth,
                "seed": case,
            },
        },
    )
    fake = generator(torch.cat([latents[0], hot], 1))

    def score(place: Tensor) -> Tensor:
        scores: Tensor = critic(torch.cat([place, hot], 1))[:, 0]
        return scores

    between = torch.lerp(fake.detach(), points, shares[:, None]).requires_grad_(True)
    (slope,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    penalty = weight * (slope.norm(dim=1) - 1).square().mean()
    loss = score(fake.detach()).mean() - score(points).mean() + penalty
    assert apart(found["critic"], gradients(loss, critic)) < CLOSE
    fake = generator(torch.cat([latents[1], hot], 1))
    assert apart(found["generator"], gradients(-score(fake).mean(), generator)) < CLOSE


PENALTY = """([sizes, parameters, points, weight]) => {
  const net = learn.network.zeros(sizes);
  learn.network.parameters(net).forEach((one, i) => one.set(parameters[i]));
  const gradients = learn.network.zeros(sizes);
  const memory = learn.network.space(sizes);
  const rows = points.length / sizes[0];
  memory.hidden[0].set(points);
  const { penalty, slopes } = learn.network.addPenaltyGradients(net, memory, gradients, rows, weight / rows, sizes[0]);
  return { penalty, slopes: [...slopes], gradients: learn.network.parameters(gradients).map((one) => [...one]) };
}"""


def test_penalty_is_that_of_gradpen(page: Any) -> None:
    """Where data and samples are the same points, these are the interpolates; widths differ from layer to layer."""
    random = np.random.default_rng(3)
    for sizes in ([2, 7, 19, 4, 1], [5, 12, 1], [1, 3, 30, 1]):
        net, points = network(sizes, random), torch.from_numpy(random.normal(0, 2, (50, sizes[0])))
        found = page.evaluate(PENALTY, [sizes, flat(net.parameters()), points.flatten().tolist(), 10.0])
        penalty = gradient_penalty(net, points, points, weight=10.0)
        assert found["penalty"] == pytest.approx(penalty.item(), rel=CLOSE)
        assert apart(found["gradients"], gradients(penalty, net)) < CLOSE


def test_penalty_where_the_critic_is_flat(page: Any) -> None:
    """No NaN: a dead critic has slope 0 and no derivative."""
    parameters = [[-1.0, -1.0], [-5.0], [1.0], [0.0]]
    found = page.evaluate(PENALTY, [[2, 1, 1], parameters, [1.0, 2.0, 3.0, 4.0], 10.0])
    assert found["penalty"] == pytest.approx(10.0)
    assert found["slopes"] == [0, 0]
    assert all(value == 0 for one in found["gradients"] for value in one)


OPTIMISE = """([name, start, gradients, rate]) => {
  const values = start.map((one) => Float64Array.from(one));
  const step = learn.optimiser[name](values);
  for (const each of gradients) step(each.map((one) => Float64Array.from(one)), rate);
  return values.map((one) => [...one]);
}"""


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_optimisers_are_those_of_pytorch_and_gradpen(page: Any, name: str) -> None:
    random = np.random.default_rng(1)
    start = [torch.from_numpy(random.normal(size=size)) for size in (7, 3)]
    each = [
        [torch.from_numpy(random.normal(size=size) * 10.0 ** random.integers(-6, 3)) for size in (7, 3)]
        for _ in range(60)
    ]
    found = page.evaluate(OPTIMISE, [name, flat(start), [flat(one) for one in each], 0.003])
    parameters = [nn.Parameter(one.clone()) for one in start]
    optimizer: torch.optim.Optimizer = (
        torch.optim.Adam(parameters, lr=0.003, betas=(0.5, 0.9))
        if name == "adam"
        else TensorFlowRMSProp(parameters, lr=0.003, alpha=0.9, eps=1e-10)
    )
    for step in each:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = gradient
        optimizer.step()
    assert apart(found, [parameter.detach() for parameter in parameters]) < CLOSE
    clipped = page.evaluate(
        "(given) => { const all = [Float64Array.from(given)]; learn.optimiser.clip(all, 0.5); return [...all[0]]; }",
        start[0].tolist(),
    )
    assert clipped == start[0].clamp(-0.5, 0.5).tolist()


MEASURE = """([sizes, parameters, real, fake]) => {
  const net = learn.network.zeros(sizes);
  learn.network.parameters(net).forEach((one, i) => one.set(parameters[i]));
  const critic = { net, memory: learn.network.space(sizes) };
  const run = { critic, inputs: sizes[0] };
  const points = { real: Float64Array.from(real), fake: Float64Array.from(fake) };
  const bars = learn.measure.histogram(net).shares.reduce((a, b) => a + b);
  return { norms: learn.measure.layerNorms(run, points), bars };
}"""


def test_layer_norms_are_those_of_pytorch(page: Any) -> None:
    random = np.random.default_rng(2)
    sizes = [2, 9, 17, 8, 1]
    net = network(sizes, random)
    real, fake = torch.from_numpy(random.normal(size=(2, 100, 2)))
    found = page.evaluate(MEASURE, [sizes, flat(net.parameters()), real.flatten().tolist(), fake.flatten().tolist()])
    kept, value = [], torch.cat([real, fake])
    for layer in net:
        value = layer(value)
        if isinstance(layer, nn.ReLU):
            value.retain_grad()
            kept.append(value)
    (value[100:].mean() - value[:100].mean()).backward()
    assert found["norms"] == pytest.approx([float(one.grad.norm()) for one in kept if one.grad is not None], rel=CLOSE)
    assert found["bars"] == pytest.approx(1)


DRAW = "(name) => [...learn.data.source(name).draw(learn.random.stream(7, 'test'), 20000)]"


@pytest.mark.parametrize("name", ["8gaussians", "25gaussians", "swissroll"])
def test_data_are_those_of_gradpen(page: Any, name: str) -> None:
    points = np.array(page.evaluate(DRAW, name)).reshape(-1, 2)
    toy = toys.TOYS[name]
    expected = toy.draw(np.random.default_rng(0), len(points)).astype(np.float64)
    shares = np.linspace(0.02, 0.98, 25)
    for direction in ([1, 0], [0, 1], [0.6, 0.8]):
        got, wanted = (np.quantile(each @ np.array(direction), shares) for each in (points, expected))
        # A quantile between two Gaussians may fall on either.
        assert np.median(np.abs(got - wanted)) < 0.03
    if toy.mixture is not None:
        away = points[:, None] - toy.mixture.centres
        nearest = np.square(away).sum(-1).argmin(1)
        assert np.bincount(nearest).min() > 0.9 * len(points) / len(toy.mixture.centres)
        deviation = away[np.arange(len(points)), nearest].std(0)
        assert deviation == pytest.approx(toy.mixture.spread, rel=0.03)


def test_random_numbers_are_spread_as_they_should_be(page: Any) -> None:
    found = page.evaluate(
        """() => { const random = learn.random.stream(1, "a"), other = learn.random.stream(1, "b");
        return [0, 1, 2].map((kind) => Array.from({ length: 20000 }, () =>
          kind === 0 ? random.uniform() : kind === 1 ? random.normal() : other.uniform())); }"""
    )
    uniform, normal, other = map(np.array, found)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert np.sort(uniform) == pytest.approx(np.linspace(0, 1, 20000), abs=0.015)
    assert (normal.mean(), normal.std(), (normal**4).mean()) == pytest.approx((0, 1, 3), abs=0.12)
    assert abs(np.corrcoef(uniform, other)[0, 1]) < 0.03


NORMALISED = """([parameters, points, norm]) => {
  const net = learn.network.zeros([2, 16, 16, 1]);
  learn.network.parameters(net).forEach((one, i) => one.set(parameters[i]));
  return learn.chapters.batchnorm.scores(net, points, norm);
}"""


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_norms_of_the_chapter_are_those_of_pytorch(page: Any, norm: str) -> None:
    random = np.random.default_rng(4)
    net = network([2, 16, 16, 1], random)
    points = torch.from_numpy(random.normal(size=(4, 2)))
    value = points
    for layer in net:
        if isinstance(layer, nn.ReLU) and norm == "batch":
            value = nn.functional.batch_norm(value, None, None, training=True)
        if isinstance(layer, nn.ReLU) and norm == "layer":
            value = nn.functional.layer_norm(value, [16])
        value = layer(value)
    parameters = flat(net.parameters())
    found = page.evaluate(NORMALISED, [parameters, points.tolist(), norm])
    assert found == pytest.approx(value.flatten().tolist(), rel=CLOSE)
    moved = page.evaluate(NORMALISED, [parameters, [[9.0, -9.0], *points.tolist()[1:]], norm])
    assert (moved[1] != found[1]) == (norm == "batch")
