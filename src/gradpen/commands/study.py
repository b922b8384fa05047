"""``gradpen study``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from gradpen.commands.options import complain, option
from gradpen.commands.schedule import ScheduleOptions, jobs_of, teller
from gradpen.errors import UsageError, readable_writes

if TYPE_CHECKING:
    from gradpen.studies.study import Report, Study


@dataclass(frozen=True, kw_only=True)
class StudyCommand(ScheduleOptions):
    """Repeat an experiment of the two Wasserstein GAN papers: runs, figure, table, and whether it shows what it should.

    Every piece of it has a folder of its own and is never done again once it is finished, so an interrupted study goes
    on where it stopped when the same command is given again.

    Typical commands:

      gradpen study --list
      gradpen study lines
      gradpen study surfaces --jobs 2
      gradpen study language --data book.txt
      gradpen study all --shard 1/4    (a quarter of the work; SLURM's array variables say it too)
    """

    names: Annotated[Positional[tuple[str, ...]], arg(metavar="NAME ...")] = ()
    """Studies, or all."""
    list: bool = False
    """Say which studies there are."""
    scale: Literal["small", "paper"] = "small"
    """small: minutes of 2 cores; paper: as published, for a GPU."""
    data: Annotated[str | None, option("DATA", "data without a file, as each study says")] = None
    """Data of your own for studies that train presets: CIFAR-10 for convergence, a .txt file for language, ..."""
    out: Path = Path("study")
    """Folder of the studies."""
    json: bool = False
    """Print what was found as JSON."""

    def run(self) -> int:
        """Work, write and print."""
        from gradpen.studies.catalogue import STUDIES

        if self.list or not self.names:
            show_list(STUDIES, as_json=self.json)
            return 0 if self.list else refuse_nothing()
        jobs_of(self)
        studies = chosen_studies(self)
        with readable_writes(UsageError, self.out, "choose another `out`"):
            return carry_out_all(studies, self)


def chosen_studies(options: StudyCommand) -> "tuple[Study, ...]":
    """Return the studies that are named; of all of them those that need no data.

    Raises:
        UsageError: there is none of a name, or one needs data that were not given.
    """
    from gradpen.studies.catalogue import STUDIES, find_study

    if options.names == ("all",):
        if options.data is not None:
            raise UsageError("--data goes with studies by name, not with all")
        for study in STUDIES:
            if study.needs:
                complain(f"{study.name} is left out, since it needs {study.needs} as --data")
        return tuple(study for study in STUDIES if not study.needs)
    studies = tuple(find_study(name) for name in options.names)
    for study in studies:
        if study.needs and options.data is None:
            raise UsageError(f"the study {study.name} needs {study.needs} as --data")
    return studies


def in_all(reports: "list[Report]") -> str:
    """Return how many of several studies show what they should, and what is missing of the others."""
    lines = [f"{sum(report.shows_it for report in reports)} of {len(reports)} studies show what they should"]
    for report in reports:
        missed = [str(criterion) for criterion in report.findings.criteria if not criterion.met]
        missed += [f"{report.missing} cases without a result"] if report.missing else []
        missed += [f"{len(report.failures)} cases failed"] if report.failures else []
        if not report.shows_it:
            lines.append(f"not {report.study.name}: {'; '.join(missed)}")
    return "\n".join(lines)


def refuse_nothing() -> int:
    """Return the exit code where no study was named."""
    complain("name a study, or all")
    return 2


def show_list(studies: "tuple[Study, ...]", *, as_json: bool) -> None:
    """Print the studies."""
    if as_json:
        print(json.dumps([{"name": s.name, "title": s.title, "source": s.source, "cost": s.cost} for s in studies]))
        return
    for study in studies:
        print(f"{study.name}\n    {study.title}\n    source  {study.source}\n    cost    {study.cost}")


def carry_out_all(studies: "tuple[Study, ...]", options: StudyCommand) -> int:
    """Do the studies one after the other; return 0 if all of them are whole and show what they should."""
    from gradpen.machine.device import keep_freed_memory
    from gradpen.runs.checkpoint import replace_file
    from gradpen.studies.engine import carry_out, parse_shard, results_of
    from gradpen.studies.output import as_markdown, page_of_all, write_study
    from gradpen.studies.study import Report, on_data

    keep_freed_memory()
    shard = parse_shard(options.shard)
    jobs = jobs_of(options)
    reports, records, none_found = [], [], False
    for study in studies:
        cases, place = study.cases(options.scale), options.out / options.scale / study.name
        if options.data is not None:
            cases = on_data(study.name, cases, options.data)
        complain(f"{study.name}: {study.title}")
        failures = carry_out(cases, place, jobs=jobs, shard=shard, cluster=options.cluster, tell=teller(type(options)))
        results = results_of(cases, place)
        if not results:
            none_found = True
            continue
        report = Report(
            study=study,
            scale=options.scale,
            findings=study.findings(results, options.scale),
            failures=failures,
            missing=len(cases) - len(results),
        )
        reports.append(report)
        records.append(write_study(report, place))
        if not options.json:
            print(f"{study.title}\n\n{as_markdown(report.findings)}\n")
            print("".join(f"{criterion}\n" for criterion in report.findings.criteria))
            print(f"page  {place / 'study.html'}")
    every = options.out / options.scale / "studies.html"
    if len(reports) > 1 or (reports and not every.exists()):  # a study by name leaves the page of all as it is
        replace_file(every, page_of_all(reports).encode())
    if options.json:
        print(json.dumps(records))
    elif len(reports) > 1:
        print(in_all(reports))
    return 0 if not none_found and all(report.shows_it for report in reports) else 1
