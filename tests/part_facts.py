"""Facts of what training is made of: AC-GAN's steps, optimisers, layers and batches; each wrong form violates one.

Every fact takes the module it speaks of, as in :mod:`measure_facts`.
"""

import copy
import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal
from unittest import mock

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

import test_auxiliary
from gradpen.errors import UsageError
from gradpen.lipschitz import GradientPenalty, Unconstrained, WeightClipping
from gradpen.networks.layers import use_stock_derivatives
from gradpen.objectives import NonSaturating, Relativistic, Wasserstein
from measure_facts import Fact, agree, normal

# auxiliary


def steps_are_the_published_losses(auxiliary: Any) -> None:
    """The tests of AC-GAN's steps, asked of this module."""
    with mock.patch.object(test_auxiliary, "auxiliary", auxiliary):
        for constraint, on_samples in itertools.product((Unconstrained(), GradientPenalty()), (True, False)):
            test_auxiliary.test_critic_step_is_the_published_loss(on_samples, constraint)
        for objective in (NonSaturating(), Relativistic()):
            test_auxiliary.test_generator_step_wants_its_samples_classified(objective)


def what_cannot_classify_is_refused(auxiliary: Any) -> None:
    with mock.patch.object(test_auxiliary, "auxiliary", auxiliary):
        test_auxiliary.test_what_cannot_classify_is_refused()


def class_loss_is_the_cross_entropy(auxiliary: Any) -> None:
    """The mean of -log softmax at the label; log K where all classes are alike."""
    logits, number = normal(5, 3, seed=12), torch.tensor([2, 0, 1, 1, 2])
    by_hand = [math.log(sum(math.exp(x) for x in row)) - row[k] for row, k in zip(logits.tolist(), number, strict=True)]
    agree(auxiliary.class_loss(logits, torch.eye(3, dtype=torch.float64)[number]), sum(by_hand) / 5)
    agree(auxiliary.class_loss(torch.zeros(2, 4), torch.eye(4)[:2]), math.log(4), 1e-6)


def by_label_alone() -> Any:
    """A player whose samples are told by their labels, so that parts of a batch and the whole make the same ones."""
    player = test_auxiliary.gan()
    nn.init.zeros_(player.generator.linear.weight)
    return player


def losses_are_returned_unweighted(auxiliary: Any) -> None:
    """Class losses without their weights, the critic's averaged over data and samples, of the scores of those alone."""
    extra, data = auxiliary.ClassLoss(critic_weight=5, generator_weight=3), test_auxiliary.batch()
    player, number = by_label_alone(), torch.tensor([0, 1, 2, 3, 3, 0])
    real, fake = (player.critic.network(x).detach() for x in (data.images, player.generate(data)))
    of_real, of_fake = (-each[:, 1:].log_softmax(1)[torch.arange(6), number].mean() for each in (real, fake))
    found = auxiliary.critic_step(player, Wasserstein(), Unconstrained(), extra, data)
    found |= auxiliary.generator_step(by_label_alone(), Wasserstein(), extra, data)
    agree(found["critic_loss"], fake[:, 0].mean() - real[:, 0].mean(), 1e-6)
    agree(found["critic_class_loss"], (of_real + of_fake) / 2, 1e-6)
    agree(found["generator_loss"], -fake[:, 0].mean(), 1e-6)
    agree(found["generator_class_loss"], of_fake, 1e-6)
    assert found["penalty"] == 0


def parts_average_to_the_whole(auxiliary: Any) -> None:
    """Losses, and weights after both steps, whether a batch goes through at once or in three parts."""
    extra, data, found = auxiliary.ClassLoss(critic_weight=0.3), test_auxiliary.batch(), []
    for parts in (1, 3):
        player = by_label_alone()
        measures = auxiliary.train_iteration(player, NonSaturating(), Unconstrained(), extra, [data], parts=parts)
        generator = player.generator
        found.append([*measures.values(), *player.critic.parameters(), generator.table, generator.linear.bias])
    for whole, accumulated in zip(*found, strict=True):
        agree(accumulated.detach(), whole.detach(), 1e-5)


