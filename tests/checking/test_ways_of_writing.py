"""Ways of writing a penalty that public code has: ones handed over, critics in parts, steps that return more."""

# mypy: ignore-errors

import pytest
import torch
from scipy import stats
from torch import nn

import gradpen
from checking.right_forms import of_x_and_y

SMALL = (3, 4, 2)
"""images that are quickly checked"""


def slopes_of(scores, points):
    (gradient,) = torch.autograd.grad(scores, points, torch.ones_like(scores), create_graph=True)
    return gradient.flatten(1).norm(dim=1)


def points_of(real, fake, share=None):
    share = torch.rand(len(real), 1, 1, 1) if share is None else share
    return (share * real + (1 - share) * fake).requires_grad_(True)


def with_ones_handed_over(grad_output, y_pred, averaged_samples, gradient_penalty_weight):
    (gradient,) = torch.autograd.grad(y_pred, averaged_samples, grad_output, create_graph=True)
    return gradient_penalty_weight * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


def entered_behind_its_embedding(f_model, real_samples, fake_samples, device):
    points = points_of(f_model.emb(real_samples), f_model.emb(fake_samples))
    return ((slopes_of(f_model.forward_from_embedding(points), points) - 1) ** 2).mean()


def of_three_outputs(critic_fn, real, fake, lambda_gp=12.0):
    points = points_of(real, fake)
    scores, _, _ = critic_fn(points)
    return lambda_gp * ((slopes_of(scores, points) - 1) ** 2).mean()


def target_and_prediction(dnet, target, pred):
    points = points_of(to_device(target.data), pred.data)  # noqa: F821
    return ((slopes_of(dnet(points), points) - 1) ** 2).mean()


def moved_with_a_gradient(images, discriminator):
    images = to_var(images, device=discriminator, requires_grad=True)  # noqa: F821
    scores = discriminator(images)
    (gradient,) = torch.autograd.grad(scores, images, torch.ones_like(scores), create_graph=True)
    return gradient.square().sum() / len(scores)


def critic_step(x, G, D, D_optimizer, gpw=0.1):  # noqa: N803
    """A step whose second value is another mean of slopes, for show."""
    fake = G(torch.randn(len(x), 100)).detach()
    loss = D(fake).mean() - D(x).mean() + gpw * of_x_and_y(x, fake, D)
    loss.backward()
    D_optimizer.step()
    shown = points_of(x, fake)
    return loss.item(), slopes_of(D(shown), shown).mean()


def loop_over_batches(D, G, loader, latent_d, optimizer, device="cpu"):  # noqa: N803
    for _, data in enumerate(loader):
        if isinstance(data, tuple) or len(data) == 2:
            data, _labels = data
        batch_size = data.size(0)
        real = data.to(device)
        fake = G(torch.randn(batch_size, latent_d, 1, 1, device=device))
        share = torch.rand([batch_size] + [1] * (len(data.shape) - 1))
        points = points_of(real, fake.detach(), share)
        (gradient,) = torch.autograd.grad(D(points).sum(), points, create_graph=True)
        loss = (D(fake.detach()) - D(real)).mean() + 10 * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss.backward()
        optimizer.step()


def slopes_at(critic, real, fake, share):
    points = points_of(real, fake, share)
    return slopes_of(critic(points), points)


class DrawsWithScipy:
    """Shares of a function that the object keeps."""

    def __init__(self, gp_lambda, device):
        self.lamb, self.device = gp_lambda, device
        self.sampler = stats.uniform.rvs

    def __call__(self, critic, generated, real):
        share = torch.from_numpy(self.sampler(size=(len(real), 1, 1, 1))).float().to(self.device)
        return self.lamb * ((slopes_at(critic, real, generated, share) - 1) ** 2).mean()


class PenaltyLoss(nn.Module):
    """A loss that asks for a critic which it does not make."""

    def __init__(self, weight=1.0):
        super().__init__()
        self.weight = weight

    def penalty(self, real_data, fake_data):
        points = points_of(real_data, fake_data)
        return self.weight * ((slopes_of(self.discriminator(points), points) - 1) ** 2).mean()


class MakesOnesLater:
    """Ones that are made where they are first needed."""

    def __init__(self, critic):
        self.critic = critic
        self.gradout = None

    def penalty(self, real, fake):
        points = points_of(real, fake)
        scores = self.critic(points)
        if self.gradout is None or self.gradout.size() != scores.size():
            self.gradout = torch.ones(scores.size())
        (gradient,) = torch.autograd.grad(scores, points, self.gradout, create_graph=True)
        return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


class WithOptions(nn.Module):
    """Options in sections that are named as methods are."""

    def loss(self, fake_data, real_data, disc_real, disc_fake, LAMBDA):  # noqa: N803
        share = torch.rand(self.params["train"]["batch_size"], 1, 1, 1)
        slopes = slopes_at(self.critic, real_data, fake_data, share)
        return disc_fake.mean() - disc_real.mean() + LAMBDA * ((slopes - 1) ** 2).mean()


def of_an_energy(netE, data, lamda):  # noqa: N803
    data.requires_grad_(True)
    return lamda * (slopes_of(netE(data), data) ** 2).mean()


