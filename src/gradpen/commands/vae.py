"""``gradpen vae``."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from gradpen.commands.options import complain, option

if TYPE_CHECKING:
    from gradpen.looking.vae import Baseline


@dataclass(frozen=True, kw_only=True)
class VaeBaseline:
    """Train a variational autoencoder on a run's data, its decoder like the run's generator; compare GAN and VAE.

    Writes RUN/vae/: weights, vae.json, and comparison.png with real images, GAN samples and VAE samples. Sharpness is
    the variance of the Laplacian; distance is the exact Wasserstein-1 distance to held-out images.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train, without labels."""
    data: Annotated[Positional[str | None], option("[DATA]", "where they were")] = None
    """Where the run's data lie now, if they moved."""
    iterations: int = 2000
    """Batches to train on, each of the run's batch size."""
    seed: int = 0
    """Seed of weights, order and latents."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def run(self) -> int:
        """Train, measure and print."""
        from gradpen.commands.progress import ProgressLine
        from gradpen.evaluation import load_with_data
        from gradpen.looking.vae import compare_with_vae
        from gradpen.machine.signals import Interrupt

        run, source = load_with_data(self.run_folder, self.data, complain, device=self.device)
        interrupt = Interrupt()
        with ProgressLine(type(self)) as progress, interrupt.listen():

            def show(iteration: int, loss: float) -> None:
                words = f"VAE batch {iteration:,}/{self.iterations:,} | loss {loss:.2f}"
                progress.put(words, last=iteration == self.iterations)

            try:
                baseline = compare_with_vae(
                    run, source, iterations=self.iterations, seed=self.seed, show=show, interrupt=interrupt
                )
            except KeyboardInterrupt:
                complain("stopped; no VAE was written, and the run is as it was")
                return interrupt.exit_code or 130
        print(baseline_page(baseline))
        print(f"picture  {run.path / 'vae' / 'comparison.png'}")
        return 0


def baseline_page(baseline: "Baseline") -> str:
    """Return sharpness and distance of GAN and VAE as lines of text."""
    rows = {
        "held-out images": ("data", "floor"),
        "GAN samples": ("gan", "gan"),
        "VAE samples": ("vae", "vae"),
        "VAE reconstructions": ("reconstructions", None),
    }
    lines = [f"{'':20s} {'sharpness':>10s}  distance"]
    for words, (sharp, far) in rows.items():
        value = f"{baseline.sharpness[sharp]:10.4f}" if baseline.sharpness else f"{'-':>10s}"
        distance = None if far is None else baseline.distance[far]
        shown = "" if distance is None else f"{distance.mean:8.4f} ± {distance.standard_deviation:.4f}"
        lines.append(
            f"{words:20s} {value}  {shown}{'  (training images: the floor)' if far == 'floor' else ''}".rstrip()
        )
    floor = baseline.distance["floor"]
    lines.append(
        f"medians of {baseline.n} images each; exact Wasserstein-1 of {floor.n} against {floor.n} held-out images, "
        f"{floor.sets} sets"
    )
    if min(baseline.distance["gan"].mean, baseline.distance["vae"].mean) < floor.mean:
        lines.append("a distance below the floor is a sign of blur: an average of images is near to all of them")
    return "\n".join(lines)
