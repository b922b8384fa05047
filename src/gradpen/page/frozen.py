"""The page of one run as files that open from disk, without gradpen: answers prepared for what can be asked there."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from gradpen.errors import GradpenError, UsageError, readable_writes
from gradpen.language import speaking
from gradpen.looking.figures import CRITIC_PANELS
from gradpen.looking.pictures import save_numbers, save_points, save_samples
from gradpen.page.exploring import LABELS, Wish, about, kind_of, nearest, samples, walk
from gradpen.page.listing import State, refuse_links
from gradpen.page.models import POINTS, Models, as_url
from gradpen.page.watching import critic_curve, curve, report_of, watched
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.folder import RunFolder, existing_folder
from gradpen.runs.trained import Run
from gradpen.text import printable

STATIC = Path(__file__).parent / "static"
MODULES = ("ask.js", "dom.js", "runs.js", "labels.js", "watch.js", "bench.js", "explore.js", "app.js")
"""each after those that it imports"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
SEEDS, GRIDS, WALKED, STEPS = 6, 40, 5, 12
"""seeds, grids through training, samples that are walked between, and steps of a walk that are prepared"""
SHOWN, EACH = 24, 8
"""samples of a seed, and of a label where every label has a row"""
HERE = "."
"""the run's name on its own page"""


def freeze(path: Path, out: Path, *, data: str | None, say: Callable[[str], None]) -> Path:
    """Write the page of a run, and return its first file.

    Args:
        path: the run's folder.
        out: a new or empty folder.
        data: where the run's data lie now; None: where they were.
        say: told what could not be prepared.

    Raises:
        GradpenError: there is no run, or the place is in use or cannot be written.
    """
    folder = existing_folder(path)
    refuse_links(folder)
    with readable_writes(UsageError, out, "choose another `out`"):
        if out.exists() and any(out.iterdir()):
            raise UsageError(f"{printable(out)} is not empty; choose a new folder as `out`")
    with speaking("en"):  # as the page itself does
        answers, files = of_run(folder)
        report = report_of(folder)
        models = Models(data=data)
        run = model_of(models, folder, say)
        if run is not None:
            answers |= of_model(models, run, say)
    with readable_writes(UsageError, out, "choose another `out`"):
        out.mkdir(parents=True, exist_ok=True)
        files |= {} if run is None else downloads(run, out)
        files[question("report")] = "report.html"
        replace_file(out / "report.html", report)
        replace_file(out / "index.html", document({"answers": answers, "files": files}).encode())
    return out / "index.html"


def model_of(models: Models, folder: RunFolder, say: Callable[[str], None]) -> Run | None:
    """Return the model of a run; None, which is said, where there is none to explore."""
    try:
        return models.run(folder.path)
    except GradpenError as error:
        say(f"the model cannot be explored on the page: {error}")
        return None


def question(asked: str, /, **values: object) -> str:
    """Return what the page asks, as ``query`` of ``ask.js`` writes it.

    >>> question("walk", sample=["s0.1", "s0.2"], label="a b")
    'walk?label=a+b&run=.&sample=s0.1&sample=s0.2'
    """
    pairs = []
    for key, value in sorted({"run": HERE, **values}.items()):
        pairs += [(key, str(one)) for one in (value if isinstance(value, list) else [value]) if one is not None]
    return f"{asked}?" + "&".join(f"{key}={encoded(value)}" for key, value in pairs)


def encoded(value: str) -> str:
    """Return a value as browsers write it in addresses."""
    return quote_plus(value, safe="*").replace("~", "%7E")


def of_run(folder: RunFolder) -> tuple[State, dict[str, str]]:
    """Return answers about a run, and its figures and grids as addresses that hold them."""
    state = watched(folder)
    state["grids"] = spread(state["grids"], GRIDS)
    line = {"id": HERE, "problem": None}
    answers: State = {"overview": {"root": "", "runs": [line], "groups": []}, question("run"): state}
    files = {question("curve", name=name): held(curve(folder, name), "svg+xml") for name in state["panels"]}
    if state["critic"] is not None:
        files |= {question("critic", name=name): held(critic_curve(folder, name), "svg+xml") for name in CRITIC_PANELS}
    if folder.real.is_file():  # a run from a hub has no picture of its data
        files[question("grid", real="")] = held(folder.real.read_bytes(), "png")
    for iteration in state["grids"]:
        grid = folder.sample_grid(iteration)
        files[question("grid", iteration=iteration)] = held(grid.read_bytes(), "png")
        if state["lines"]:
            lines = grid.with_suffix(".txt").read_text(encoding="utf-8").split("\n")
            answers[question("lines", iteration=iteration)] = {"lines": [printable(line) for line in lines]}
    return answers, files


