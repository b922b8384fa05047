"""The tables of a report: main figures, data, machine, what each measure is."""

import json
from typing import Any

from gradpen.data.values import shape_in_words
from gradpen.language import marked, said
from gradpen.looking.data_words import said_of_data
from gradpen.looking.page import table, text
from gradpen.runs.folder import Row, RunFolder

SHOWN_CLASSES = 20


def summary(rows: list[Row], record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the run's main figures, each with its sample size and spread."""
    if not rows:
        return [(said("Measures"), said("none yet: the first are taken after the first iterations"))]
    of_text = any("jsd_4" in row for row in rows)
    things = said("lines") if of_text else said("images")
    last = rows[-1]
    return [
        (
            said("Critic gap at iteration {iteration:,}").format(iteration=last["iteration"]),
            said(
                "{train:.3f} ± {train_error:.3f} on training {things}, {held_out:.3f} ± {held_out_error:.3f} on "
                "held-out {things} (± one standard error)"
            ).format(
                train=last["critic_gap_train"],
                train_error=last["critic_gap_train_error"],
                held_out=last["critic_gap_held_out"],
                held_out_error=last["critic_gap_held_out_error"],
                things=things,
            ),
        ),
        (
            said("Slope on interpolates"),
            said("mean {mean:.3f}, largest {largest:.3f}").format(mean=last["slope_mean"], largest=last["slope_max"]),
        ),
        *distances(rows, record, things, said("each symbol a number") if of_text else said("in pixel space")),
        *divergences(rows),
        (
            said("Time"),
            said(
                "{seconds:,.0f} s of training and measuring; {seen:,} {things} seen by the critic, {epochs:,.1f} epochs"
            ).format(
                seconds=last["seconds"],
                seen=last["images"],
                things=things,
                epochs=last["images"] / record["train_images"],
            ),
        ),
    ]


def distances(rows: list[Row], record: dict[str, Any], things: str, space: str) -> list[tuple[str, str]]:
    """Return the distance to held-out data with its floor, or before the end of a run the newest."""
    untrained = [row["distance"] for row in rows if row["iteration"] == 0 and "distance" in row]
    found = record["distance_to_held_out"]
    if "distance" not in found:
        return [newest_distance(row, untrained, things, space) for row in rows if "distance" in row][-1:]
    final, floor = found["distance"], found["floor"]
    return [
        (
            said("Distance to held-out {things}").format(things=things),
            said(
                "{mean:.3f} ± {deviation:.3f}: exact Wasserstein-1, {space}, {n} against {n} {things}, mean and "
                "standard deviation of {sets} sets"
            ).format(
                mean=final["mean"],
                deviation=final["standard_deviation"],
                space=space,
                n=final["n"],
                things=things,
                sets=final["sets"],
            ),
        ),
        *(
            (
                said("Untrained generator"),
                said("{distance:.3f}, the same measure, one set").format(distance=distance),
            )
            for distance in untrained
        ),
        (
            said("Floor: training to held-out {things}").format(things=things),
            said("{mean:.3f} ± {deviation:.3f}, the same measure, real against real").format(
                mean=floor["mean"], deviation=floor["standard_deviation"]
            ),
        ),
    ]


def newest_distance(row: Row, untrained: list[float], things: str, space: str) -> tuple[str, str]:
    """Return the distance at a mark, beside that of the untrained generator where it was measured."""
    name = said("Distance to held-out {things} at iteration {iteration:,}")
    if untrained:
        words = said("{distance:.3f} ({before:.3f} untrained): exact Wasserstein-1, {space}, one set")
    else:
        words = said("{distance:.3f}: exact Wasserstein-1, {space}, one set")
    return (
        name.format(things=things, iteration=row["iteration"]),
        words.format(distance=row["distance"], before=untrained[0] if untrained else None, space=space),
    )


def divergences(rows: list[Row]) -> list[tuple[str, str]]:
    """Return how far the n-grams of lines are from held-out ones, at the newest mark; nothing of images."""
    found = [row for row in rows if "jsd_4" in row][-1:]
    each = said("{bits:.3f} bits of {n}-grams")
    return [
        (
            said("Divergence of n-grams at iteration {iteration:,}").format(iteration=row["iteration"]),
            said("{divergences}, from held-out lines, one set").format(
                divergences=", ".join(each.format(bits=row[f"jsd_{n}"], n=n) for n in range(1, 5))
            ),
        )
        for row in found
    ]


OWN_DATA = {
    marked("digits embedded in scikit-learn"),
    marked("faces drawn by gradpen"),
    marked("bricks drawn by gradpen"),
    marked("sentences put together by gradpen"),
    marked("8gaussians, points in the plane drawn by gradpen"),
    marked("25gaussians, points in the plane drawn by gradpen"),
    marked("swissroll, points in the plane drawn by gradpen"),
    marked("ring, points in the plane drawn by gradpen"),
    marked("grid, points in the plane drawn by gradpen"),
}
"""embedded data, whose names are words; all other data have a path, which is never translated"""
KINDS = {
    "folder": marked("folder"),
    "array": marked("array"),
    "embedded": marked("embedded"),
    "text": marked("text"),
}
"""kinds of data that are words; the others are names of formats"""


def name_of(data: dict[str, Any]) -> str:
    """Return what the data are called."""
    path = str(data["path"])
    return said(path) if path in OWN_DATA else path


def data_summary(data: dict[str, Any], record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the data are and what was left out."""
    of_each, parts = said("{count:,} {kind}"), said("{train:,} to train on, {held_out:,} held out")

    def counted(found: dict[str, int]) -> str:
        return ", ".join(of_each.format(count=count, kind=kind) for kind, count in found.items())

    result = [
        (said("Kind"), said(KINDS.get(data["kind"], data["kind"]))),
        (said("Images"), parts.format(train=record["train_images"], held_out=record["held_out_images"])),
        (said("Shape"), shape_in_words(data["shape"], data.get("values", {}), said)),
        (said("Found"), counted(data["sizes"])),
        (said("Modes"), counted({said_of_data(mode): count for mode, count in data["modes"].items()})),
    ]
    fingerprint = (said("Fingerprint"), record["data_fingerprint"])
    if "unreadable" not in data:
        # A run from the hub, which tells no names of files.
        return [*result, fingerprint]
    result += [
        (said("Duplicates"), said("{groups} groups of equal images").format(groups=len(data["duplicates"]))),
        (
            said("Unreadable"),
            said("{count} of {found:,} files left out").format(count=len(data["unreadable"]), found=data["found"]),
        ),
        fingerprint,
    ]
    if data["classes"]:
        shown = dict(list(data["classes"].items())[:SHOWN_CLASSES])
        more = len(data["classes"]) - len(shown)
        others = said(" and {count:,} more").format(count=more) if more else ""
        result.append((said("Labels"), f"{counted(shown)}{others}; {said_of_data(data['labels'])}"))
    result += [(said("Noted"), f"{n:,} × {said_of_data(note)}") for note, n in data["notes"].items()]
    if data["other_files"]:
        result.append((said("Left out as no images"), counted(data["other_files"])))
    left_out = said("Left out: {file}")
    return result + [(left_out.format(file=file), said_of_data(reason)) for file, reason in data["unreadable"][:50]]


def start_of(folder: RunFolder) -> str:
    """Return what a run took from another one as a section, empty for a run that began afresh."""
    run, tensors = said("{run}, iteration {iteration:,}"), said("{fitted:,} of {total:,} tensors")
    taken, fresh, left = said("{network}: taken"), said("{network}: afresh"), said("{network}: left behind")
    try:
        start = json.loads(folder.start.read_text(encoding="utf-8"))
        rows = [(said("Run"), run.format(run=start["run"], iteration=start["iteration"]))]
        for role, network in (("generator", said("Generator")), ("critic", said("Critic"))):
            found = start[role]
            words = tensors.format(fitted=found["fitted"], total=found["total"])
            rows.append((taken.format(network=network), words))
            rows += [(fresh.format(network=network), name) for name in found["fresh"]]
            rows += [(left.format(network=network), name) for name in found["left"]]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    heading = said("Begun from another run")
    return f"<h2>{text(heading)}</h2>{table(rows)}"


MACHINE = {
    "commit": marked("commit"),
    "device": marked("device"),
    "cpu_capability": marked("cpu capability"),
    "cpu_features": marked("cpu features"),
    "threads": marked("threads"),
    "processes": marked("processes"),
    "platform": marked("platform"),
}
"""what is recorded of the machine; all else are programs with their versions"""


def run_summary(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code, machine and sizes."""
    parameters = record["parameters"]
    versions = [
        (said(MACHINE.get(key, key)), ", ".join(value) if isinstance(value, list) else str(value))
        for key, value in record["versions"].items()
    ]
    sizes = said("generator {generator:,}, critic {critic:,}")
    return [
        (said("parameters"), sizes.format(generator=parameters["generator"], critic=parameters["critic"])),
        *versions,
    ]


def measures() -> list[tuple[str, str]]:
    """Return what each measure is."""
    return [(said(name), said(meaning)) for name, meaning in MEASURES]


MEASURES = [
    (marked("critic gap"), marked("mean critic score of real images minus that of samples, without the penalty")),
    (
        marked("train, held out"),
        marked("the real images are from the training part, or from the part never trained on"),
    ),
    (
        marked("standard error"),
        marked("of the difference of the two means, over the images measured (up to 512 a side)"),
    ),
    (
        marked("slope"),
        marked("Euclidean norm of the critic's gradient at a random interpolate of an image and a sample"),
    ),
    (marked("penalty"), marked("penalty coefficient times the mean penalty of the newest critic batch")),
    (
        marked("critic loss, generator loss"),
        marked("the objective's losses on the newest batches, without the penalty"),
    ),
    (marked("distance"), marked("mean distance of optimally matched images (exact Wasserstein-1), pixels in [-1, 1]")),
    (
        marked("Jensen-Shannon divergence"),
        marked(
            "of text: between the relative frequencies of n-grams in samples and in held-out lines, in bits; the best "
            "checkpoint is the newest within a fifth of the smallest of 4-grams"
        ),
    ),
    (
        marked("Fréchet distance"),
        marked(
            "between normal distributions with the features' means and covariances; features of a fixed random "
            "convolutional net, so it is no FID; the best checkpoint is the newest within a fifth of the nearest by it"
        ),
    ),
    (marked("gradient norm"), marked("Euclidean norm of the loss's gradient over all parameters of a network")),
    (
        marked("images per second"),
        marked("training images seen by the critic per second, measuring and sampling included"),
    ),
]
