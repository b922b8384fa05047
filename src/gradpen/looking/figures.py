"""Figures from arrays: no files, no torch."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, MaxNLocator
from PIL import Image

from gradpen.language import marked, said, speaking
from gradpen.looking.lettering import figures_speak, lettered
from gradpen.runs.folder import NEAR
from gradpen.text import DRAWN_BY

TRAIN, HELD_OUT, PENALTY, GREY = "#1f5fa8", "#d1701c", "#7a3fa0", "#666666"


def column(rows: Sequence[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return iterations and values of the rows that have this measure."""
    pairs = [(row["iteration"], row[name]) for row in rows if name in row]
    values = np.array(pairs, dtype=float).reshape(-1, 2)
    return values[:, 0], values[:, 1]


WIDTH, HEIGHT, DPI = 5.3, 3.5, 110
"""inches of a panel, and its dots an inch"""


def in_cells(rows: int, columns: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of panels of one size, which :func:`cut` takes apart again."""
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows))
    across, down = 1 / columns, 1 / rows
    places = [(column * across, 1 - (row + 1) * down) for row in range(rows) for column in range(columns)]
    cells = [(x + 0.17 * across, y + 0.15 * down, 0.80 * across, 0.75 * down) for x, y in places]
    return figure, [figure.add_axes(cell) for cell in cells]


def cut(whole: bytes, rows: int, columns: int) -> list[bytes]:
    """Return the panels of a figure as PNG bytes, from its own."""
    with Image.open(io.BytesIO(whole)) as picture:
        width, height = picture.width // columns, picture.height // rows
        corners = [(column * width, row * height) for row in range(rows) for column in range(columns)]
        return [encoded(picture.crop((x, y, x + width, y + height))) for x, y in corners]


def encoded(picture: Image.Image) -> bytes:
    """Return a picture as PNG bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return buffer.getvalue()


def curves(rows: Sequence[dict[str, Any]], *, floor: float | None = None) -> Figure:
    """Return all curves of a run: :data:`PANELS`, in two rows of three."""
    figure, cells = in_cells(2, 3)
    with speaking(figures_speak()):
        for axes, draw in zip(cells, PANELS.values(), strict=True):
            draw(axes, rows, floor)
            axes.set_xlabel(said("iteration (generator updates)"))
            finish(axes)
        return lettered(figure)


def finish(axes: Axes) -> None:
    """Give a panel what all have."""
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def draw_gap(axes: Axes, rows: Sequence[dict[str, Any]], _floor: float | None) -> None:
    """Draw the critic gap with bands of two standard errors."""
    for part, colour, words in (
        ("train", TRAIN, said("training data")),
        ("held_out", HELD_OUT, said("held-out data")),
    ):
        iterations, values = column(rows, f"critic_gap_{part}")
        _, errors = column(rows, f"critic_gap_{part}_error")
        axes.plot(iterations, values, color=colour, label=words)
        axes.fill_between(iterations, values - 2 * errors, values + 2 * errors, color=colour, alpha=0.2, lw=0)
    axes.set_title(said("Critic gap (band: ± 2 standard errors)"), fontsize=10)
    axes.set_ylabel(said("mean score, real less fake"))
    axes.legend(frameon=False)


def draw_slopes(axes: Axes, rows: Sequence[dict[str, Any]], _floor: float | None) -> None:
    """Draw mean and largest slope on interpolates, and the penalty where there is one."""
    axes.plot(*column(rows, "slope_mean"), color=TRAIN, label=said("mean slope"))
    axes.plot(*column(rows, "slope_max"), color=HELD_OUT, label=said("largest slope"), lw=0.8)
    iterations, penalty = column(rows, "penalty")
    if penalty.any():
        axes.plot(iterations, penalty, color=PENALTY, label=said("penalty (weighted)"), lw=0.8)
    axes.axhline(1, color=GREY, lw=0.8, ls="--")
    axes.set_title(said("Slopes on interpolates, and the penalty"), fontsize=10)
    axes.set_ylabel(said("slope; penalty"))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def draw_distance(axes: Axes, rows: Sequence[dict[str, Any]], floor: float | None) -> None:
    """Draw the exact distance of samples to held-out data with its floor."""
    iterations, values = column(rows, "distance")
    axes.plot(iterations, values, color=TRAIN, marker="o", ms=3, label=said("samples to held-out data"))
    if floor is not None:
        axes.axhline(floor, color=GREY, ls="--", lw=0.8, label=said("training to held-out data (floor)"))
    axes.set_title(said("Exact Wasserstein-1 distance of what the networks see"), fontsize=10)
    axes.set_ylabel(said("mean distance of matched pairs"))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def draw_ngrams(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    """Draw how far the n-grams of lines are from those of held-out lines."""
    for n, shade in enumerate((0.25, 0.5, 0.75, 1.0), 1):
        axes.plot(
            *column(rows, f"jsd_{n}"), color=TRAIN, alpha=shade, marker="o", ms=3, label=said("{n}-grams").format(n=n)
        )
    axes.set_title(said("Jensen-Shannon divergence from held-out lines"), fontsize=10)
    axes.set_ylabel(said("bits"))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def draw_nearness(axes: Axes, rows: Sequence[dict[str, Any]], _floor: float | None) -> None:
    """Draw the Fréchet distance of samples to held-out data in features, and where the best checkpoint is."""
    if any("jsd_4" in row for row in rows):
        draw_ngrams(axes, rows)
        return
    iterations, values = column([row for row in rows if row["iteration"] > 0], "frechet_distance")
    axes.plot(iterations, values, color=TRAIN, marker="o", ms=3, label=said("samples to held-out data"))
    if len(values):
        best = int(np.flatnonzero(values <= NEAR * values.min())[-1])
        axes.plot(
            iterations[best],
            values[best],
            "o",
            color=HELD_OUT,
            ms=7,
            label=said("best, {iteration:,.0f}").format(iteration=iterations[best]),
        )
        axes.legend(frameon=False)
        use_logarithms(axes, values[values > 0])
    axes.set_title(said("Fréchet distance in features of random convolutions"), fontsize=10)
    axes.set_ylabel(said("squared feature units"))


def use_logarithms(axes: Axes, values: np.ndarray) -> None:
    """Show powers of ten, and where there are few of them the numbers between as numbers; nothing of no values."""
    if not len(values):
        return
    axes.set_yscale("log")
    if values.max() < 10 * values.min():
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5, 7)))
        axes.yaxis.set_minor_formatter(FormatStrFormatter("%g"))


