"""What a browser may ask for, and the answers."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gradpen.data.shown import as_image
from gradpen.errors import UsageError
from gradpen.looking.films import save_film
from gradpen.looking.pictures import save_numbers, save_points, save_samples
from gradpen.page.access import REPORT_POLICY
from gradpen.page.exploring import (
    MOST_SAMPLES,
    Wish,
    about,
    kind_of,
    nearest,
    numbers_of_every_label,
    pictures_of_every_label,
    samples,
    walk,
)
from gradpen.page.folder import Page
from gradpen.page.listing import line_of
from gradpen.page.models import POINTS, Checkpoint, as_url
from gradpen.page.watching import critic_curve, curve, report_of, version_of, watched, what_differs
from gradpen.runs.folder import RunFolder
from gradpen.text import printable

SVG = "image/svg+xml"
Answer = Callable[[Page, Request], Any]


def overview(page: Page, _request: Request) -> Any:
    """Answer with every run and study."""
    return page.overview()


def folder_of(page: Page, request: Request) -> RunFolder:
    """Return the folder of the run that a request names."""
    return page.run_folder(request.query_params.get("run"))


def run_state(page: Page, request: Request) -> Any:
    """Answer with a run as it is; in a word if it is as the asker knows it."""
    folder = folder_of(page, request)
    if request.query_params.get("version") == version_of(folder):
        return {"version": version_of(folder), "unchanged": True, **line_of(request.query_params["run"], folder.path)}
    return watched(folder)


def run_curve(page: Page, request: Request) -> Any:
    """Answer with a curve as SVG."""
    other = request.query_params.get("beside")
    beside = None if other is None else page.run_folder(other)
    return svg_response(curve(folder_of(page, request), request.query_params.get("name", ""), beside))


def run_critic(page: Page, request: Request) -> Any:
    """Answer with a figure of the critic as SVG."""
    return svg_response(critic_curve(folder_of(page, request), request.query_params.get("name", "")))


def svg_response(content: bytes) -> Response:
    """Return a figure."""
    return Response(content, media_type=SVG)


def run_grid(page: Page, request: Request) -> Any:
    """Answer with the grid of samples after an iteration, or with the one of training data."""
    folder = folder_of(page, request)
    file = folder.real if "real" in request.query_params else folder.sample_grid(whole(request, "iteration", 0))
    return Response(page.content(file), media_type="image/png")


def run_lines(page: Page, request: Request) -> Any:
    """Answer with the lines of text after an iteration."""
    file = folder_of(page, request).sample_grid(whole(request, "iteration", 0)).with_suffix(".txt")
    return {"lines": [printable(line) for line in page.content(file).decode(errors="replace").split("\n")]}


def run_report(page: Page, request: Request) -> Any:
    """Answer with the report of a run as it is now."""
    return whole_page(report_of(folder_of(page, request)))


def group_page(page: Page, request: Request) -> Any:
    """Answer with the page of a study, or a picture of a comparison."""
    folder = page.group(request.query_params.get("group"))
    picture = request.query_params.get("picture")
    if picture in ("compare.png", "samples.png"):
        return Response(page.content(folder / picture), media_type="image/png")
    return whole_page(page.content(folder / "study.html"))


def whole_page(content: bytes) -> Response:
    """Return a page that needs nothing but itself."""
    return Response(content, media_type="text/html", headers={"content-security-policy": REPORT_POLICY})


def difference(page: Page, request: Request) -> Any:
    """Answer with the settings in which two runs differ."""
    return {"differs": what_differs(folder_of(page, request), page.run_folder(request.query_params.get("beside")))}


def model(page: Page, request: Request) -> Any:
    """Answer with what there is to explore of a run."""
    return about(page.models.run(folder_of(page, request).path, checkpoint_of(request)))


def model_samples(page: Page, request: Request) -> Any:
    """Answer with samples."""
    run = page.models.run(folder_of(page, request).path, checkpoint_of(request))
    return samples(page.models, run, wish_of(request))


def model_walk(page: Page, request: Request) -> Any:
    """Answer with the pictures on the way between samples."""
    run = page.models.run(folder_of(page, request).path, checkpoint_of(request))
    way = request.query_params.getlist("sample")
    frames = walk(page.models, run, way, whole(request, "steps", 12), wish_of(request))
    if "gif" not in request.query_params:
        return {"frames": [as_url(frame) for frame in frames]}
    there_and_back = [as_image(frame) for frame in (*frames, *frames[-2:0:-1])]
    return download("walk.gif", "image/gif", lambda file: save_film(there_and_back, file))


def model_nearest(page: Page, request: Request) -> Any:
    """Answer with the nearest pictures of samples."""
    run = page.models.run(folder_of(page, request).path, checkpoint_of(request))
    asked, labels = (request.query_params.getlist(name) for name in ("sample", "as"))
    return nearest(page.models, run, asked, labels, wish_of(request).truncation)


def model_file(page: Page, request: Request) -> Any:
    """Answer with samples as a file: a grid, or numbers with their latents."""
    run, wish = page.models.run(folder_of(page, request).path, checkpoint_of(request)), wish_of(request)
    points, asked = kind_of(run) == "points", request.query_params.getlist("sample")
    with page.models.busy:
        z = run.latents(POINTS if points else wish.count, seed=wish.seed, truncation=wish.truncation)
        if asked:
            z = page.models.latents(run, asked[:MOST_SAMPLES], wish.truncation)
        if request.query_params.get("as") == "npz":
            numbers, z = numbers_of_every_label(run, z) if wish.every else (run.sample(latents=z, label=wish.label), z)
            return download("samples.npz", "application/zip", lambda file: save_numbers(numbers, file, z.numpy()))
        if points:
            places = run.sample(latents=z, label=wish.label)
            return download("samples.png", "image/png", lambda file: save_points(places, file))
        each = pictures_of_every_label(run, z) if wish.every else run.pictures(latents=z, label=wish.label)
        columns = len(z) if wish.every else None
        return download("samples.png", "image/png", lambda file: save_samples(each, file, columns))


def download(name: str, kind: str, save: Callable[[Path], None]) -> Response:
    """Return a file that is saved by its reader."""
    with tempfile.TemporaryDirectory() as place:
        save(Path(place) / name)
        content = (Path(place) / name).read_bytes()
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


def wish_of(request: Request) -> Wish:
    """Return what a request asks of a model.

    Raises:
        UsageError: it is no number, or more than a page shows.
    """
    asked, count = request.query_params, whole(request, "count", 24)
    if not 1 <= count <= MOST_SAMPLES:
        raise UsageError(f"{count} samples were asked for; the page shows 1 to {MOST_SAMPLES}.")
    return Wish(
        seed=whole(request, "seed", 0),
        count=count,
        label=asked.get("label") or None,
        truncation=number(request, "truncation"),
        every="every" in asked,
    )


def checkpoint_of(request: Request) -> Checkpoint:
    """Return which state of the run is asked for."""
    asked = request.query_params.get("checkpoint", "best")
    if asked in ("best", "last"):
        return "best" if asked == "best" else "last"
    return whole(request, "checkpoint", 0)


def whole(request: Request, name: str, usual: int) -> int:
    """Return a whole number of a request.

    Raises:
        UsageError: it is none, or out of any use.
    """
    text = request.query_params.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise UsageError(f"{name} is a whole number from 0 on, found '{printable(text)}'.")
    return int(text)


def number(request: Request, name: str) -> float | None:
    """Return a number of a request; None where it has none.

    Raises:
        UsageError: it is no number.
    """
    text = request.query_params.get(name)
    try:
        return float(text) if text else None
    except ValueError:
        raise UsageError(f"{name} is a number, found '{printable(text)}'.") from None


ANSWERS: dict[str, Answer] = {
    "overview": overview,
    "run": run_state,
    "curve": run_curve,
    "critic": run_critic,
    "grid": run_grid,
    "lines": run_lines,
    "report": run_report,
    "group": group_page,
    "difference": difference,
    "model": model,
    "samples": model_samples,
    "walk": model_walk,
    "nearest": model_nearest,
    "file": model_file,
}
