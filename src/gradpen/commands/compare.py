"""``gradpen compare``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional

from gradpen.commands.options import DATA_HELP, DataOptions, as_options, changed_data_options, option
from gradpen.commands.schedule import ScheduleOptions, jobs_of, teller
from gradpen.errors import UsageError
from gradpen.lipschitz import CONSTRAINT_FORMS
from gradpen.studies.compare import OBJECTIVE_NAMES, compare, grid_cells, parse_cell, table


@dataclass(frozen=True, kw_only=True)
class Compare(ScheduleOptions, DataOptions):
    """Train several configurations at equal budget and the same seeds; write one table, one figure and samples.

    Cells are presets, each with settings of its own after commas, or every objective with every constraint on the
    networks of one preset. The budget is the number of generator updates.

    Typical commands:

      gradpen compare --cells wgan-gp-digits wgan-gp-digits,constraint.weight=1 --iterations 1000
      gradpen compare --cells wgan-gp wgan-gp,generator.way=upsample
      gradpen compare --preset wgan-gp-digits --objectives all --constraints all --seeds 1 --iterations 500

    Every run is on one thread unless --set threads says otherwise. An interrupted comparison goes on where it stopped
    when the same command is given again.
    """

    data: Annotated[Positional[str | None], option("[DATA]", "the presets' embedded data", DATA_HELP)] = None
    cells: Annotated[tuple[str, ...], option("CELL ...", "none")] = ()
    """Cells as PRESET or PRESET,KEY=VALUE,…"""
    preset: Annotated[str, option("NAME", "wgan-gp")] = "wgan-gp"
    """Preset whose networks --objectives and --constraints go with."""
    objectives: Annotated[
        tuple[str, ...],
        option(
            "NAME ...",
            "wasserstein, if --constraints are given",
            f"Objectives to cross with the constraints, or all: {', '.join(OBJECTIVE_NAMES)}.",
        ),
    ] = ()
    constraints: Annotated[
        tuple[str, ...],
        option(
            "NAME ...",
            "gradient-penalty, if --objectives are given",
            f"Constraints to cross with the objectives, or all: {', '.join(CONSTRAINT_FORMS)}.",
        ),
    ] = ()
    reduced: bool = False
    """Every preset with an eighth of the channels, for a laptop."""
    seeds: int = 3
    """Runs of each cell, with seeds 0, 1, …"""
    iterations: int = 1000
    """Generator updates of every run."""
    out: Path = Path("compare")
    """Folder of the comparison."""
    set: Annotated[tuple[str, ...], option("KEY=VALUE ...", "nothing")] = ()
    """Settings of every cell."""

    def run(self) -> int:
        """Train, and print the table."""
        from gradpen.machine.device import keep_freed_memory
        from gradpen.settings import parse_override
        from gradpen.studies.engine import parse_shard

        keep_freed_memory()
        if self.seeds < 1:
            raise UsageError(f"--seeds {self.seeds}: at least 1 run of each cell is needed")
        common: dict[str, Any] = {"iterations": self.iterations, "threads": 1}
        common |= {} if self.data is None else {"data.path": self.data}
        common |= {f"data.{name}": value for name, value in changed_data_options(self).items()}
        common |= dict(map(parse_override, self.set))
        if "seed" in common:
            raise UsageError("--set seed: a comparison runs the seeds 0, 1, … of every cell; --seeds says how many")
        cells = [parse_cell(text, common, reduced=self.reduced) for text in self.cells]
        if self.objectives or self.constraints:
            objectives = OBJECTIVE_NAMES if self.objectives == ("all",) else self.objectives or ("wasserstein",)
            constraints = tuple(CONSTRAINT_FORMS) if self.constraints == ("all",) else self.constraints
            cells += grid_cells(
                self.preset, objectives, constraints or ("gradient-penalty",), common, reduced=self.reduced
            )
        results = compare(
            cells,
            self.seeds,
            self.out,
            jobs=jobs_of(self),
            shard=parse_shard(self.shard),
            cluster=self.cluster,
            tell=teller(type(self)),
        )
        print(as_options(table(results), type(self)), end="")
        print(f"figure   {self.out / 'compare.png'}")
        if any(result.distances for result in results):
            print(f"samples  {self.out / 'samples.png'}")
        return 0 if all(result.distances for result in results) else 1
