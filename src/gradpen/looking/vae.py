"""A small variational autoencoder on a run's data, with the run's generator as its decoder: the comparison GAN and VAE.

Source: Kingma & Welling 2014 (arXiv 1312.6114). The comparison, sharp samples against blurred ones, is that of Foster,
Generative Deep Learning, 2nd edition, chapter 4.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from gradpen.data.source import Source, batches, range_to_pixels
from gradpen.errors import DivergedError, RunError, UsageError, readable_writes
from gradpen.looking.pictures import save_rows
from gradpen.machine.seeds import derived_seed, seed_everything, separate_randomness
from gradpen.machine.signals import Interrupt
from gradpen.metrics.generator import DISTANCE, Estimate, held_out_batch, measure_generator, set_size
from gradpen.metrics.samples import SMALLEST_SHARP, sharpness
from gradpen.networks.blocks import GeneratorChoice, Shape
from gradpen.networks.dcgan import DcganCritic
from gradpen.optimizers import AdamWithoutCompiler
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.folder import write_json
from gradpen.runs.trained import Run
from gradpen.sampling import draw, draw_pixels, first_latents
from gradpen.text import printable

KL_WEIGHT = 1.0
"""weight of the KL divergence beside the summed squared error: 1 is the likelihood of pixels in [-1, 1] with Gaussian
noise of variance 1/2 (2 sigma^2 in general)"""
LEARNING_RATE = 1e-3
SMALL_SIDE, SMALL_WIDTH, WIDTH = 32, 32, 64
NOTED_EVERY = 50
SHOWN = 10


class Vae(nn.Module):
    """An encoder to a normal distribution over latents, and a decoder back."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance, each ``[B, latent_dim]``, of images ``[B, C, H, W]`` in [-1, 1]."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstructions from one draw of the latents, mean and log-variance."""
        mean, log_variance = self.encode(images)
        latents = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        return self.decoder(latents), mean, log_variance


def build_vae(decoder: GeneratorChoice, shape: Shape) -> Vae:
    """Return an untrained autoencoder of images ``[channels, height, width]``.

    The encoder is the body of a :class:`DcganCritic` with layer norm, 32 channels wide up to 32x32 pixels, else 64, and
    a linear layer to mean and log-variance.
    """
    width = SMALL_WIDTH if max(shape[1:]) <= SMALL_SIDE else WIDTH
    *body, last, _ = DcganCritic(width=width, norm="layer").build(shape).children()
    assert isinstance(last, nn.Linear)
    return Vae(nn.Sequential(*body, nn.Linear(last.in_features, 2 * decoder.latent_dim)), decoder.build(shape))


def kl_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Return the KL divergence of each normal distribution from the standard one, ``[B]`` from two ``[B, d]``.

    .. math:: \frac12 \sum_j \left( \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right)

    >>> kl_divergence(torch.tensor([[0.0, 2.0]]), torch.zeros(1, 2))
    tensor([2.])
    """
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2


