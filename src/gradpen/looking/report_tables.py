"""The tables of a report: main figures, data, machine, what each measure is."""

import json
from typing import Any

from gradpen.data.values import shape_in_words
from gradpen.looking.page import table
from gradpen.runs.folder import Row, RunFolder

SHOWN_CLASSES = 20


def summary(rows: list[Row], record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the run's main figures, each with its sample size and spread."""
    if not rows:
        return [("Measures", "none yet: the first are taken after the first iterations")]
    things, space = (
        ("lines", "each symbol a number") if any("jsd_4" in row for row in rows) else ("images", "in pixel space")
    )
    last, untrained = rows[-1], [row["distance"] for row in rows if row["iteration"] == 0 and "distance" in row]
    result = [
        (
            f"Critic gap at iteration {last['iteration']:,}",
            f"{last['critic_gap_train']:.3f} ± {last['critic_gap_train_error']:.3f} on training {things}, "
            f"{last['critic_gap_held_out']:.3f} ± {last['critic_gap_held_out_error']:.3f} on held-out {things} "
            f"(± one standard error)",
        ),
        ("Slope on interpolates", f"mean {last['slope_mean']:.3f}, largest {last['slope_max']:.3f}"),
    ]
    distances = record["distance_to_held_out"]
    if "distance" in distances:
        final, floor = distances["distance"], distances["floor"]
        result += [
            (
                f"Distance to held-out {things}",
                f"{final['mean']:.3f} ± {final['standard_deviation']:.3f}: exact Wasserstein-1, {space}, "
                f"{final['n']} against {final['n']} {things}, mean and standard deviation of {final['sets']} sets",
            ),
            *(("Untrained generator", f"{distance:.3f}, the same measure, one set") for distance in untrained),
            (
                f"Floor: training to held-out {things}",
                f"{floor['mean']:.3f} ± {floor['standard_deviation']:.3f}, the same measure, real against real",
            ),
        ]
    else:
        before = f" ({untrained[0]:.3f} untrained)" if untrained else ""
        result += [
            (
                f"Distance to held-out {things} at iteration {row['iteration']:,}",
                f"{row['distance']:.3f}{before}: exact Wasserstein-1, {space}, one set",
            )
            for row in [row for row in rows if "distance" in row][-1:]
        ]
    result += [
        (
            f"Divergence of n-grams at iteration {row['iteration']:,}",
            ", ".join(f"{row[f'jsd_{n}']:.3f} bits of {n}-grams" for n in range(1, 5)) + ", from held-out lines, one "
            "set",
        )
        for row in [row for row in rows if "jsd_4" in row][-1:]
    ]
    result.append(
        (
            "Time",
            f"{last['seconds']:,.0f} s of training and measuring; {last['images']:,} {things} seen by the critic, "
            f"{last['images'] / record['train_images']:,.1f} epochs",
        )
    )
    return result


def data_summary(data: dict[str, Any], record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the data are and what was left out."""
    result = [
        ("Kind", data["kind"]),
        ("Images", f"{record['train_images']:,} to train on, {record['held_out_images']:,} held out"),
        ("Shape", shape_in_words(data["shape"], data.get("values", {}))),
        ("Found", ", ".join(f"{n:,} {size}" for size, n in data["sizes"].items())),
        ("Modes", ", ".join(f"{n:,} {mode}" for mode, n in data["modes"].items())),
    ]
    fingerprint = ("Fingerprint", record["data_fingerprint"])
    if "unreadable" not in data:
        # A run from the hub, which tells no names of files.
        return [*result, fingerprint]
    result += [
        ("Duplicates", f"{len(data['duplicates'])} groups of equal images"),
        ("Unreadable", f"{len(data['unreadable'])} of {data['found']:,} files left out"),
        fingerprint,
    ]
    if data["classes"]:
        shown = [f"{n:,} {name}" for name, n in list(data["classes"].items())[:SHOWN_CLASSES]]
        more = len(data["classes"]) - len(shown)
        result.append(("Labels", ", ".join(shown) + (f" and {more:,} more" if more else "") + f"; {data['labels']}"))
    result += [("Noted", f"{n:,} × {note}") for note, n in data["notes"].items()]
    others = [f"{n:,} {kind}" for kind, n in data["other_files"].items()]
    result += [("Left out as no images", ", ".join(others))] if others else []
    result += [(f"Left out: {file}", reason) for file, reason in data["unreadable"][:50]]
    return result


def start_of(folder: RunFolder) -> str:
    """Return what a run took from another one as a section, empty for a run that began afresh."""
    try:
        start = json.loads(folder.start.read_text(encoding="utf-8"))
        rows = [("Run", f"{start['run']}, iteration {start['iteration']:,}")]
        for role in ("generator", "critic"):
            taken = start[role]
            rows.append((f"{role.capitalize()}: taken", f"{taken['fitted']:,} of {taken['total']:,} tensors"))
            rows += [(f"{role.capitalize()}: afresh", name) for name in taken["fresh"]]
            rows += [(f"{role.capitalize()}: left behind", name) for name in taken["left"]]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return f"<h2>Begun from another run</h2>{table(rows)}"


def run_summary(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code, machine and sizes."""
    parameters = record["parameters"]
    versions = [
        (key.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
        for key, value in record["versions"].items()
    ]
    return [
        ("parameters", f"generator {parameters['generator']:,}, critic {parameters['critic']:,}"),
        *versions,
    ]


MEASURES = [
    ("critic gap", "mean critic score of real images minus that of samples, without the penalty"),
    ("train, held out", "the real images are from the training part, or from the part never trained on"),
    ("standard error", "of the difference of the two means, over the images measured (up to 512 a side)"),
    ("slope", "Euclidean norm of the critic's gradient at a random interpolate of an image and a sample"),
    ("penalty", "penalty coefficient times the mean penalty of the newest critic batch"),
    ("critic loss, generator loss", "the objective's losses on the newest batches, without the penalty"),
    ("distance", "mean distance of optimally matched images (exact Wasserstein-1), pixels in [-1, 1]"),
    (
        "Jensen-Shannon divergence",
        "of text: between the relative frequencies of n-grams in samples and in held-out lines, in bits; the best "
        "checkpoint is the newest within a fifth of the smallest of 4-grams",
    ),
    (
        "Fréchet distance",
        "between normal distributions with the features' means and covariances; features of a fixed random "
        "convolutional net, so it is no FID; the best checkpoint is the newest within a fifth of the nearest by it",
    ),
    ("gradient norm", "Euclidean norm of the loss's gradient over all parameters of a network"),
    ("images per second", "training images seen by the critic per second, measuring and sampling included"),
]
