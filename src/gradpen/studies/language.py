"""The character-level language model: n-grams of its lines against those of real ones, beside a standard GAN."""

from pathlib import Path
from statistics import median
from typing import Any

from gradpen.data.recognise import open_source
from gradpen.data.symbols import codes_of
from gradpen.looking.figures import GREY, HELD_OUT, TRAIN
from gradpen.metrics.ngrams import jensen_shannon, ngrams
from gradpen.runs.trained import load
from gradpen.studies.critics import numbers
from gradpen.studies.runs import NAN, curve, measured, of_all, panels
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

NS = (1, 2, 3, 4)
SAMPLES, SHOWN = 640, 18
FORMS: dict[str, dict[str, Any]] = {
    "WGAN-GP": {},
    "GAN": {
        "objective": "non-saturating",
        "constraint": "none",
        "critic_steps": 1,
        "generator_optimizer": {"name": "adam", "learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999},
        "critic_optimizer": {"name": "adam", "learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999},
    },
}
SEEDS = (0, 1, 2)
LENGTH = {"small": 1_500, "paper": 200_000}
PRESETS = {"small": "text", "paper": "language-model"}


def divergences(lines: Any, counts: dict[int, Any]) -> dict[str, float]:
    """Return the divergence of the n-grams of lines ``[N, L]`` from those counted."""
    return {str(n): jensen_shannon(ngrams(lines, n), counts[n]) for n in NS}


def train(place: Path, preset: str, settings: dict[str, Any]) -> Found:
    """Train one run; return the divergence of 640 of its lines, of held-out ones and of characters at random."""
    found = measured(place, preset, settings)
    run = load(place / "run", checkpoint="last")
    source = open_source(run.config.data)
    assert source.values.symbols is not None
    lines = run.sample(SAMPLES, seed=1).tolist()
    data = source.images[source.train][:, 0, 0]
    counts = {n: ngrams(data, n) for n in NS}
    # Characters drawn one by one with the frequencies of the data know unigrams and nothing else.
    drawn = numbers(0, "characters", 0).choice(data.ravel(), (SAMPLES, data.shape[1]))
    return found | {
        "divergences": divergences(codes_of(lines, source.values.symbols, data.shape[1])[:, 0, 0], counts),
        "floor": divergences(source.images[source.held_out[:SAMPLES]][:, 0, 0], counts),
        "characters": divergences(drawn, counts),
        "lines": lines[:SHOWN],
    }


def seeds_of(form: str) -> tuple[int, ...]:
    """Return the seeds of a form."""
    return SEEDS if form == "WGAN-GP" else SEEDS[:1]


def cases(scale: Scale) -> list[Case]:
    """Return a case for each form and seed."""
    every = max(1, LENGTH[scale] // 10)
    common = {
        "iterations": LENGTH[scale],
        "cadence.log_every": every,
        "cadence.sample_every": every,
        "cadence.save_every": every,
        "data.path": "embedded:sentences",
        "precision": "fp32",
    }
    return [
        Case(
            name=case_name(form, seed),
            work=train,
            arguments={"preset": PRESETS[scale], "settings": FORMS[form] | common | {"seed": seed}},
        )
        for form in FORMS
        for seed in seeds_of(form)
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return the divergences, the curves and some lines."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    figure, axes = panels(1, len(NS), width=2.8, height=2.6)
    middle: dict[str, dict[str, float]] = {}
    for form, colour in zip(FORMS, (TRAIN, HELD_OUT), strict=True):
        each = of_all(results, *(case_name(form, seed) for seed in seeds_of(form)))
        if not each:
            continue
        middle[form] = {n: median(one["divergences"][n] for one in each) for n in map(str, NS)}
        rows.append((form, len(each), *middle[form].values()))
        for n, panel in zip(NS, axes[0], strict=True):
            panel.plot(*curve(each[0], f"jsd_{n}"), color=colour, label=form)
    if not rows:
        return Findings(columns=(), rows=[], criteria=[], figures=[])
    one = next(iter(results.values()))
    for words, key in (("characters drawn one by one", "characters"), ("held-out lines (floor)", "floor")):
        rows.append((words, None, *one[key].values()))
        for n, panel in zip(NS, axes[0], strict=True):
            panel.axhline(one[key][str(n)], color=GREY, ls="--" if key == "floor" else ":", lw=0.8)
            panel.set_title(f"{n}-grams", fontsize=9)
            panel.set_ylim(bottom=0)
    axes[0][0].legend(frameon=False, fontsize=8)
    axes[0][0].set_xlabel("generator updates", fontsize=8)
    ours = middle.get("WGAN-GP", {})
    first = {n: next((row[f"jsd_{n}"] for row in results["wgan-gp-0"]["rows"]), NAN) for n in NS} if ours else {}
    return Findings(
        columns=("lines", "seeds", *(f"JSD of {n}-grams, bits" for n in NS)),
        rows=rows,
        criteria=[
            *(
                Criterion(
                    words=f"divergence of {n}-grams, of the untrained generator's",
                    value=ours.get(str(n), NAN) / first.get(n, NAN),
                    bound=0.5,
                    at_least=False,
                )
                for n in (1, 2)
            ),
            Criterion(
                words="divergence of 2-grams, of that of characters drawn one by one",
                value=ours.get("2", NAN) / one["characters"]["2"],
                bound=1.0,
                at_least=False,
            ),
        ],
        figures=[("At the marks; dashed the floor, dotted characters drawn one by one.", figure)],
        notes=(
            f"{SAMPLES} lines against all training lines, filled ends included. No divergence is published, and a "
            f"floor "
            "belongs beside every one of them. Published: 18 sample lines, and that the standard GAN gave none "
            "comparable.",
            *(
                f"{form}, seed 0: " + " · ".join(results[name]["lines"])
                for form in FORMS
                if (name := case_name(form, 0)) in results
            ),
        ),
    )


STUDY = Study(
    name="language",
    title="A language model of characters",
    source="Gulrajani et al. 2017, arXiv 1704.00028, table 4; github.com/igul222/improved_wgan_training, "
    "gan_language.py",
    shows="WGAN-GP learns text from probabilities of characters, one-hot lines being its data; the standard GAN does "
    "not.",
    cost="small: 2 minutes of 2 cores, sentences of a small grammar; paper: days of a GPU, the corpus as data.path",
    cases=cases,
    findings=findings,
)
