"""A run's measures and pictures for other programs: TensorBoard, Weights & Biases, tables."""

import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gradpen.config import RunConfig
from gradpen.errors import UsageError
from gradpen.looking.report import read_record
from gradpen.runs.audience import Tracker
from gradpen.runs.folder import Row, RunFolder, read_measures
from gradpen.settings import to_dict
from gradpen.text import did_you_mean, printable


def named_trackers(names: Sequence[str]) -> list[Tracker]:
    """Return trackers by their names.

    Raises:
        UsageError: there is none of a name, or it needs a package that is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise UsageError(
                f"`track={printable(name)}`: choose of {', '.join(TRACKERS)}{did_you_mean(name, TRACKERS)}"
            )
    made = []
    for name in dict.fromkeys(names):
        try:
            made.append(TRACKERS[name]())
        except ImportError:
            raise UsageError(f"`track={name}` needs a package more: pip install 'gradpen[{name}]'") from None
    return made


class TensorBoard:
    """Event files in ``RUN/tensorboard``, for ``tensorboard --logdir RUN``."""

    def __init__(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer_of: Any = SummaryWriter

    def begin(self, folder: RunFolder, config: RunConfig, iteration: int) -> None:
        """Open a file; what an earlier one says of later iterations is no longer shown."""
        later = iteration + 1 if iteration else None
        self.writer = self.writer_of(log_dir=str(folder.path / "tensorboard"), purge_step=later)
        self.writer.add_text("configuration", f"```\n{to_dict(config)}\n```", iteration)

    def measures(self, row: Row) -> None:
        """Write each measure as a scalar."""
        for name, value in row.items():
            if name != "iteration":
                self.writer.add_scalar(name, value, row["iteration"])
        self.writer.flush()

    def picture(self, iteration: int, picture: Path) -> None:
        """Write the grid of samples."""
        with Image.open(picture) as image:
            self.writer.add_image("samples", np.asarray(image.convert("RGB")), iteration, dataformats="HWC")

    def end(self) -> None:
        """Close the file."""
        self.writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases in ``RUN/wandb``: offline, unless ``WANDB_MODE`` is online."""

    def __init__(self) -> None:
        import wandb

        self.wandb: Any = wandb

    def begin(self, folder: RunFolder, config: RunConfig, iteration: int) -> None:
        """Begin, or go on with the run of that identity."""
        del iteration
        self.run = self.wandb.init(
            project=os.environ.get("WANDB_PROJECT", "gradpen"),
            name=folder.path.resolve().name,
            id=read_record(folder)["run_id"],
            resume="allow",
            dir=str(folder.path),
            config=to_dict(config),
            mode=os.environ.get("WANDB_MODE", "offline"),
            settings=self.wandb.Settings(silent=True, console="off", disable_git=True),
        )

    def measures(self, row: Row) -> None:
        """Log each measure."""
        self.run.log({name: value for name, value in row.items() if name != "iteration"}, step=row["iteration"])

    def picture(self, iteration: int, picture: Path) -> None:
        """Log the grid of samples."""
        self.run.log({"samples": self.wandb.Image(str(picture))}, step=iteration)

    def end(self) -> None:
        """Finish the run."""
        self.run.finish()


class Table:
    """The measures as a table, ``RUN/measures.csv``, beside ``measures.jsonl``: for spreadsheets."""

    def begin(self, folder: RunFolder, config: RunConfig, iteration: int) -> None:
        """Remember where."""
        del config, iteration
        self.folder = folder

    def measures(self, row: Row) -> None:
        """Write the table anew: rows differ in what they measure, so that its columns may change."""
        del row
        rows = read_measures(self.folder)
        columns = list(dict.fromkeys(name for each in rows for name in each))
        with (self.folder.path / "measures.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)

    def picture(self, iteration: int, picture: Path) -> None:
        """Do nothing: a table has no pictures."""

    def end(self) -> None:
        """Do nothing: the table is whole after every row."""


TRACKERS: dict[str, Callable[[], Tracker]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases, "csv": Table}
