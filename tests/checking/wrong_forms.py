"""Gradient penalties that are wrong, each in one way, and the name of the finding that says so."""

# mypy: ignore-errors

import numpy as np
import torch
from torch import autograd


def shares(real):
    return torch.rand(len(real), *[1] * (real.dim() - 1))


def mixed(real, fake, share):
    return (share * real + (1 - share) * fake).detach().requires_grad_(True)


def slopes_of(critic, points, **options):
    scores = critic(points)
    return autograd.grad(scores, points, torch.ones_like(scores), create_graph=True, **options)[0]


def channel_norm(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.norm(2, dim=1) - 1) ** 2).mean()


def batch_norm(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * (g.norm() - 1) ** 2


def last_axis_norm(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.norm(2, dim=-1) - 1) ** 2).mean()


def stack_norm(critic, real, fake):
    """Over the batch axis, as a stack of gradients invites."""
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(2, dim=0) - 1) ** 2).mean()


def rows_and_columns(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((torch.linalg.vector_norm(g, dim=tuple(range(2, g.dim()))) - 1) ** 2).mean()


def no_root(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).pow(2).sum(1) - 1) ** 2).mean()


def root_mean_square(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(dim=1) / g[0].numel() ** 0.5 - 1) ** 2).mean()


def absolute_sum(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(1, dim=1) - 1) ** 2).mean()


def mean_first(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * (g.flatten(1).norm(dim=1).mean() - 1) ** 2


def about_their_mean(critic, real, fake):
    norms = slopes_of(critic, mixed(real, fake, shares(real))).flatten(1).norm(dim=1)
    return 10 * ((norms - norms.mean().detach()) ** 2).mean()


def no_square(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * (g.flatten(1).norm(dim=1) - 1).abs().mean()


def summed(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).sum()


def target_two(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(dim=1) - 2) ** 2).mean()


def negative(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return -10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def twice(critic, real, fake, lambda_gp=10):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return lambda_gp * (lambda_gp * (g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def twice_by_constants(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def weight_not_used(critic, real, fake, lambda_gp=10):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def averaged_scores(critic, real, fake):
    points = mixed(real, fake, shares(real))
    g = autograd.grad(critic(points).mean(), points, create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def normal(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, torch.randn(len(real), *[1] * (real.dim() - 1))))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def each_value(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, torch.rand_like(real)))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def each_channel(critic, real, fake):
    share = torch.rand(*real.shape[:2], *[1] * (real.dim() - 2))
    g = slopes_of(critic, mixed(real, fake, share))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def whole_batch(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, torch.rand(1)))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def whole_batch_by_numpy(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, np.random.uniform()))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def half_way(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, 0.5))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def at_the_data(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, 1.0))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def at_the_samples(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, 0.0))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def squared_shares(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real) ** 2))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def no_second_derivative(critic, real, fake):
    points = mixed(real, fake, shares(real))
    scores = critic(points)
    g = autograd.grad(scores, points, torch.ones_like(scores), retain_graph=True)[0]
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def detached(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real))).detach()
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def a_number(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return (10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()).item()


def half_detached(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real))).flatten(1).norm(dim=1)
    return 10 * ((g - 1) * (g.detach() - 1)).mean()


def not_a_number(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).pow(2).sum(1).sqrt() - 1) ** 2).mean()


