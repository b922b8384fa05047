"""``gradpen diagnose``."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from gradpen.commands.options import CheckpointOption, LanguageOption, checkpoint_named, complain, option


@dataclass(frozen=True, kw_only=True)
class Diagnose:
    """Say in plain words how a run is: healthy, or what is wrong, by which number, since when, and what to change.

    It looks at the measures of the run, at samples of its generator and at its data. Writes RUN/verdict.json, with
    which the report begins.
    """

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A folder made by gradpen train, finished or not."""
    data: Annotated[Positional[str | None], option("[DATA]", "where they were")] = None
    """Where the run's data lie now, if they moved."""
    checkpoint: CheckpointOption = "last"
    """Which state of the run: best, last or an iteration, as for gradpen sample."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    json: bool = False
    """Print JSON, in English whatever the language."""
    language: LanguageOption = None
    """Language of the verdict and the report: English or Korean."""

    def run(self) -> int:
        """Look, judge, write and print."""
        from gradpen.evaluation import load_with_data
        from gradpen.language import speaking
        from gradpen.looking.diagnosis import diagnose
        from gradpen.looking.report import publish
        from gradpen.looking.symptoms import recorded_symptoms
        from gradpen.looking.verdict_pages import page, write
        from gradpen.runs.folder import RunFolder

        chosen = checkpoint_named(self.checkpoint)
        run, source = load_with_data(self.run_folder, self.data, complain, checkpoint=chosen, device=self.device)
        verdicts = diagnose(recorded_symptoms(run, source))
        folder = RunFolder(path=run.path)
        write(folder, verdicts, run.iteration)
        with speaking(self.language):
            publish(folder)
            print(json.dumps([asdict(one) for one in verdicts], indent=2) if self.json else page(verdicts, run.path))
        return 0
