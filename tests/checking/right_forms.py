"""Gradient penalties that are right, in the ways that public code calls them."""

# mypy: ignore-errors

import numpy as np
import torch
from torch import autograd, nn


def of_arrays(D, real_samples, fake_samples):
    """Shares from NumPy, ones of shape [N, 1]; no weight."""
    share = np.random.random([real_samples.size(0)] + [1] * (real_samples.dim() - 1))
    alpha = torch.FloatTensor(share)
    interpolates = (alpha * real_samples + (1 - alpha) * fake_samples).requires_grad_(True)
    d_interpolates = D(interpolates)
    ones = torch.ones(real_samples.shape[0], 1, requires_grad=False)
    gradients = autograd.grad(
        outputs=d_interpolates,
        inputs=interpolates,
        grad_outputs=ones,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def with_device(critic, real, fake, device="cpu"):
    """Images alone: repeat over channels, rows and columns."""
    batch, c, h, w = real.shape
    epsilon = torch.rand((batch, 1, 1, 1)).repeat(1, c, h, w).to(device)
    mixed = real * epsilon + fake * (1 - epsilon)
    if not mixed.requires_grad:
        mixed.requires_grad_(True)
    scores = critic(mixed)
    gradient = torch.autograd.grad(
        inputs=mixed, outputs=scores, grad_outputs=torch.ones_like(scores), create_graph=True, retain_graph=True
    )[0]
    return torch.mean((gradient.view(len(gradient), -1).norm(2, dim=1) - 1) ** 2)


def of_scores_and_points(y, x):
    weight = torch.ones(y.size())
    slope = torch.autograd.grad(outputs=y, inputs=x, grad_outputs=weight, retain_graph=True, create_graph=True)[0]
    slope = slope.view(slope.size(0), -1)
    norm = torch.sqrt(torch.sum(slope**2, dim=1) + 1e-12)
    return torch.mean((norm - 1) ** 2)


class OfPointsAndScores(nn.Module):
    def forward(self, x, f):
        batch = x.shape[0]
        gradients, *_ = torch.autograd.grad(outputs=f, inputs=x, grad_outputs=f.new_ones(f.shape), create_graph=True)
        return torch.mean((gradients.reshape(batch, -1).norm(2, dim=-1) - 1) ** 2)


def images_and_output(images, output, weight=10):
    batch = images.shape[0]
    (gradients,) = autograd.grad(
        outputs=output, inputs=images, grad_outputs=torch.ones(output.size()), create_graph=True, retain_graph=True
    )
    return weight * ((gradients.reshape(batch, -1).norm(2, dim=1) - 1) ** 2).mean()


def of_the_gradient(gradient):
    flat = gradient.view(len(gradient), -1)
    return torch.mean((flat.norm(2, dim=1) - 1) ** 2)


def with_global_names(netD, real_data, fake_data):
    """The weight, the batch and a switch are globals that were left behind."""
    alpha = torch.rand(BATCH_SIZE, 1)
    alpha = alpha.expand(BATCH_SIZE, int(real_data.nelement() / BATCH_SIZE)).contiguous()
    alpha = alpha.view(real_data.size())
    alpha = alpha.cuda() if use_cuda else alpha
    interpolates = autograd.Variable(alpha * real_data + ((1 - alpha) * fake_data), requires_grad=True)
    disc_interpolates = netD(interpolates)
    gradients = autograd.grad(
        outputs=disc_interpolates,
        inputs=interpolates,
        grad_outputs=torch.ones(disc_interpolates.size()),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * LAMBDA


class Trainer:
    """A method of an object that holds the critic."""

    def __init__(self):
        self.D = nn.Linear(3, 1)
        self.gp_weight = 10
        self.losses = {"norm": []}

    def gradient_penalty(self, real_data, generated_data):
        alpha = torch.rand(real_data.size(0), *[1] * (real_data.dim() - 1)).expand_as(real_data)
        interpolated = (alpha * real_data.data + (1 - alpha) * generated_data.data).requires_grad_(True)
        scores = self.D(interpolated)
        gradients = autograd.grad(
            scores, interpolated, torch.ones(scores.size()), create_graph=True, retain_graph=True
        )[0]
        gradients = gradients.view(real_data.size(0), -1)
        norm = torch.sqrt(torch.sum(gradients**2, dim=1) + 1e-12)
        self.losses["norm"].append(norm.mean().item())
        return self.gp_weight * ((norm - 1) ** 2).mean()


def of_a_pair(critic, real, fake):
    """The critic returns scores and classes."""
    alpha = torch.rand(len(real), *[1] * (real.dim() - 1))
    x_hat = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
    score, _ = critic(x_hat)
    gradient = autograd.grad(score.sum(), x_hat, create_graph=True)[0]
    return 10 * (gradient.flatten(1).norm(dim=1) - 1).pow(2).mean()


def with_labels(D, real, fake, labels):
    alpha = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (alpha * real + (1 - alpha) * fake).detach().requires_grad_(True)
    gradient = autograd.grad(D(x, labels).sum(), x, create_graph=True)[0]
    return 10 * (gradient.flatten(1).norm(dim=1) - 1).pow(2).mean()


def with_labels_as_planes(discriminator, real_images, fake_images, one_hot_planes):
    alpha = torch.rand(real_images.size(0), 1, 1, 1)
    x = (alpha * real_images + (1 - alpha) * fake_images).requires_grad_()
    scores = discriminator(torch.cat([x, one_hot_planes], 1))
    gradient = autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)[0]
    return ((gradient.reshape(len(x), -1).norm(dim=1) - 1) ** 2).mean()


def with_given_shares(crit, real, fake, epsilon):
    mixed = (real * epsilon + fake * (1 - epsilon)).requires_grad_(True)
    scores = crit(mixed)
    gradient = autograd.grad(scores, mixed, torch.ones_like(scores), create_graph=True)[0]
    return ((gradient.view(len(gradient), -1).norm(2, dim=1) - 1) ** 2).mean()


def returning_gradients_too(netD, real_data, fake_data, device, constant=1.0, lambda_gp=10.0):
    alpha = torch.rand(real_data.shape[0], 1, device=device)
    alpha = (
        alpha.expand(real_data.shape[0], real_data.nelement() // real_data.shape[0]).contiguous().view(*real_data.shape)
    )
    points = alpha * real_data + ((1 - alpha) * fake_data)
    points.requires_grad_(True)
    scores = netD(points)
    gradients = torch.autograd.grad(
        outputs=scores,
        inputs=points,
        grad_outputs=torch.ones(scores.size()).to(device),
        create_graph=True,
        retain_graph=True,
    )
    flat = gradients[0].view(real_data.size(0), -1)
    return (((flat + 1e-16).norm(2, dim=1) - constant) ** 2).mean() * lambda_gp, flat


def one_sided(D, x, y):
    t = torch.rand(x.shape[0], *[1] * (x.dim() - 1))
    z = (t * x + (1 - t) * y).detach().requires_grad_(True)
    g = autograd.grad(D(z).sum(), z, create_graph=True)[0].flatten(1).norm(dim=1)
    return 10 * torch.relu(g - 1).square().mean()


def r1(d_out, x_in):
    grad = autograd.grad(outputs=d_out.sum(), inputs=x_in, create_graph=True, retain_graph=True, only_inputs=True)[0]
    return grad.pow(2).view(x_in.size(0), -1).sum(1).mean()


def r1_of_the_critic(discriminator, real_img, gamma=10.0):
    real_img = real_img.detach().requires_grad_(True)
    (grad,) = autograd.grad(discriminator(real_img).sum(), real_img, create_graph=True)
    return gamma / 2 * grad.pow(2).reshape(grad.shape[0], -1).sum(1).mean()


def dragan(D, X):
    alpha = torch.rand(X.size(0), *[1] * (X.dim() - 1))
    x = (X + alpha * 0.5 * X.std() * torch.rand(X.size())).detach().requires_grad_(True)
    gradients = autograd.grad(D(x).sum(), x, create_graph=True)[0].flatten(1)
    return 10 * ((gradients.norm(2, 1) - 1) ** 2).mean()


def for_vectors_alone(netD, real_data, fake_data):
    alpha = torch.rand(real_data.size(0), 1).expand(real_data.size())
    interpolates = (alpha * real_data + (1 - alpha) * fake_data).requires_grad_(True)
    scores = netD(interpolates)
    gradients = autograd.grad(scores, interpolates, torch.ones(scores.size()), create_graph=True)[0]
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * 0.1


def making_samples_itself(D, G, real, z):
    fake = G(z).detach()
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (t * real + (1 - t) * fake).requires_grad_(True)
    g = autograd.grad(D(x).sum(), x, create_graph=True)[0].flatten(1).norm(dim=1)
    return 10 * ((g - 1) ** 2).mean()


def by_keywords(*, critic, real, fake, gp_weight=10):
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (t * real + (1 - t) * fake).detach().requires_grad_(True)
    print("a line that nobody asked for")
    g = autograd.grad(critic(x).sum(), x, create_graph=True)[0].flatten(1).norm(dim=1)
    return {"slope": g.mean().detach(), "gp": gp_weight * ((g - 1) ** 2).mean()}


def on_a_gpu(netD, real, fake, device="cuda:0"):
    t = torch.rand(len(real), *[1] * (real.dim() - 1), device=device)
    x = (t * real + (1 - t) * fake).to("cuda").detach().requires_grad_(True)
    g = autograd.grad(netD(x).sum(), x, create_graph=True)[0].flatten(1).norm(dim=1)
    return g.mean().detach(), 10 * ((g - 1) ** 2).mean()


module_critic = nn.Linear(3, 1)


def of_a_default(real_batch, fake_batch, critic=module_critic):
    t = torch.rand(len(real_batch), *[1] * (real_batch.dim() - 1))
    x = (t * real_batch + (1 - t) * fake_batch).detach().requires_grad_(True)
    g = autograd.grad(critic(x).sum(), x, create_graph=True)[0].flatten(1).norm(dim=1)
    return 10 * ((g - 1) ** 2).mean()


class Solver:
    """Whose methods lean on one another, and which cannot be made here."""

    def __init__(self, loader):
        self.loader = loader

    def share(self, real):
        return torch.rand(len(real), *[1] * (real.dim() - 1))

    def gp(self, real, z):
        fake = self.generator(z).detach()
        t = self.share(real)
        x = (t * real + (1 - t) * fake).requires_grad_(True)
        g = autograd.grad(self.discriminator(x).sum(), x, create_graph=True)[0].flatten(1).norm(dim=1)
        return self.hparams.lambda_gp * ((g - 1) ** 2).mean()


def each_on_its_own(critic, real, fake):
    """Example by example, under vmap."""

    def of_one(x, y, t):
        slope = torch.func.grad(lambda z: critic(z.unsqueeze(0)).squeeze())(t * x + (1 - t) * y)
        return (slope.norm() - 1) ** 2

    return 10 * torch.vmap(of_one)(real, fake.detach(), torch.rand(len(real))).mean()


def functional(critic, real, fake, lambda_gp=10.0):
    """With the critic's parameters as an argument."""
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x, weights = t * real + (1 - t) * fake.detach(), dict(critic.named_parameters())

    def score(weights, one):
        return torch.func.functional_call(critic, weights, (one[None],)).sum()

    g = torch.vmap(torch.func.grad(score, argnums=1), in_dims=(None, 0))(weights, x)
    return lambda_gp * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def of_x_and_y(x, y, f):
    """Data and samples without names that say so, the critic last."""
    t = torch.rand(len(x), *[1] * (x.dim() - 1))
    z = (x + t * (y - x)).detach().requires_grad_(True)
    g = autograd.grad(f(z).sum(), z, create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def paired_anew(netD, real, fake):
    """Each sample with the data of another row."""
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (t * real[torch.randperm(len(real))] + (1 - t) * fake).detach().requires_grad_(True)
    g = autograd.grad(netD(x).sum(), x, create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def of_a_network_that_grows(critic, real, fake, alpha, step):
    """Here alpha is how far a new layer has faded in, and no share; samples bring the graph."""
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = t * real + (1 - t) * fake
    scores = critic(x, alpha, step)
    g = autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def in_chunks(critic, real, fake):
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (t * real + (1 - t) * fake).detach().requires_grad_(True)
    scores = torch.cat([critic(part).flatten() for part in x.chunk(3)])
    g = autograd.grad(scores.sum(), x, create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def of_scores_by_name(real_images, real_labels, fake_images, discriminator, device):
    t = torch.rand(len(real_images), *[1] * (real_images.dim() - 1)).to(device)
    x = (t * real_images + (1 - t) * fake_images).detach().requires_grad_(True)
    scores = discriminator(x, real_labels, eval=False)["adv_output"]
    g = autograd.grad(scores.sum(), x, create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


def of_lists_of_scores(netD, real, fake):
    t = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (t * real + (1 - t) * fake).detach().requires_grad_(True)
    scores = sum(scale[-1].sum() for scale in netD(x))
    g = autograd.grad(scores, x, create_graph=True)[0]
    return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()


class WithDefaults:
    """Its target and weight stand where it is made."""

    def __init__(self, discriminator, gamma=1.0, lam=10.0):
        self.discriminator, self.gamma = discriminator, gamma
        self.lam = lam

    def penalty(self, real, fake):
        t = torch.rand(len(real), *[1] * (real.dim() - 1))
        x = (t * real + (1 - t) * fake).detach().requires_grad_(True)
        g = autograd.grad(self.discriminator(x).sum(), x, create_graph=True)[0]
        return self.lam * ((g.flatten(1).norm(dim=1) - self.gamma) ** 2).mean()


class ToBeMade:
    """It needs its weight to be made."""

    def __init__(self, lambda_gp):
        self.lambda_gp = lambda_gp

    def __call__(self, critic, real, fake):
        return self.lambda_gp * of_x_and_y(real, fake, critic)


class KeepsItsData:
    """Data and batch lie in the object, a step before put them there."""

    def __init__(self, opt):
        self._opt = opt
        self._net_d = None

    def penalty(self, fake_masked):
        alpha = torch.rand(self._B, *[1] * (fake_masked.dim() - 1)).expand_as(self._real_img)
        if len(self._gpu_ids) > 0:
            alpha = alpha.cuda()
        x = (alpha * self._real_img.data + (1 - alpha) * fake_masked.data).requires_grad_(True)
        with self.accelerator.autocast():
            score = self._net_d(self.augment(x))
        g = autograd.grad(self.scaler.scale(score.sum()), x, create_graph=True)[0] * (1.0 / self.scaler.get_scale())
        return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean() * self._opt.loss.gp.weight


def of_sections(cfg, D, x_r, x_g):
    """Options in sections, one of which is named as a network is."""
    t = torch.rand(len(x_r), *[1] * (x_r.dim() - 1))
    x = torch.lerp(x_g, x_r, t).detach().requires_grad_(True)
    g = autograd.grad(D(x).sum(), x, create_graph=True)[0]
    norm = (g.flatten(1).square().sum(1) + cfg.model.eps).sqrt()
    excess = (norm - cfg.model.center).relu() if cfg.model.one_sided else norm - cfg.model.center
    return cfg.model.gp_weight * excess.square().mean()


def factory(critic, weight=10.0):
    """It returns the penalty as a function."""

    def penalty(real, fake):
        return weight / 10 * of_x_and_y(real, fake, critic)

    return penalty


class Imitation(nn.Module):
    """Examples in two parts; the critic is a trunk and a head."""

    def compute_grad_pen(self, expert_state, expert_action, policy_state, policy_action, lambda_=10):
        expert, policy = torch.cat([expert_state, expert_action], 1), torch.cat([policy_state, policy_action], 1)
        alpha = torch.rand(len(expert), *[1] * (expert.dim() - 1)).expand_as(expert)
        x = (alpha * expert + (1 - alpha) * policy).detach().requires_grad_(True)
        g = autograd.grad(self.head(self.trunk(x)).sum(), x, create_graph=True)[0]
        return lambda_ * (g.flatten(1).norm(2, dim=1) - 1).pow(2).mean()


def packed(critic, real_data, fake_data, pac=10, lambda_=10):
    """Ten rows are one example (Xu et al. 2019, CTGAN)."""
    alpha = torch.rand(real_data.size(0) // pac, 1, 1)
    alpha = alpha.repeat(1, pac, real_data.size(1)).view(-1, real_data.size(1))
    x = (alpha * real_data + (1 - alpha) * fake_data).detach().requires_grad_(True)
    score = critic(x)
    g = autograd.grad(score, x, torch.ones(score.size()), create_graph=True)[0]
    return ((g.view(-1, pac * real_data.size(1)).norm(2, dim=1) - 1) ** 2).mean() * lambda_


class AtBothEnds:
    """R1 and R2 (Mescheder et al. 2018), by a function that needs no object."""

    def __init__(self, critic, gamma=10.0):
        self.critic, self.gamma = critic, gamma

    @staticmethod
    def at(points, scores):
        (g,) = autograd.grad(scores.sum(), points, create_graph=True)
        return g.square().flatten(1).sum(1)

    def penalty(self, real, fake):
        real, fake = (each.detach().requires_grad_(True) for each in (real, fake))
        return self.gamma / 2 * (self.at(real, self.critic(real)) + self.at(fake, self.critic(fake))).mean()


def of_pictures_beside(real_A, real_B, fake_B, netD):
    """The condition is a picture before the one that is judged (Isola et al. 2017)."""
    alpha = torch.rand(len(real_B), 1, 1, 1)
    between = (alpha * real_B + (1 - alpha) * fake_B).detach().requires_grad_(True)
    score = netD(torch.cat((real_A, between), 1))
    g = autograd.grad(score, between, torch.ones_like(score), create_graph=True)[0]
    return 10 * ((g.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def r1_of_images(critic, real):
    """Over three axes, as published code has it: of volumes it means nothing."""
    real = real.detach().requires_grad_(True)
    (g,) = autograd.grad(critic(real).sum(), real, create_graph=True)
    return 5 * g.square().sum([1, 2, 3]).mean()


class MakesItsSamples:
    def __init__(self, generator, critic):
        self.generator, self.critic = generator, critic
        self.criterion = nn.BCEWithLogitsLoss()

    def penalty(self, real):
        fake = self.generator(torch.randn(len(real), self.latent_dim)).detach()
        return 10 * of_x_and_y(real, fake, self.critic) / 10


def of_returns(netD, log_returns, fake, mask):
    """Data by a name that does not tell, and a mask that takes nothing away."""
    return 10 * of_x_and_y(log_returns, fake * mask, netD) / 10


def of_a_condition_first(netD, real_samples, fake_samples, condition):
    """The condition stands before the points."""
    alpha = torch.rand(len(real_samples), *[1] * (real_samples.dim() - 1))
    points = (alpha * real_samples + (1 - alpha) * fake_samples).requires_grad_(True)
    scores = netD(condition, points)
    (gradient,) = autograd.grad(scores, points, torch.ones_like(scores), create_graph=True)
    return ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def along_the_second_axis(D, real, fake):
    """Sequences [T, N, F]: a share and a norm for each index of the second axis."""
    steps, batch, features = real.shape
    share = torch.rand(1, batch, 1).repeat(steps, 1, features)
    points = (share * real + (1 - share) * fake).requires_grad_(True)
    scores = D(points)
    (gradient,) = autograd.grad(scores, points, torch.ones_like(scores), create_graph=True)
    return (((gradient.square().sum(dim=(0, 2)) + 1e-12).sqrt() - 1) ** 2).mean()


def with_both_ends_too(critic, source, target):
    """Points between, data and samples in one batch, as Shen et al. 2018 have it."""
    share = torch.rand(len(source), 1)
    points = torch.cat([source + share * (target - source), source, target]).requires_grad_()
    scores = critic(points)
    (gradient,) = autograd.grad(scores, points, torch.ones_like(scores), create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()


class WithABuffer(nn.Module):
    """Points and scores, and ones that it keeps."""

    def __init__(self, device="cpu"):
        super().__init__()
        self.register_buffer("grad_outputs", torch.Tensor())

    def forward(self, interp, interp_crit):
        if self.grad_outputs.size() != interp_crit.size():
            self.grad_outputs.resize_(interp_crit.size()).fill_(1.0)
        (gradient,) = autograd.grad(interp_crit, interp, self.grad_outputs, create_graph=True)
        return ((gradient.view(len(gradient), -1).norm(2, dim=1) - 1) ** 2).mean()


class BufferPenalty(WithABuffer):
    """The same under a name that says what it is."""

    def forward(self, interp, interp_crit):
        return super().forward(interp, interp_crit)


class OneByOne(nn.Module):
    """The gradient of a method, example by example; shares made once and drawn anew."""

    def __init__(self):
        super().__init__()
        self.shares = None

    def discriminate(self, x):
        return self.discriminator(x)

    def penalty(self, real, fake):
        batch, _, _, _ = real.shape
        if self.shares is None:
            self.shares = torch.empty(batch, 1, 1, 1)
        points = torch.lerp(fake, real, self.shares.uniform_())
        gradient = torch.func.vmap(torch.func.jacrev(self.discriminate))(points).reshape(batch, -1)
        return (gradient.norm(dim=1) - 1).relu().square().mean()


class OfStates(nn.Module):
    """A state and the next, through layers of its own."""

    def penalty(self, expert_state, expert_next_state, lambda_=10):
        state, after = (one.detach().requires_grad_(True) for one in (expert_state, expert_next_state))
        score = self.last(self.trunk(torch.cat([self.encoder.encode(state), self.encoder.encode(after)], dim=-1)))
        parts = [autograd.grad(score.sum(), one, create_graph=True)[0] for one in (state, after)]
        return lambda_ * sum(part.norm(2, dim=1).pow(2).mean() for part in parts)


def of_named_sizes(netD, real_data, fake_data, labels):
    """Shares in the shape that options give."""
    alpha = torch.rand(real_data.size(0), 1)
    alpha = alpha.expand(real_data.size(0), args.num_channels * args.img_height * args.img_height)
    alpha = alpha.view(real_data.size(0), args.num_channels, args.img_height, args.img_height)
    points = (alpha * real_data + (1 - alpha) * fake_data).requires_grad_(True)
    scores = netD(points, labels)
    (gradient,) = autograd.grad(scores, points, torch.ones_like(scores), create_graph=True)
    return ((gradient.view(len(gradient), -1).norm(2, dim=1) - 1) ** 2).mean()


def slopes_at(critic, points, *beside):
    scores = critic(points, *beside)
    (gradient,) = autograd.grad(scores, points, torch.ones_like(scores), create_graph=True)
    return gradient.reshape(len(points), -1).norm(2, dim=1)


def on_a_device_that_is_not_there(critic, labels, real, fake, device="cpu1"):
    """A device by a wrong default."""
    epsilon = torch.rand((len(real), *[1] * (real.dim() - 1))).to(device)
    return ((slopes_at(critic, (real * epsilon + (1 - epsilon) * fake).requires_grad_(), labels) - 1) ** 2).mean()


def with_a_number_below_the_root(real, fake, discriminator, device, epsilon: float):
    """Epsilon is a number here, and no share."""
    alpha = torch.rand(len(real), *[1] * (real.dim() - 1)).to(device)
    points = (alpha * real + (1 - alpha) * fake.detach()).requires_grad_()
    (gradient,) = autograd.grad(discriminator(points).sum(), points, create_graph=True)
    norms = torch.sqrt(gradient.flatten(1).square().sum(1) + epsilon)
    return (torch.max(torch.zeros(len(norms), 1), norms - 1) ** 2).mean()


def of_written_sizes(d_model, real_data, fake_data):
    """For one size, in the names of an old NumPy."""
    size = np.int(real_data.nelement() / len(real_data))
    alpha = torch.rand(len(real_data), 1).expand(len(real_data), size).contiguous().view(len(real_data), 1, 12, 20)
    return 10 * ((slopes_at(d_model, (alpha * real_data + (1 - alpha) * fake_data).requires_grad_()) - 1) ** 2).mean()


class OfTwoNetworks:
    """The critic in a model, and a weight with a slip in its name."""

    def penalty(self, x_real, x_fake, targets):
        alpha = torch.rand(len(x_real), *[1] * (x_real.dim() - 1))
        x_hat = (alpha * x_real.data + (1 - alpha) * x_fake.data).requires_grad_(True)
        self.model.train()
        return self.grad_penalty_lamda_term * ((slopes_at(self.model.D, x_hat, targets) - 1) ** 2).mean()


def of_a_kind(gp_type, nn_disc, gen_data, real_data):
    """One of several penalties, by a word."""
    if gp_type == "r1":
        points = real_data.detach()
    elif gp_type == "wgan-gp":
        eps = torch.rand(len(gen_data), *[1] * (gen_data.dim() - 1))
        points = eps * gen_data.detach() + (1 - eps) * real_data.detach()
    slopes = slopes_at(nn_disc, points.requires_grad_(True))
    return slopes.square().mean() / 2 if gp_type == "r1" else ((slopes - 1) ** 2).mean()


RIGHT = [
    on_a_device_that_is_not_there,
    with_a_number_below_the_root,
    of_written_sizes,
    OfTwoNetworks.penalty,
    of_a_kind,
    of_a_condition_first,
    along_the_second_axis,
    with_both_ends_too,
    BufferPenalty.forward,
    OneByOne.penalty,
    OfStates.penalty,
    of_named_sizes,
    of_returns,
    r1_of_images,
    MakesItsSamples.penalty,
    KeepsItsData.penalty,
    of_sections,
    factory,
    Imitation.compute_grad_pen,
    packed,
    AtBothEnds.penalty,
    of_pictures_beside,
    of_x_and_y,
    paired_anew,
    of_a_network_that_grows,
    in_chunks,
    of_scores_by_name,
    of_lists_of_scores,
    WithDefaults.penalty,
    ToBeMade,
    of_arrays,
    with_device,
    of_scores_and_points,
    OfPointsAndScores(),
    images_and_output,
    of_the_gradient,
    with_global_names,
    Trainer().gradient_penalty,
    of_a_pair,
    with_labels,
    with_labels_as_planes,
    with_given_shares,
    returning_gradients_too,
    one_sided,
    r1,
    r1_of_the_critic,
    dragan,
    for_vectors_alone,
    making_samples_itself,
    by_keywords,
    on_a_gpu,
    of_a_default,
    Solver.gp,
    each_on_its_own,
    functional,
]