def draw_gradient_norms(axes: Axes, rows: Sequence[dict[str, Any]], _floor: float | None) -> None:
    """Draw the norms of both networks' parameter gradients."""
    trained = [row for row in rows if row["iteration"] > 0]
    axes.plot(*column(trained, "critic_gradient_norm"), color=TRAIN, label=said("critic"))
    axes.plot(*column(trained, "generator_gradient_norm"), color=HELD_OUT, label=said("generator"))
    norms = np.array([row[f"{player}_gradient_norm"] for row in trained for player in ("critic", "generator")])
    use_logarithms(axes, norms[norms > 0])
    axes.set_title(said("Gradient norms over all parameters"), fontsize=10)
    axes.legend(frameon=False)


def draw_steps(axes: Axes, rows: Sequence[dict[str, Any]], _floor: float | None) -> None:
    """Draw how much of the distance the critic finds, where it steps to, and how much of it is clipped."""
    for name, colour, words in (
        ("dual_efficiency", TRAIN, said("share of the exact distance found")),
        ("critic_step_cosine", HELD_OUT, said("cosine of step and descent")),
        ("clipped", PENALTY, said("share of weights clipped")),
    ):
        iterations, values = column(rows, name)
        if len(values):
            axes.plot(
                iterations, values, color=colour, label=words, marker="o" if name == "dual_efficiency" else "", ms=3
            )
    axes.axhline(0, color=GREY, lw=0.8)
    axes.set_title(said("Critic: what it finds, where it steps"), fontsize=10)
    if axes.lines[:-1]:
        axes.legend(frameon=False)


Draw = Callable[[Axes, Sequence[dict[str, Any]], float | None], None]
PANELS: dict[str, Draw] = {
    marked("gap"): draw_gap,
    marked("nearness"): draw_nearness,
    marked("distance"): draw_distance,
    marked("slopes"): draw_slopes,
    marked("norms"): draw_gradient_norms,
    marked("steps"): draw_steps,
}
NAMES_OF_NEARNESS = {
    "frechet_distance": marked("Fréchet distance in features"),
    "jsd_4": marked("Divergence of 4-grams, in bits,"),
}
PLACES = {"data": marked("data"), "interpolates": marked("interpolates"), "samples": marked("samples")}
"""where slopes are looked at"""


def critic_figure(found: dict[str, Any]) -> Figure:
    """Return what one critic was like: :data:`CRITIC_PANELS`, in a row.

    Args:
        found: the values of :class:`gradpen.runs.instruments.Instruments`.
    """
    figure, cells = in_cells(1, 3)
    with speaking(figures_speak()):
        for axes, draw in zip(cells, CRITIC_PANELS.values(), strict=True):
            draw(axes, found)
            finish(axes)
        return lettered(figure)