def steps_touch_their_own_player_alone(auxiliary: Any) -> None:
    """The generator's leaves no gradient on the critic, which learns on afterwards; old gradients count for nothing."""
    data, moved = test_auxiliary.batch(), []
    for stale in (0.0, 1.0):
        player = by_label_alone()
        for parameter in (*player.critic.parameters(), *player.generator.parameters()):
            parameter.grad = torch.full_like(parameter, stale)
        torch.manual_seed(4)
        auxiliary.critic_step(player, Wasserstein(), Unconstrained(), auxiliary.ClassLoss(), data)
        player.critic_optimizer.zero_grad()
        auxiliary.generator_step(player, Wasserstein(), auxiliary.ClassLoss(), data)
        assert all(p.grad is None and p.requires_grad for p in player.critic.parameters())
        moved.append([*player.critic.parameters(), *player.generator.parameters()])
    for fresh, other in zip(*moved, strict=True):
        agree(other.detach(), fresh.detach())


def an_iteration_takes_its_steps(auxiliary: Any) -> None:
    """One critic step a batch, each clipped after it, then one generator step; none of no batch."""
    player, steps, data = test_auxiliary.gan(), [], test_auxiliary.batch()
    for name in ("critic", "generator"):
        optimizer = getattr(player, f"{name}_optimizer")
        optimizer.register_step_post_hook(lambda *_, name=name: steps.append(name))
    arguments = player, Wasserstein(), WeightClipping(threshold=0.01), auxiliary.ClassLoss()
    auxiliary.train_iteration(*arguments, iter([data] * 3))
    assert steps == ["critic"] * 3 + ["generator"]
    assert all(bool((p.abs() <= 0.01).all()) for p in player.critic.parameters())
    with pytest.raises(UsageError, match="at least one batch"):
        auxiliary.train_iteration(*arguments, [])


# optimizers

GRADIENTS = (3.0, -0.5)
"""of two steps"""


def weights_after(choice: Any) -> list[float]:
    """The weight, 0 at first, after each step."""
    weight, found = nn.Parameter(torch.zeros(1, dtype=torch.float64)), []
    optimizer = choice.build([weight])
    for gradient in GRADIENTS:
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        found.append(weight.item())
    return found


def adam_by_hand(optimizers: Any) -> None:
    """w moves by -lr m / (sqrt(v) + 1e-8), with m and v divided by 1 - beta^t; the defaults are WGAN-GP's."""
    m = v = w = 0.0
    expected = []
    for t, gradient in enumerate(GRADIENTS, start=1):
        m, v = 0.5 * m + 0.5 * gradient, 0.8 * v + 0.2 * gradient**2
        w -= 0.1 * (m / (1 - 0.5**t)) / ((v / (1 - 0.8**t)) ** 0.5 + 1e-8)
        expected.append(w)
    agree(weights_after(optimizers.Adam(learning_rate=0.1, beta1=0.5, beta2=0.8)), expected)
    assert optimizers.Adam() == optimizers.Adam(learning_rate=1e-4, beta1=0.0, beta2=0.9)


def averages_by_half_life(optimizers: Any) -> None:
    """Half is forgotten in 64 images; at first in a twentieth of those seen, as in the release of StyleGAN2-ADA."""
    steady = optimizers.Average(half_life=64, ramp_up=None)
    agree([steady.decay(images=images, seen=10) for images in (64, 32, 128)], [0.5, 0.5**0.5, 0.25])
    ramped = optimizers.Average(half_life=10_000, ramp_up=0.05)
    agree([ramped.decay(images=32, seen=seen) for seen in (0, 6_400, 10**7)], [0.0, 0.5**0.1, 0.5**0.0032])


def optimisers_move_to_what_a_schedule_says(optimizers: Any) -> None:
    """Rate and second decay are those of the choice from then on; the first decay stays."""
    optimizer = optimizers.Adam(learning_rate=1.0, beta1=0.5, beta2=0.9).build([nn.Parameter(torch.zeros(1))])
    optimizers.move_to(optimizer, optimizers.Adam(learning_rate=0.25, beta1=0.5, beta2=0.99))
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["betas"]) == (0.25, (0.5, 0.99))