def with_scores_and_a_critic_of_two_outputs(net_d, optim_d, out_real, out_gen, real_pair, gen_pair):
    points = points_of(real_pair, gen_pair)
    scores, _ = net_d(points)
    (10 * ((slopes_of(scores, points) - 1) ** 2).mean() + out_gen.mean() - out_real.mean()).backward()
    optim_d.step()


class Elsewhere:
    """For a machine of Apple's."""

    def __init__(self, device="mps"):
        self.device = device

    def penalty(self, real, fake):
        share = torch.rand(len(real), 1, 1, 1).to(self.device)
        points = points_of(real, fake, share)
        return ((slopes_of(self.discriminator(points), points) - 1) ** 2).mean()


class StepsThroughItsData:
    """One whose data are an iterator, of arrays, and whose type of array and generator are its own."""

    def d_step(self):
        real = torch.from_numpy(next(self.data)).type(self.Tensor)
        fake = self.G(torch.randn(len(real), self.latent_dim)).detach()
        points = points_of(real, fake, torch.rand(len(real), 1, 1, 1, generator=self.rng))
        penalty = ((slopes_of(self.D(points), points) - 1) ** 2).mean()
        (self.D(fake).mean() - self.D(real).mean() + 10 * penalty).backward()
        torch.save(self.D.state_dict(), "/nowhere/critic.pt")
        self.d_optimizer.step()


class TrainsForEpochs:
    """A whole loop, of which once through the data tells everything."""

    passes = 0

    def train(self, images, epochs=5000):
        loader = torch.utils.data.DataLoader(images, len(images), num_workers=8, pin_memory=True)
        assert loader.num_workers == 0
        for _ in range(epochs):
            TrainsForEpochs.passes += 1
            fake = self.generator(torch.randn(len(images), self.latent_dim)).detach()
            loss = self.critic(fake).mean() - self.critic(images).mean() + 10 * of_x_and_y(images, fake, self.critic)
            loss.backward()
            self.optimizer.step()


class PenaltyOnRequest:
    """One whose penalty is off where nobody asks for it."""

    def __init__(self, gradient_penalty=False, use_gpu=False):
        self.gradient_penalty = gradient_penalty
        self.use_gpu = use_gpu

    def critic_loss(self, real, fake):
        assert not self.use_gpu
        loss = self.discriminator(fake).mean() - self.discriminator(real).mean()
        return loss + 10 * of_x_and_y(real, fake, self.discriminator) if self.gradient_penalty else loss


@pytest.mark.parametrize(
    "function",
    [
        with_ones_handed_over,
        entered_behind_its_embedding,
        of_three_outputs,
        target_and_prediction,
        moved_with_a_gradient,
        critic_step,
        loop_over_batches,
        DrawsWithScipy.__call__,
        PenaltyLoss.penalty,
        MakesOnesLater.penalty,
        WithOptions.loss,
        of_an_energy,
        with_scores_and_a_critic_of_two_outputs,
        Elsewhere.penalty,
        StepsThroughItsData.d_step,
        TrainsForEpochs.train,
        PenaltyOnRequest.critic_loss,
    ],
    ids=lambda function: function.__qualname__,
)
def test_right_ones(function) -> None:
    report = gradpen.check(function, shape=SMALL)
    assert report.exit_code == 0, report.page()


def test_a_loop_goes_through_its_data_once() -> None:
    TrainsForEpochs.passes = 0
    assert gradpen.check(TrainsForEpochs.train, shape=SMALL).exit_code == 0
    assert 0 < TrainsForEpochs.passes < 5000


def not_scaled_back(critic, real, fake):
    """What gradient scalers do to scores in half precision stays in the slopes."""
    points = points_of(real, fake)
    scale = 1024.0 if torch.is_autocast_enabled("cpu") else 1.0
    return ((slopes_of(scale * critic(points), points) - 1) ** 2).mean()


def test_what_holds_in_fp32_alone_is_wrong() -> None:
    report = gradpen.check(not_scaled_back, shape=SMALL)
    assert [one.name for one in report.wrong] == ["autocast"], report.page()


def test_what_reaches_the_generator_in_the_critics_step_is_noted() -> None:
    def attached(critic, real, fake):
        points = points_of(real, fake)
        return ((slopes_of(critic(points), points) - 1) ** 2).mean()

    def detached(critic, real, fake):
        return attached(critic, real, fake.detach())

    for function, verdict in ((attached, "note"), (detached, "holds")):
        report = gradpen.check(function, shape=SMALL)
        assert [one.verdict for one in report.findings if one.name == "generator"] == [verdict], report.page()


def test_a_device_is_no_weight() -> None:
    def penalty(critic, h_s, h_t, device):
        points = points_of(h_s, h_t, torch.rand(len(h_s), 1).to(device))
        return ((slopes_of(critic(points), points) - 1) ** 2).mean()

    report = gradpen.check(penalty)
    assert report.exit_code == 0, report.page()
    assert "device: device" in report.convention


def about_their_embedding(network, real_samples, fake_samples):
    """Nothing of it is asked about points but by names that say nothing."""
    points = points_of(network.emb(real_samples), network.emb(fake_samples))
    return ((slopes_of(network.tail(points), points) - 1) ** 2).mean()


def test_what_never_asks_the_critic_is_not_called_wrong() -> None:
    report = gradpen.check(about_their_embedding, shape=SMALL)
    assert report.exit_code == 2, report.page()
