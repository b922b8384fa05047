"""Record the curves of sick and healthy runs that the chapters of docs/learn show.

    python studies/learn_recordings.py [--out docs/learn/js/recordings.js]

The runs are those of ``gradpen study verdicts`` (embedded digits, 600 iterations, seed 0), measured more often. About
four minutes on one core, in a temporary folder.
"""

import argparse
import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from gradpen.data.recognise import open_source
from gradpen.errors import DivergedError
from gradpen.looking.diagnosis import diagnose
from gradpen.looking.symptoms import recorded_symptoms
from gradpen.runs.folder import RunFolder, read_measures
from gradpen.runs.trained import load
from gradpen.studies.runs import trained
from gradpen.studies.verdicts import case_of

RECORDED = {
    "healthy": "healthy WGAN-GP",
    "no-penalty": "no penalty",
    "clip-small": "clip 0.001",
    "clip-large": "clip 1",
    "rate-high": "rate 0.1",
    "fast-generator": "fast generator",
    "one-latent": "latent size 1",
}
"""the name on the page, and the kind of run in ``gradpen study verdicts``"""
CURVES = {
    "gap": "critic_gap_train",
    "held_out": "critic_gap_held_out",
    "slope": "slope_mean",
    "nearness": "frechet_distance",
    "critic_norm": "critic_gradient_norm",
    "generator_norm": "generator_gradient_norm",
}
"""the name in the file, and the column of ``measures.jsonl``"""
EVERY = 20
DIGITS = 4
HEAD = """"use strict";
/**
 * Curves of runs, for the chapters. Made by `python studies/learn_recordings.py`; do not edit.
 *
 * Each run has the verdict of `gradpen diagnose` at its end and columns of `measures.jsonl`, an entry a mark.
 */
globalThis.learn = globalThis.learn ?? {};

learn.recordings = """


def record(kind: str, place: Path) -> dict[str, Any]:
    """Train one run, and return its curves and what gradpen says of it."""
    often = {f"cadence.{name}_every": EVERY for name in ("log", "sample", "save")}
    with suppress(DivergedError):
        case = case_of(kind, 0, "small", **often).arguments
        trained(place, case["preset"], case["settings"])
    run = load(place / "run", checkpoint="last")
    verdict = diagnose(recorded_symptoms(run, open_source(run.config.data)))[0]
    # Marks of the first iterations have no distance yet.
    rows = [row for row in read_measures(RunFolder(path=place / "run")) if CURVES["nearness"] in row]
    return {
        "verdict": verdict.name,
        "iterations": [row["iteration"] for row in rows],
        **{name: [rounded(row.get(column)) for row in rows] for name, column in CURVES.items()},
    }


def rounded(value: float | None) -> float | None:
    """Return a number with few digits; none where it was not measured or is not finite."""
    if value is None or value != value or abs(value) == float("inf"):
        return None
    return float(f"{value:.{DIGITS}g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/learn/js/recordings.js"))
    out: Path = parser.parse_args().out
    found = {}
    for name, kind in RECORDED.items():
        with tempfile.TemporaryDirectory() as place:
            found[name] = record(kind, Path(place))
        print(f"{kind}: {found[name]['verdict']}, {len(found[name]['iterations'])} marks", flush=True)
    runs = ",\n".join(f'  "{name}": {json.dumps(run, separators=(",", ":"))}' for name, run in found.items())
    out.write_text(f"{HEAD}{{\n{runs}\n}};\n", encoding="utf-8")


if __name__ == "__main__":
    main()
