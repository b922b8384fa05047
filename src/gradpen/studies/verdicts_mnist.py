"""What the verdict says of the same sick and healthy runs on MNIST, on which no threshold was set."""

from gradpen.studies.study import Case, Findings, Results, Scale, Study
from gradpen.studies.verdicts import DIGITS, KINDS, SEEDS, case_of, judged

ON_DIGITS = tuple(kind for kind, (_, _, settings) in KINDS.items() if settings["data.path"] == DIGITS["data.path"])


def cases(scale: Scale) -> list[Case]:
    """Return a case for each kind of the gallery that is about digits, and seed; MNIST's place is to be given."""
    return [case_of(kind, seed, scale, **{"data.path": "mnist"}) for seed in SEEDS for kind in ON_DIGITS]


def findings(results: Results, scale: Scale) -> Findings:
    """Return the verdict on every kind of run, beside those that fit it."""
    del scale
    return judged(results, {kind: KINDS[kind][:2] for kind in ON_DIGITS})


STUDY = Study(
    name="verdicts-mnist",
    title="Verdicts on sick runs and healthy ones of MNIST",
    source="the gallery of `verdicts`, on data that no threshold was set on",
    shows="That `gradpen diagnose` names what is wrong with runs made sick on purpose, and nothing in healthy ones.",
    cost="small: 20 minutes of 2 cores; paper: ten times as long",
    cases=cases,
    findings=findings,
    needs="MNIST: its folder",
)
