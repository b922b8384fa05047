"""``gradpen export``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gradpen.commands.options import CheckpointOption, checkpoint_named, complain
from gradpen.text import printable


@dataclass(frozen=True, kw_only=True)
class Export:
    """Write a run's generator for other programs, and compare the file with the run.

    The suffix of --out decides: .onnx for onnxruntime and others, .pt2 for torch.export.load, .safetensors for the
    weights alone. Inputs are latents [B, latent size], and labels [B, K] of a run trained with labels; images come out
    [B, C, H, W], for any B. What the numbers and labels mean stands in the file.

    Typical commands:

      gradpen export runs/00001-photos-quick --out generator.onnx
      gradpen export runs/00001-photos-quick --out generator.pt2 --units
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train."""
    out: Path = Path("generator.pt2")
    """FILE.onnx (with the extra onnx), FILE.pt2 or FILE.safetensors."""
    units: bool = False
    """Numbers come out in the data's units, 0 to 255 for images, instead of -1 to 1."""
    checkpoint: CheckpointOption = "best"
    """Which state of the run: best, last or an iteration, as for gradpen sample."""

    def run(self) -> int:
        """Write, compare and say how near it is."""
        from gradpen.runs.export import export
        from gradpen.runs.trained import load

        run = load(self.run_folder, checkpoint=checkpoint_named(self.checkpoint), device="cpu", say=complain)
        done = export(run, self.out, units=self.units)
        print(
            f"generator of iteration {run.iteration:,}: {printable(done.path)}; at batches of 1, 3 and 64 it differs "
            f"from the run by at most {done.difference:.1g}, where the data span -1 to 1"
        )
        return 0