def spread(values: list[int], most: int) -> list[int]:
    """Return at most so many of the values, the first and the last among them."""
    last = len(values) - 1
    return values if last < most else [values[round(place * last / (most - 1))] for place in range(most)]


def of_model(models: Models, run: Run, say: Callable[[str], None]) -> State:
    """Return answers about a model: samples under labels, walks, nearest pictures."""
    seeds = list(range(SEEDS))
    walked = [f"s0.{place}" for place in range(WALKED)] if kind_of(run) == "pictures" else []
    names = [] if run.labels is None else run.labels.example_names()[:LABELS]
    model = about(run) | {"seeds": seeds, "walked": walked, "compared": False}
    if names:
        # Of numbers and attributes too a page from disk has these alone.
        model["labels"] = {"kind": "classes", "names": names}
    answers: State = {question("model"): model}
    labels = [None, *names]
    for seed in seeds:
        for label in labels:
            asked = question("samples", seed=seed, count=SHOWN, label=label)
            answers[asked] = samples(models, run, Wish(seed=seed, count=SHOWN, label=label))
        if names:
            wish = Wish(seed=seed, count=EACH, every=True)
            answers[question("samples", seed=seed, count=EACH, every="")] = samples(models, run, wish)
    drawn = [answers[question("samples", seed=0, count=SHOWN, label=label)]["samples"] for label in labels]
    for shelf in drawn if walked else []:
        answers |= dict(walks(models, run, shelf[:WALKED]))
    try:
        for shelf in drawn:
            references, given = [one["reference"] for one in shelf], [one["label"] for one in shelf if one["label"]]
            if references:
                asked = question("nearest", sample=references, **({"as": given} if given else {}))
                answers[asked] = nearest(models, run, references, given, None)
                model["compared"] = True
    except GradpenError as error:
        say(f"nearest pictures are left out: {error}")
    return answers


def walks(models: Models, run: Run, shelf: list[State]) -> Iterable[tuple[str, State]]:
    """Yield the walks between any two of some samples, with the label of the first."""
    for one, other in permutations(shelf, 2):
        way = [one["reference"], other["reference"]]
        frames = walk(models, run, way, STEPS, Wish(label=one["label"]))
        yield question("walk", sample=way, label=one["label"]), {"frames": [as_url(frame) for frame in frames]}


def downloads(run: Run, out: Path) -> dict[str, str]:
    """Write samples of the first seed as a grid and as numbers, and return where the page finds them."""
    points = kind_of(run) == "points"
    z = run.latents(POINTS if points else SHOWN)
    if points:
        save_points(run.sample(latents=z), out / "samples.png")
    else:
        save_samples(run.pictures(latents=z), out / "samples.png")
    save_numbers(run.sample(latents=z), out / "samples.npz", z.numpy())
    asked: dict[str, Any] = {"seed": 0, "count": SHOWN}
    return {question("file", **asked): "samples.png", question("file", **asked, **{"as": "npz"}): "samples.npz"}


def held(content: bytes, kind: str) -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def document(prepared: State) -> str:
    """Return the page: its own files and its answers in one."""
    script = "\n".join(unbound((STATIC / name).read_text(encoding="utf-8")) for name in MODULES)
    # No answer can end the script that holds it.
    answers = json.dumps(prepared).replace("<", "\\u003c")
    page = re.sub('<link rel="modulepreload".*\n', "", (STATIC / "index.html").read_text(encoding="utf-8"))
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    style = f"<style>{(STATIC / 'page.css').read_text(encoding='utf-8')}</style>"
    for old, new in (
        ('<link rel="icon" href="icon.svg">', head),
        ('<link rel="stylesheet" href="page.css">', style),
        (
            '<script type="module" src="app.js"></script>',
            f'<script>globalThis.prepared = {answers};</script>\n<script type="module">\n{script}\n</script>',
        ),
    ):
        page = page.replace(old, new)
    return page


def unbound(module: str) -> str:
    """Return a module without its imports and exports: a page from disk may load no module beside it."""
    return re.sub(r"^export ", "", re.sub(r"^import .*\n", "", module, flags=re.MULTILINE), flags=re.MULTILINE)