def rmsprop_by_hand(optimizers: Any) -> None:
    """PyTorch's: v starts at 0, w moves by -lr g / (sqrt(v) + eps). TensorFlow's: v at 1, -lr g / sqrt(v + eps)."""
    forms: list[tuple[Literal["pytorch", "tensorflow"], float, Callable[[float], float]]] = [
        ("pytorch", 0.0, lambda v: v**0.5 + 0.25),
        ("tensorflow", 1.0, lambda v: (v + 0.25) ** 0.5),
    ]
    for form, v, below in forms:
        w, expected = 0.0, []
        for gradient in GRADIENTS:
            v = 0.9 * v + 0.1 * gradient**2
            w -= 0.1 * gradient / below(v)
            expected.append(w)
        agree(weights_after(optimizers.RMSProp(learning_rate=0.1, alpha=0.9, eps=0.25, form=form)), expected)
    assert optimizers.RMSProp() == optimizers.RMSProp(learning_rate=5e-5, alpha=0.99, eps=1e-8, form="pytorch")


def average_moves_by_its_decay(optimizers: Any) -> None:
    """d w_average + (1 - d) w, buffers as they are now; a copy that takes no gradient and leaves the network alone."""
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).double()
    average, before = optimizers.averaged_copy(network), copy.deepcopy(network.state_dict())
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert all(parameter.requires_grad for parameter in network.parameters())
    network(normal(8, 2))
    for parameter in network.parameters():
        nn.init.constant_(parameter, 5.0)
    now, learned = copy.deepcopy(network.state_dict()), dict(network.named_parameters())
    optimizers.update_average(average, network, 0.9)
    for name, found in average.state_dict().items():
        agree(found, 0.9 * before[name] + 0.1 * now[name] if name in learned else now[name])
        agree(network.state_dict()[name], now[name])


# networks: layers, fused, norms, spectral; and batch


def derivatives(network: nn.Module, x: Tensor) -> list[Tensor]:
    """Values v; gradients of |v|^2 / 2 with respect to input and parameters, differentiably and not; and theirs."""
    inputs = [x.clone().requires_grad_(), *network.parameters()]
    values = network(inputs[0])
    first = torch.autograd.grad(values.square().sum() / 2, inputs, create_graph=True)
    norms = torch.stack([gradient.square().sum() for gradient in first]).sum()
    second = torch.autograd.grad(norms, inputs, allow_unused=True, materialize_grads=True)
    return [values, *first, *torch.autograd.grad(network(inputs[0]).square().sum() / 2, inputs), *second]


def same_derivatives(ours: nn.Module, stock: nn.Module, x: Tensor) -> None:
    """Two modules of the same parameters are the same map, to the second derivative."""
    ours, stock = ours.double(), stock.double()
    for mine, its in zip(ours.parameters(), stock.parameters(), strict=True):
        its.data.copy_(mine)
    for found, expected in zip(derivatives(ours, x), derivatives(stock, x), strict=True):
        agree(found.detach(), expected.detach())


def convolutions_are_the_stock_ones(layers: Any) -> None:
    """Both ways, with and without bias, with a stride that divides the kernel and one that does not."""
    for kernel, stride, bias in ((3, 2, True), (4, 2, False), (3, 1, True)):
        for name in ("Conv2d", "ConvTranspose2d"):
            ours = getattr(layers, {"Conv2d": "Convolution", "ConvTranspose2d": "TransposedConvolution"}[name])
            options = (2, 3, kernel, stride, 1)
            same_derivatives(ours(*options, bias=bias), getattr(nn, name)(*options, bias=bias), normal(2, 2, 5, 4))


def special_convolutions_are_the_stock_ones(layers: Any) -> None:
    special: list[dict[str, Any]] = [{"padding": 1, "padding_mode": "reflect"}, {"groups": 2}, {"dilation": 2}]
    for options in special:
        same_derivatives(layers.Convolution(2, 2, 3, **options), nn.Conv2d(2, 2, 3, **options), normal(1, 2, 6, 6))
    special = [{"output_padding": 1, "stride": 2}, {"groups": 2}, {"dilation": 2}]
    for options in special:
        ours, stock = layers.TransposedConvolution(2, 2, 3, **options), nn.ConvTranspose2d(2, 2, 3, **options)
        same_derivatives(ours, stock, normal(1, 2, 4, 4))


def linear_layers_are_the_stock_ones(layers: Any) -> None:
    for bias in (True, False):
        same_derivatives(layers.Linear(3, 4, bias=bias), nn.Linear(3, 4, bias=bias), normal(5, 3))