def draw_slope_counts(axes: Axes, found: dict[str, Any]) -> None:
    """Draw how many slopes there are of each size."""
    # An outlier would press all others into one bar.
    widest = max(1.5, 1.1 * float(np.quantile(np.concatenate([*found["slopes"].values()]), 0.98)))
    for (place, values), colour in zip(found["slopes"].items(), (TRAIN, PENALTY, HELD_OUT), strict=True):
        axes.hist(
            np.minimum(values, widest),
            bins=30,
            range=(0, widest),
            histtype="step",
            color=colour,
            label=said(PLACES.get(place, place)),
        )
    axes.axvline(1, color=GREY, lw=0.8, ls="--")
    axes.set_title(said("Slopes of the critic"), fontsize=10)
    axes.set_xlabel(said("score per data unit"))
    axes.set_ylabel(said("places"))
    axes.legend(frameon=False)


def draw_layers(axes: Axes, found: dict[str, Any]) -> None:
    """Draw the gradient norm of each layer."""
    norms = [*found["layer_gradients"].values()]
    axes.plot(range(1, len(norms) + 1), norms, color=TRAIN, marker="o", ms=3)
    use_logarithms(axes, np.array([norm for norm in norms if norm > 0]))
    axes.set_title(said("Gradient norm of each layer's weights"), fontsize=10)
    axes.set_xlabel(said("layer, from the input on"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_weights(axes: Axes, found: dict[str, Any]) -> None:
    """Draw how many weights there are of each size."""
    counts = np.array(found["weight_counts"])
    axes.stairs(counts / max(1, counts.sum()), found["weight_edges"], fill=True, color=TRAIN, alpha=0.7)
    if found["bound"] is not None:
        for bound in (-found["bound"], found["bound"]):
            axes.axvline(bound, color=GREY, lw=0.8, ls="--")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    title = said("Weights of the critic (dashed: clipped there)") if found["bound"] else said("Weights of the critic")
    axes.set_title(title, fontsize=10)
    axes.set_ylabel(said("share"))


CRITIC_PANELS: dict[str, Callable[[Axes, dict[str, Any]], None]] = {
    marked("slopes"): draw_slope_counts,
    marked("layers"): draw_layers,
    marked("weights"): draw_weights,
}


def dots(rows: Sequence[tuple[str, Sequence[float]]], floor: float | None) -> Figure:
    """Return one line of dots for each named row of distances, a bar at the median, and the floor."""
    figure = Figure(figsize=(8, 1.2 + 0.28 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for place, (_, values) in enumerate(rows):
        if len(values):
            axes.plot(values, [place] * len(values), "o", color=TRAIN, ms=4, alpha=0.7)
            axes.plot([np.median(values)] * 2, [place - 0.3, place + 0.3], color=TRAIN, lw=2)
        else:
            axes.text(0.02, place, "not finished", va="center", color=GREY, transform=axes.get_yaxis_transform())
    if floor is not None:
        axes.axvline(floor, color=GREY, lw=0.8, ls="--", label="training to held-out data (floor)")
        axes.legend(frameon=False, loc="lower right")
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel("distance to held-out data\n(exact Wasserstein-1; a dot for each seed, a bar at the median)")
    axes.grid(alpha=0.25, axis="x")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def labelled_rows(rows: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """Return pictures below each other, RGB or RGBA uint8 ``[H, W, 3 or 4]``, each under its words."""
    inches = 10.0
    heights = [inches * picture.shape[0] / picture.shape[1] for _, picture in rows]
    figure = Figure(figsize=(inches, sum(heights) + 0.4 * len(rows)), layout="constrained")
    places = figure.subplots(len(rows), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (words, picture) in zip(places, rows, strict=True):
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(words, loc="left", fontsize=10, parse_math=False)
        axes.set_axis_off()
    return figure


def panel(name: str, rows: Sequence[dict[str, Any]], *, floor: float | None = None) -> Figure:
    """Return one of :data:`PANELS` alone."""
    figure, (axes,) = in_cells(1, 1)
    with speaking(figures_speak()):
        PANELS[name](axes, rows, floor)
        axes.set_xlabel(said("iteration (generator updates)"))
        finish(axes)
        return lettered(figure)


def critic_panel(name: str, found: dict[str, Any]) -> Figure:
    """Return one of :data:`CRITIC_PANELS` alone."""
    figure, (axes,) = in_cells(1, 1)
    with speaking(figures_speak()):
        CRITIC_PANELS[name](axes, found)
        finish(axes)
        return lettered(figure)


def svg(figure: Figure) -> bytes:
    """Return a figure as SVG bytes, the same for the same figure; its words stay words."""
    buffer = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": DRAWN_BY, "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": DRAWN_BY})
    return buffer.getvalue()


def png(figure: Figure) -> bytes:
    """Return a figure as PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": DRAWN_BY})
    return buffer.getvalue()