def to_the_data(critic, real, fake):
    real = real.detach().requires_grad_(True)
    share = shares(real)
    points = share * real + (1 - share) * fake.detach()
    scores = critic(points)
    g = autograd.grad(scores, real, torch.ones_like(scores), create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def to_the_weights(critic, real, fake):
    scores = critic(mixed(real, fake, shares(real)))
    weights = [weight for weight in critic.parameters() if weight.dim() > 0]
    found = autograd.grad(scores.sum(), weights, create_graph=True, allow_unused=True)
    g = torch.cat([part.flatten() for part in found if part is not None])
    return 10 * (g.norm() - 1) ** 2


def of_features(critic, real, fake):
    points = mixed(real, fake, shares(real))
    _, features = critic(points)
    g = autograd.grad(features, points, torch.ones_like(features), create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def labels_penalised(critic, real, fake, one_hot_labels):
    share = torch.rand(len(real), 1)
    points = share * real.flatten(1) + (1 - share) * fake.flatten(1)
    joint = torch.cat([points, one_hot_labels], 1).detach().requires_grad_(True)
    g = slopes_of(critic, joint)
    return 10 * ((g.norm(dim=1) - 1) ** 2).mean()


def labels_blended(critic, real, fake, labels):
    share = shares(real)
    other = labels.roll(1, 0)
    narrow = share.view(-1, *[1] * (labels.dim() - 1))
    points = mixed(real, fake, share)
    scores = critic(points, narrow * labels + (1 - narrow) * other)
    g = autograd.grad(scores.sum(), points, create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def never(critic, real, fake):
    slopes_of(critic, mixed(real, fake, shares(real)))
    return torch.zeros((), requires_grad=True) * 1.0


def largest(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * (g.flatten(1).norm(dim=1).max() - 1) ** 2


def not_squared(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * (g.flatten(1).norm(dim=1) - 1).mean()


def no_norm(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g - 1) ** 2).mean()


def divided_again(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean() / len(real)


def beta_shares(critic, real, fake):
    share = torch.distributions.Beta(2.0, 2.0).sample((len(real), *[1] * (real.dim() - 1)))
    g = slopes_of(critic, mixed(real, fake, share))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def overwriting(critic, real, fake):
    share = shares(real)
    points = real.mul_(share).add_((1 - share) * fake).requires_grad_(True)
    g = slopes_of(critic, points)
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def labels_exchanged(critic, real, fake, labels):
    points = mixed(real, fake, shares(real))
    g = autograd.grad(critic(points, labels.flip(0)).sum(), points, create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def from_below(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * torch.relu(1 - g.flatten(1).norm(dim=1)).square().mean()


def channels_under_vmap(critic, real, fake):
    x = mixed(real, fake, shares(real)).detach()
    g = torch.vmap(torch.func.grad(lambda one: critic(one[None]).sum()))(x)
    return 10 * ((g.norm(2, dim=1) - 1) ** 2).mean()


def first_example(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * (g[0].norm(2) - 1) ** 2


def first_channel(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))[:, :1]
    return 10 * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def gradients_averaged_first(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * (g.mean(0).norm(2) - 1) ** 2


def of_probabilities(critic, real, fake):
    x = mixed(real, fake, shares(real))
    g = autograd.grad(torch.sigmoid(critic(x)).sum(), x, create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def scores_as_outputs(critic, real, fake):
    x = mixed(real, fake, shares(real))
    scores = critic(x)
    g = autograd.grad(scores, x, scores, create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def zero_centred_mean_score(real_pred, real_img):
    g = autograd.grad(real_pred.mean(), real_img, create_graph=True)[0]
    return g.flatten(1).square().sum(1).mean()


def zero_centred_mean_square(real_pred, real_img):
    return autograd.grad(real_pred.sum(), real_img, create_graph=True)[0].square().mean()


def labels_of_both_blended(critic, real, fake, real_labels, fake_labels):
    t = shares(real)
    labels = t.flatten(1) * real_labels + (1 - t.flatten(1)) * fake_labels
    scores = critic(x := mixed(real, fake, t), labels)
    g = autograd.grad(scores.sum(), x, create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def half_shares_of_a_network_that_grows(critic, real, fake, alpha):
    x = mixed(real, fake, 0.5 * shares(real))
    g = autograd.grad(critic(x, alpha).sum(), x, create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def largest_excess(critic, real, fake):
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).max()


def packed_by_rows(critic, real, fake, pac=5):
    """A share for each row where five are one example."""
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.reshape(len(g) // pac, -1).norm(2, dim=1) - 1) ** 2).mean()


def factory_of_one_norm(critic):
    def penalty(real, fake):
        return batch_norm(critic, real, fake)

    return penalty


def at_both_ends(critic, real, fake):
    """The slope of 1 belongs on the lines."""
    ends = [each.detach().requires_grad_(True) for each in (real, fake)]
    return 10 * sum(((slopes_of(critic, each).flatten(1).norm(dim=1) - 1) ** 2).mean() for each in ends)


class MakesItsSamples:
    """A share for each value of samples that it makes on its own."""

    def penalty(self, real):
        fake = self.generator(torch.randn(len(real), self.latent_dim)).detach()
        g = slopes_of(self.critic, mixed(real, fake, torch.rand_like(real)))
        return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def every_pair(critic, real, fake):
    """A share of the wrong shape, blown up beside the examples."""
    g = slopes_of(critic, mixed(real.flatten(1), fake.flatten(1), torch.rand(len(real), 1, 1)))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def left_in_evaluation(critic, real, fake):
    critic.eval()
    g = slopes_of(critic, mixed(real, fake, shares(real)))
    return 10 * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


WRONG = [
    (left_in_evaluation, "mode", "evaluation"),
    (MakesItsSamples.penalty, "share", "each value"),
    (packed_by_rows, "share", "one for each"),
    (factory_of_one_norm, "norm", "whole batch"),
    (at_both_ends, "points", "data and the samples themselves"),
    (largest_excess, "mean", "largest slope"),
    (first_example, "gradient", "first example"),
    (first_channel, "gradient", "first channel"),
    (gradients_averaged_first, "gradient", "averaged over the batch"),
    (of_probabilities, "gradient", "sigmoid"),
    (scores_as_outputs, "gradient", "grad_outputs"),
    (zero_centred_mean_score, "scores", "averaged before"),
    (zero_centred_mean_square, "root", "mean of the squares"),
    (labels_of_both_blended, "labels", "blended"),
    (half_shares_of_a_network_that_grows, "distribution", "mean 0.2"),
    (channels_under_vmap, "norm", "channel"),
    (channel_norm, "norm", "channel axis alone"),
    (batch_norm, "norm", "whole batch"),
    (last_axis_norm, "norm", "column axis alone"),
    (stack_norm, "norm", "batch axis alone"),
    (rows_and_columns, "norm", "row and column axes"),
    (no_root, "root", "without a root"),
    (root_mean_square, "root", "root mean square"),
    (absolute_sum, "root", "absolute values"),
    (mean_first, "mean", "mean slope"),
    (about_their_mean, "target", "own mean"),
    (no_square, "square", "absolute value"),
    (summed, "mean over examples", "a sum"),
    (target_two, "target", "2"),
    (negative, "sign", "negative"),
    (twice, "weight", "4 times"),
    (twice_by_constants, "weight", "the square of 10"),
    (weight_not_used, "weight", "1 times"),
    (averaged_scores, "scores", "6 times too small"),
    (normal, "distribution", "normal distribution"),
    (each_value, "share", "each value"),
    (each_channel, "share", "each channel"),
    (whole_batch, "share", "the whole batch"),
    (whole_batch_by_numpy, "share", "the whole batch"),
    (half_way, "points", "always 0.5"),
    (at_the_data, "points", "data themselves"),
    (at_the_samples, "points", "samples themselves"),
    (squared_shares, "distribution", "mean 0.3"),
    (no_second_derivative, "second derivative", "no gradient"),
    (detached, "second derivative", "no gradient"),
    (a_number, "second derivative", "no gradient"),
    (half_detached, "second derivative", "0.5 times"),
    (not_a_number, "flat critic", "NaN"),
    (to_the_data, "gradient", "real examples"),
    (to_the_weights, "gradient", "weights"),
    (of_features, "gradient", "features"),
    (labels_penalised, "gradient", "labels"),
    (labels_blended, "labels", "blended"),
    (never, "value", "for every critic"),
    (largest, "mean", "largest slope"),
    (not_squared, "square", "as it is"),
    (no_norm, "norm", "each value of the gradient"),
    (divided_again, "mean over examples", "once more"),
    (beta_shares, "distribution", "standard deviation 0.2"),
    (overwriting, "examples", "overwritten"),
    (labels_exchanged, "labels", "not those"),
    (from_below, "sides", "below 1"),
]