def bends_are_the_stock_ones(layers: Any) -> None:
    """Of any slope; and the gradient of a bend has no edge to the input, where only zeros would flow."""
    for slope in (0.0, 0.2, 1.5):
        ours = nn.Sequential(nn.Linear(3, 4), layers.LeakyReLU(slope), nn.Linear(4, 2))
        stock = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(slope), nn.Linear(4, 2))
        same_derivatives(ours, stock, normal(5, 3))
    x, incoming = (normal(5, seed=seed).requires_grad_() for seed in range(2))
    (gradient,) = torch.autograd.grad(layers.LeakyReLU(0.2)(x), x, incoming, create_graph=True)
    assert gradient.grad_fn is not None
    assert [edge is not None for edge, _ in gradient.grad_fn.next_functions] == [True, False]


def gradients_of_the_input_alone_can_be_had(layers: Any) -> None:
    """Inside, parameters get none and the input its own; afterwards, after an exception too, all get theirs."""
    for layer, x in (
        (layers.Linear(3, 2), normal(4, 3).float()),
        (layers.Convolution(1, 2, 3), torch.ones(1, 1, 5, 5)),
    ):
        x.requires_grad_()
        for inside in (True, False):
            x.grad = None
            if inside:
                with suppress(KeyError), layers.input_gradients_only():
                    layer(x).sum().backward()
                    raise KeyError
            else:
                layer(x).sum().backward()
            assert x.grad is not None
            assert (layer.weight.grad is None) == inside


def pooled_and_enlarged_convolutions_are_their_two_steps(fused: Any) -> None:
    """A 3x3 convolution before the mean of 2x2, or after each position fourfold; lean or not."""
    x = normal(2, 2, 4, 6)
    for lean in (True, False):
        pooled, enlarged = fused.PooledConvolution(2, 3), fused.EnlargedConvolution(2, 3, bias=False)
        if not lean:
            use_stock_derivatives(pooled)
            use_stock_derivatives(enlarged)
        same_derivatives(pooled, nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.AvgPool2d(2)), x)
        plain = nn.Conv2d(2, 3, 3, padding=1, bias=False)
        same_derivatives(enlarged, nn.Sequential(nn.Upsample(scale_factor=2), plain), x)


def batch_norm_of_one_process_is_the_stock_one(norms: Any) -> None:
    """Values, gradients, and moving statistics after two batches; of features and maps, in any momentum."""
    for stock, shape in ((nn.BatchNorm1d(3, momentum=0.3), (6, 3)), (nn.BatchNorm2d(3, affine=False), (2, 3, 4, 5))):
        ours, other = stock.double(), copy.deepcopy(stock)
        for parameter in (*ours.parameters(), *other.parameters()):
            parameter.data.copy_(torch.tensor([0.5, -2.0, 3.0]))
        for seed in range(2):
            x = normal(*shape, seed=seed) + 3
            inputs = [x.clone().requires_grad_() for _ in range(2)]
            found, expected = norms.normalised(ours, inputs[0]), other(inputs[1])
            agree(found.detach(), expected.detach())
            (found.pow(3).sum() + expected.pow(3).sum()).backward()
            agree(inputs[0].grad, inputs[1].grad, 1e-8)
        for name, tensor in other.state_dict().items():
            agree(ours.state_dict()[name], tensor)


def many_processes_share_statistics_in_training_alone(norms: Any) -> None:
    """Not in evaluation, nor where moving statistics are left alone, as when a critic is measured."""
    norm, looking = nn.BatchNorm1d(3), nn.BatchNorm1d(3, track_running_stats=False)
    assert norms.of_one_batch(norm)
    with mock.patch.object(norms.sharing, "count", return_value=2):
        assert not norms.of_one_batch(norm)
        assert norms.of_one_batch(looking)
        assert norms.of_one_batch(norm.eval())


def spectral_layers() -> list[Any]:
    return [nn.Linear(4, 3), nn.Conv2d(2, 3, 2), nn.ConvTranspose2d(2, 3, 2)]


def spectral_norm_is_torchs(spectral: Any) -> None:
    """Number for number, over two power iterations a pass: weights and gradients; none of them in evaluation."""
    for layer in spectral_layers():
        ours, stock = layer.double(), copy.deepcopy(layer)
        torch.manual_seed(0)
        spectral.normalise_spectrum(ours, 2)
        torch.manual_seed(0)
        spectral_norm(stock, n_power_iterations=2)
        for training in (True, False):
            found = [[each.train(training).weight, each.weight] for each in (ours, stock)]
            sums = [sum((weight**3).sum() for weight in weights) for weights in found]
            originals = [each.parametrizations.weight.original for each in (ours, stock)]
            for mine, its in zip(*found, strict=True):
                agree(mine.detach(), its.detach())
            agree(*(torch.autograd.grad(total, weight)[0] for total, weight in zip(sums, originals, strict=True)))