def losses(vae: Vae, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared error summed over pixels, and the KL divergence, each a mean over the batch."""
    reconstructions, mean, log_variance = vae(images)
    return (reconstructions - images).square().flatten(1).sum(dim=1).mean(), kl_divergence(mean, log_variance).mean()


def train_vae(
    choice: GeneratorChoice,
    source: Source,
    *,
    iterations: int,
    batch_size: int,
    seed: int,
    device: torch.device,
    show: Callable[[int, float], None] = lambda _iteration, _loss: None,
    interrupt: Interrupt | None = None,
) -> tuple[Vae, list[dict[str, float]]]:
    """Train and return the autoencoder with its loss curve; the seed fixes every bit of it on one machine.

    Args:
        choice: the decoder.
        source: the data.
        iterations: batches, each an update of Adam.
        batch_size: images in a batch.
        seed: of weights, order and latents.
        device: where to train.
        show: called now and then with iteration and loss.
        interrupt: whether to stop.

    Raises:
        DivergedError: the loss is no longer finite.
        KeyboardInterrupt: a signal arrived.
    """
    curve: list[dict[str, float]] = []
    with separate_randomness():
        seed_everything(seed, "vae", 0)
        vae = build_vae(choice, source.shape).to(device)
        optimizer = AdamWithoutCompiler(vae.parameters(), lr=LEARNING_RATE)
        stream = batches(source, batch_size, seed=derived_seed(seed, "vae-order", 0), start=0, device=device)
        for iteration in range(1, iterations + 1):
            seed_everything(seed, "vae", iteration)
            squared_error, kl = losses(vae, next(stream).images)
            loss = squared_error + KL_WEIGHT * kl
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if iteration == 1 or iteration % NOTED_EVERY == 0 or iteration == iterations:
                values = {"loss": loss.item(), "squared_error": squared_error.item(), "kl": kl.item()}
                if not torch.isfinite(loss):
                    raise DivergedError(f"the loss of the VAE was no longer finite at batch {iteration:,}")
                curve.append({"iteration": iteration, **values})
                show(iteration, values["loss"])
            if interrupt is not None and interrupt.signal is not None:
                raise KeyboardInterrupt
    return vae.eval(), curve


@torch.no_grad()
def reconstruct(vae: Vae, images: Tensor) -> Tensor:
    """Return the images decoded from the means of their latents, on the CPU."""
    device = next(vae.parameters()).device
    return torch.cat([vae.decoder(vae.encode(part.to(device))[0]).cpu() for part in images.split(64)])


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What came of the comparison."""

    iterations: int
    batch_size: int
    seed: int
    kl_weight: float
    run_iteration: int
    curve: list[dict[str, float]]
    """loss, squared error and KL divergence, means over a batch"""
    n: int
    """images of each kind whose sharpness was measured"""
    sharpness: dict[str, float]
    """medians, of held-out data, GAN samples, VAE samples, VAE reconstructions of the data; empty under 3x3 pixels"""
    distance: dict[str, Estimate]
    """exact Wasserstein-1 distance to held-out images: of the GAN, the VAE, and training images (the floor)"""


def compare_with_vae(
    run: Run,
    source: Source,
    *,
    iterations: int,
    seed: int,
    show: Callable[[int, float], None],
    interrupt: Interrupt | None = None,
) -> Baseline:
    """Train the baseline of a run and write ``vae/`` into its folder, in place of an earlier one.

    There are ``vae.safetensors`` (the weights), ``vae.json`` (a :class:`Baseline`) and ``comparison.png``.

    Raises:
        UsageError: the run is conditional, or there is nothing to train.
        RunError: the folder cannot be written.
        DivergedError, KeyboardInterrupt: as :func:`train_vae`; nothing is written then.
    """
    if run.config.conditional:
        raise UsageError(
            f"{printable(run.path)} was trained with labels, which the VAE does not know; name a run trained without"
        )
    if run.values.symbols is not None:
        raise UsageError(
            f"{printable(run.path)} makes lines of text, and the VAE is for numbers: it has no likelihood of symbols"
        )
    if iterations < 1:
        raise UsageError(f"the VAE needs at least 1 iteration, found `iterations={iterations}`")
    choice = run.config.generator
    with new_folder(run.path / "vae") as folder:
        vae, curve = train_vae(
            choice,
            source,
            iterations=iterations,
            batch_size=run.config.batch_size,
            seed=seed,
            device=next(run.generator.parameters()).device,
            show=show,
            interrupt=interrupt,
        )
    networks = {"gan": run.generator, "vae": vae.decoder}
    distance = {}
    for name, network in networks.items():
        found = measure_generator(network, choice.latent_dim, source, conditional=False, seed=seed, measures=[DISTANCE])
        distance[name], distance["floor"] = found[DISTANCE.name], found[DISTANCE.real_name]
    n = set_size(source)
    baseline = Baseline(
        iterations=iterations,
        batch_size=run.config.batch_size,
        seed=seed,
        kl_weight=KL_WEIGHT,
        run_iteration=run.iteration,
        curve=curve,
        n=n,
        sharpness=median_sharpnesses(run, vae, source, n, seed),
        distance=distance,
    )
    write(folder, vae, baseline)
    real = range_to_pixels(held_out_batch(source, min(SHOWN, n), conditional=False).images).numpy()
    z = first_latents(choice.latent_dim, seed, SHOWN)
    gan, samples = (draw_pixels(network, z) for network in networks.values())
    words = f"{run.config.preset}, iteration {run.iteration:,}"
    rows = [("real (held out)", real), (f"GAN ({words})", gan), (f"VAE ({iterations:,} batches)", samples)]
    save_rows(rows, folder / "comparison.png")
    return baseline


def median_sharpnesses(run: Run, vae: Vae, source: Source, n: int, seed: int) -> dict[str, float]:
    """Return the median sharpness of n images of each kind; nothing for images too small to have one."""
    if min(source.shape[1:]) < SMALLEST_SHARP:
        return {}
    held_out = held_out_batch(source, n, conditional=False).images
    latent_dim = run.config.generator.latent_dim
    kinds = {
        "data": held_out,
        "gan": draw(run.generator, latent_dim, n, seed).cpu(),
        "vae": draw(vae.decoder, latent_dim, n, seed).cpu(),
        "reconstructions": reconstruct(vae, held_out),
    }
    return {name: sharpness(images).median().item() for name, images in kinds.items()}


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Make the folder before anything is trained, and remove it if nothing came of that.

    Raises:
        RunError: it cannot be made.
    """
    with readable_writes(RunError, folder, "copy the run elsewhere"):
        folder.mkdir(exist_ok=True)
    try:
        yield folder
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


def write(folder: Path, vae: Vae, baseline: Baseline) -> None:
    """Write weights and values."""
    values: dict[str, Any] = asdict(baseline)
    weights = {name: tensor.contiguous().cpu() for name, tensor in vae.state_dict().items()}
    with readable_writes(RunError, folder, "make room and try again"):
        replace_file(folder / "vae.safetensors", save(weights))
        write_json(folder / "vae.json", values)
