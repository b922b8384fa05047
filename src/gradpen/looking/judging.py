"""A run judged while it trains and at its end: what is found is written down, and what changes is said."""

from collections.abc import Callable
from dataclasses import dataclass, field

from gradpen.data.source import Source
from gradpen.language import retold, said
from gradpen.looking.diagnosis import diagnose
from gradpen.looking.symptoms import symptoms
from gradpen.looking.verdict import LAST, improving, nearness_at_marks
from gradpen.looking.verdict_pages import in_a_line, write
from gradpen.runs.folder import RunFolder
from gradpen.runs.trained import Run

PASSING = ("collapsed", "modes missing", "generator not learning")
"""what samples of the first minutes often look like: said of a run in progress once it has had time to get better"""


@dataclass
class Judge:
    """Judges one run again and again. In the middle of a run it speaks of what it finds twice in a row, once."""

    say: Callable[[str], None]
    seen: frozenset[str] = field(default_factory=frozenset)
    """names of what was found last"""
    said: frozenset[str] = field(default_factory=frozenset)

    def __call__(self, run: Run, source: Source, state: str) -> None:
        """Judge the run, write the verdicts into its folder, and say what is new.

        Args:
            run: as it is now.
            source: its data.
            state: running, finished or diverged.
        """
        marks = sum(row["iteration"] > 0 for row in run.measures)
        shown = symptoms(run, source, state=state, closely=state != "diverged" and marks >= LAST)
        found = diagnose(shown)
        write(RunFolder(path=run.path), found, run.iteration)
        sick = {verdict.name: verdict for verdict in found if verdict.sick}
        if state != "running":
            self.say(said("verdict: {verdict}").format(verdict=in_a_line(found, run.path)))
            return
        lasting = len(nearness_at_marks(shown)[1]) >= 2 * LAST and not improving(shown)
        now = frozenset(sick) - (frozenset() if lasting else frozenset(PASSING))
        for name in sorted((now & self.seen) - self.said):
            words = f"{said(name)}. {said(sick[name].meaning)} {retold(sick[name].evidence)}"
            self.say(said("iteration {iteration:,}: {verdict}").format(iteration=run.iteration, verdict=words))
        if self.said and not now:
            names = ", ".join(map(said, sorted(self.said)))
            self.say(said("iteration {iteration:,}: no longer {names}").format(iteration=run.iteration, names=names))
            self.said = frozenset()
        self.said |= now & self.seen
        self.seen = now