def largest_singular_value_becomes_one(spectral: Any) -> None:
    """After enough iterations, of outputs against the rest."""
    for layer, outputs in zip(spectral_layers(), (0, 0, 1), strict=True):
        spectral.normalise_spectrum(layer.double(), 200)
        matrix = layer.weight.detach().movedim(outputs, 0).flatten(1)
        agree(torch.linalg.svdvals(matrix)[0], 1.0, 1e-6)


def a_weight_of_zero_stays_zero_and_can_grow(spectral: Any) -> None:
    """Neither NaN nor a lost direction: u and v stay, a finite gradient comes, and what grows is normalised."""
    layer = nn.Linear(4, 3).double()
    nn.init.zeros_(layer.weight)
    spectral.normalise_spectrum(layer, 1)
    before = {name: tensor.clone() for name, tensor in layer.named_buffers()}
    assert not layer.weight.any()
    layer.weight.sum().backward()
    original: Any = layer.get_submodule("parametrizations.weight").original
    agree(original.grad, torch.ones(3, 4))
    for name, tensor in layer.named_buffers():
        agree(tensor, before[name])
    original.data += 1e-3
    layer.weight  # noqa: B018
    agree(torch.linalg.svdvals(layer.weight.detach())[0], 1.0)


def parts_are_the_batch_in_order(batch: Any) -> None:
    """Equal parts, labels with their images; what cannot be divided is refused."""
    whole = batch.Batch(images=normal(6, 2), labels=torch.eye(6))
    for count in (1, 2, 6):
        parts = list(whole.parts(count))
        assert [len(part) for part in parts] == [6 // count] * count
        agree(torch.cat([part.images for part in parts]), whole.images)
        agree(torch.cat([part.labels for part in parts]), whole.labels)
    assert next(batch.Batch(images=whole.images).parts(2)).labels is None
    for images, count in ((whole.images, 0), (whole.images, 4), (whole.images, 12), (torch.empty(0, 2), 1)):
        with pytest.raises(UsageError, match=f"a batch of {len(images)} cannot be divided into {count} equal parts"):
            next(batch.Batch(images=images).parts(count))


def samples_join_behind_with_the_same_labels(batch: Any) -> None:
    whole = batch.Batch(images=normal(4, 2), labels=torch.eye(4))
    both = whole.joined_by(normal(4, 2, seed=1))
    agree(both.images, torch.cat([normal(4, 2), normal(4, 2, seed=1)]))
    agree(both.labels, torch.eye(4).repeat(2, 1))
    assert batch.Batch(images=whole.images).joined_by(whole.images).labels is None


FACTS: dict[str, list[Fact]] = {
    "auxiliary": [
        steps_are_the_published_losses,
        what_cannot_classify_is_refused,
        class_loss_is_the_cross_entropy,
        losses_are_returned_unweighted,
        parts_average_to_the_whole,
        steps_touch_their_own_player_alone,
        an_iteration_takes_its_steps,
    ],
    "optimizers": [
        averages_by_half_life,
        optimisers_move_to_what_a_schedule_says,
        adam_by_hand,
        rmsprop_by_hand,
        average_moves_by_its_decay,
    ],
    "layers": [
        convolutions_are_the_stock_ones,
        special_convolutions_are_the_stock_ones,
        linear_layers_are_the_stock_ones,
        bends_are_the_stock_ones,
        gradients_of_the_input_alone_can_be_had,
    ],
    "fused": [
        pooled_and_enlarged_convolutions_are_their_two_steps,
    ],
    "norms": [
        batch_norm_of_one_process_is_the_stock_one,
        many_processes_share_statistics_in_training_alone,
    ],
    "spectral": [
        spectral_norm_is_torchs,
        largest_singular_value_becomes_one,
        a_weight_of_zero_stays_zero_and_can_grow,
    ],
    "batch": [
        parts_are_the_batch_in_order,
        samples_join_behind_with_the_same_labels,
    ],
}
