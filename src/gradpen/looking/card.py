"""The model card of a run: what was trained on what, how near its samples come, and how to use it; as Markdown."""

import html
import json
import re
import shlex
from pathlib import Path
from typing import Any

from gradpen.data.choice import EMBEDDED, WITHOUT_TABLE
from gradpen.data.values import shape_in_words
from gradpen.looking import verdict_pages
from gradpen.metrics.classes import WORDS
from gradpen.metrics.generator import MEASURES, MEASURES_OF_LINES, NGRAMS
from gradpen.metrics.modes import MODES_IN_WORDS
from gradpen.networks.own import OwnGenerator
from gradpen.objectives import Wasserstein
from gradpen.runs.folder import Row, RunFolder
from gradpen.runs.trained import Run
from gradpen.settings import to_dict
from gradpen.text import printable

SHOWN_LABELS, SHOWN_LINES = 20, 24
Table = list[tuple[str, ...]]


def card(parcel: RunFolder, run: Run, repo: str, *, license_name: str | None = None) -> str:
    """Return the model card of a run that was made ready for others.

    Args:
        parcel: its folder, as :func:`gradpen.runs.parcel.write_parcel` writes it, with ``samples.png`` or, of text,
            ``samples.txt``.
        run: loaded from it.
        repo: where it will lie on the hub, NAME/REPO.
        license_name: as the hub names it, for example ``mit``; none: the card says nothing of one.
    """
    record, data = load(parcel.record), load(parcel.data)
    sections = {
        "Use it": use(run, repo),
        "What was trained": table(("", ""), trained(run, record)),
        "Data": table(("", ""), data_rows(run, data, record)),
        "Measures": measures(parcel, run, record),
        f"Verdict{verdict_at(parcel)}": verdict(parcel),
        "How it was made": made(run, data, record),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    lead = (
        f"A generator trained by gradpen: preset {plain(run.config.preset)} on {plain(data['path'])}, after "
        f"{run.iteration:,} of {record['iterations']:,} iterations."
    )
    return f"{front_matter(run, license_name)}\n# {repo.partition('/')[2]}\n\n{lead}\n\n{pictures(parcel)}\n\n{body}\n"


def load(file: Path) -> dict[str, Any]:
    """Return a JSON file."""
    return dict(json.loads(file.read_bytes()))


def plain(words: object) -> str:
    r"""Return words from outside as Markdown that shows them as they are.

    >>> print(plain("a_b | <b> [y](z)"))
    a\_b \| &lt;b&gt; \[y\](z)
    """
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", html.escape(printable(words), quote=False))


def block(lines: list[str]) -> str:
    """Return lines as an indented block: nothing in them can end it, as a fence could be ended."""
    return "\n".join(f"    {printable(line)}" for line in lines)


def table(head: tuple[str, ...], rows: Table) -> str:
    """Return a table; cells are Markdown already."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def front_matter(run: Run, license_name: str | None) -> str:
    """Return what the hub reads of a card."""
    pictures = run.values.layout == "images" and run.values.symbols is None
    lines = [
        "library_name: gradpen",
        *(["pipeline_tag: unconditional-image-generation"] if pictures else []),
        *([f"license: {license_name}"] if license_name else []),
        "tags:",
        "- gradpen",
        "- gan",
        *(["- wasserstein-gan"] if isinstance(run.config.objective, Wasserstein) else []),
    ]
    return "\n".join(["---", *lines, "---", ""])


def pictures(parcel: RunFolder) -> str:
    """Return the samples: a picture, or lines of text."""
    lines = parcel.path / "samples.txt"
    if lines.is_file():
        return block(lines.read_text(encoding="utf-8").splitlines()[:SHOWN_LINES])
    return "![samples](samples.png)"


def use(run: Run, repo: str) -> str:
    """Return how samples are drawn."""
    own = run.config.generator if isinstance(run.config.generator, OwnGenerator) else None
    given = "" if own is None else ", generator=Generator()"
    lines = ["import gradpen", "", f'run = gradpen.from_hub("{repo}"{given})', "samples = run.sample(16, seed=3)"]
    said = ["```python", *lines, "```"]
    if own is not None:
        said += ["", f"The generator is its maker's own class, {plain(own.source)}, which must be given."]
    if run.labels is not None:
        names = run.labels.example_names()
        more = f" and {len(names) - SHOWN_LABELS:,} more" if len(names) > SHOWN_LABELS else ""
        shown = ", ".join(map(plain, names[:SHOWN_LABELS]))
        said += ["", f"`run.sample(16, label=…)` draws samples of one label: {shown}{more}."]
    return "\n".join(said)


def trained(run: Run, record: dict[str, Any]) -> Table:
    """Return objective, constraint and networks."""
    config, sizes = run.config, record["parameters"]
    values = to_dict(config)
    return [
        ("objective", part(values["objective"])),
        ("constraint on the critic", part(values["constraint"])),
        ("generator", f"{plain(values['generator']['name'])}, {sizes['generator']:,} parameters"),
        ("critic", f"{plain(values['critic']['name'])}, {sizes['critic']:,} parameters"),
        ("latent", f"{config.generator.latent_dim} numbers, normally distributed"),
        ("critic updates for each of the generator's", f"{config.critic_steps}, on batches of {config.batch_size}"),
        ("weights", "the generator's" if config.average is None else "the moving average of the generator's"),
    ]


def part(values: dict[str, Any]) -> str:
    """Return a part of a configuration with its settings."""
    settings = ", ".join(f"{key} {json.dumps(value)}" for key, value in values.items() if key != "name")
    return plain(values["name"] + (f" ({settings})" if settings else ""))


def data_rows(run: Run, data: dict[str, Any], record: dict[str, Any]) -> Table:
    """Return what the data are."""
    labels = "none taken" if run.labels is None else f"{len(run.labels.example_names()):,} to ask for"
    return [
        ("data", f"{plain(data['path'])} ({plain(data['kind'])}); not in this repository"),
        ("examples", f"{record['train_images']:,} to train on, {record['held_out_images']:,} held out"),
        ("shape", plain(shape_in_words(data["shape"], data.get("values") or {}))),
        ("labels", labels),
        ("fingerprint", plain(record["data_fingerprint"])),
    ]


def measures(parcel: RunFolder, run: Run, record: dict[str, Any]) -> str:
    """Return the measures of this checkpoint, with n, spread and what training data have."""
    rows = [row for row in run.measures if row["iteration"] == run.iteration]
    if parcel.evaluation.is_file():
        parts = [evaluated(load(parcel.evaluation)["measures"])]
    else:
        parts = [at_mark(rows, record, run.iteration)]
    parts += [of_critic(rows[-1])] if rows else []
    known = (
        "Features are those of a fixed random convolutional net or of a small classifier of the data's own classes: "
        "nothing here is FID or an Inception score, and numbers compare only on the same data at the same n."
    )
    return "\n\n".join([*(each for each in parts if each), known])


def evaluated(found: dict[str, Any]) -> str:
    """Return what gradpen evaluate measured."""
    of_text = NGRAMS[0].name in found
    known = [(m.name, m.real_name, m.words) for m in (MEASURES_OF_LINES if of_text else MEASURES)]
    known += [(name, f"real_{name}", words) for name, words in (MODES_IN_WORDS | WORDS).items()]
    rows: Table = [
        (f"`{name}`", spread(found[name]), spread(found[real]), str(found[name]["n"]), words)
        for name, real, words in known
        if name in found and real in found
    ]
    head = ("measure", "samples", "training data", "n", "what it is")
    return f"Mean ± standard deviation over independent sets of n.\n\n{table(head, rows)}"


def spread(estimate: dict[str, Any]) -> str:
    """Return a mean with its standard deviation."""
    return f"{estimate['mean']:.4f} ± {estimate['standard_deviation']:.4f}"


DISTANCE = "exact Wasserstein-1 distance to as many held-out examples, of what the networks see"
AT_MARKS = {
    "frechet_distance": "Fréchet distance to held-out examples, in features of random convolutions",
    **{
        f"jsd_{n}": f"Jensen-Shannon divergence of {n}-grams from those of held-out lines, in bits" for n in range(1, 5)
    },
}


def at_mark(rows: list[Row], record: dict[str, Any], iteration: int) -> str:
    """Return what the run measured by itself: at its end over several sets, else at this mark of one set."""
    at_end, floor = record["distance_to_held_out"], record["distance_to_held_out"].get("floor")
    real = f"{spread(floor)} ({floor['sets']} sets)" if floor else "not measured"
    lines: Table = []
    if "distance" in at_end and record["iteration"] == iteration:
        made = at_end["distance"]
        lines.append(("`distance`", f"{spread(made)} ({made['sets']} sets)", real, str(made["n"]), DISTANCE))
    for row in rows[-1:]:
        n = f"{row['compared_images']:,}" if "compared_images" in row else ""
        if not lines and "distance" in row:
            lines.append(("`distance`", f"{row['distance']:.4f} (one set)", real, n, DISTANCE))
        lines += [
            (f"`{name}`", f"{row[name]:.4f} (one set)", "not measured", n, words)
            for name, words in AT_MARKS.items()
            if name in row
        ]
    if not lines:
        return "The samples of this checkpoint were not measured."
    head = ("measure", "samples", "training data", "n", "what it is")
    return f"Of several sets, mean ± standard deviation.\n\n{table(head, lines)}"


def of_critic(row: Row) -> str:
    """Return what the critic said at this mark."""
    n = f" ({row['measured_images']:,} examples at most)" if "measured_images" in row else ""
    gaps = [
        f"{row[f'critic_gap_{name}']:.3f} ± {row[f'critic_gap_{name}_error']:.3f} on {words} data"
        for name, words in (("train", "training"), ("held_out", "held-out"))
    ]
    return (
        f"Critic gap: {gaps[0]}, {gaps[1]}, ± one standard error{n}: the mean score of data less that of samples, "
        f"without the penalty. "
        f"Its slope on interpolates has the mean {row['slope_mean']:.3f} and is at most {row['slope_max']:.3f}."
    )


def verdict_at(parcel: RunFolder) -> str:
    """Return which iteration was judged, in words."""
    found = verdict_pages.read(parcel)
    return "" if found is None else f" at iteration {found[0]:,}"


def verdict(parcel: RunFolder) -> str:
    """Return what was found of the run; empty where nobody asked."""
    found = verdict_pages.read(parcel)
    each = [] if found is None else found[1]
    return "\n\n".join(f"**{plain(v['name'])}.** {plain(v['meaning'])} ({plain(v['evidence'])})" for v in each)


def made(run: Run, data: dict[str, Any], record: dict[str, Any]) -> str:
    """Return the command that makes the run again, and with what it was made."""
    versions = record["versions"]
    about = ", ".join(
        f"{name} {plain(versions[name])}" for name in ("gradpen", "commit", "python", "torch", "device", "threads")
    )
    said = ["`config.json` is the whole configuration, with all that was chosen for the data and the machine:"]
    said += ["", block([command(run, data)])]
    if run.config.start is not None:
        said += ["", f"It began with the networks of another run, {plain(run.config.start)}, which is not here."]
    return "\n".join([*said, "", f"Made with {about}. On such a machine the same command gives the same bits."])


def command(run: Run, data: dict[str, Any]) -> str:
    """Return the command, or for data that a program held the call, that trains the run from its configuration."""
    choice = run.config.data
    if str(data["path"]).endswith("in memory"):
        labels = "" if run.labels is None else ", labels=labels"
        return f'gradpen.train(array{labels}, config="config.json")'
    words = ["gradpen", "train"]
    words += [] if choice.path.startswith(EMBEDDED) else [printable(choice.path)]
    words += ["--config", "config.json"]
    words += [] if choice.labels in WITHOUT_TABLE else ["--labels", printable(choice.labels)]
    return " ".join(map(shlex.quote, words))
