"""Commands that look at a trained run: sample, evaluate."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gradpen.commands.options import complain, option


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Draw images from a trained run.

    The same seed gives the same images, however many are drawn. The suffix of --out decides: .png one grid,
    .npz an array [N, H, W, C], no suffix a folder of PNG files.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train."""
    count: int = 64
    """How many images."""
    seed: int = 0
    """Seed of the latents."""
    out: Path = Path("samples.png")
    """FILE.png, FILE.npz or FOLDER."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""

    def run(self) -> int:
        """Draw and write."""
        from gradpen.runs import load
        from gradpen.sampling import save_samples

        run = load(self.run_folder, device=self.device, say=complain)
        save_samples(run.sample(self.count, seed=self.seed).transpose(0, 3, 1, 2), self.out)
        print(f"{self.count} samples of iteration {run.iteration:,}, seed {self.seed}: {self.out}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure how far a run's samples are from held-out data.

    Prints the exact Wasserstein-1 distance in pixel space (optimal assignment) between samples and held-out
    images, over several independent sets, and the same for training images: the floor of the measure.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train."""
    data: Annotated[Positional[str | None], option("[DATA]", "where they were")] = None
    """Where the run's data lie now, if they moved."""
    count: int = 500
    """Images in each set, at most as many as are held out."""
    sets: int = 5
    """Independent sets of samples, at least 2."""
    seed: int = 0
    """Seed of the latents."""
    json: bool = False
    """Print JSON."""

    def run(self) -> int:
        """Measure and print."""
        from dataclasses import asdict

        from gradpen.api import evaluate

        result = evaluate(self.run_folder, self.data, count=self.count, sets=self.sets, seed=self.seed, say=complain)
        if self.json:
            print(json.dumps({name: asdict(distance) for name, distance in result.items()}, indent=2))
        else:
            for name, distance in result.items():
                print(
                    f"{name:9s}{distance.mean:.4f} ± {distance.standard_deviation:.4f}  exact Wasserstein-1, "
                    f"{distance.n} against {distance.n} held-out images, {distance.sets} sets"
                )
        return 0
