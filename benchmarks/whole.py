"""What training costs beside its steps, and what a second process gains.

* overhead: seconds of ``gradpen train`` for so many iterations, with measures, sample grids, checkpoints and figures at
  their default cadence, against the bare critic and generator steps on the same networks and images. They take turns.
* processes: seconds an iteration of one process with one thread, and of two with one thread each (torchrun), the same
  total batch; between two marks without a sample grid. They take turns.
* start: seconds from launching ``gradpen train`` until its first iteration is done, the data decoded before.

    python benchmarks/whole.py [--turns 3] [--out benchmarks/results/whole.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gradpen.algorithm import train_iteration
from gradpen.config import RunConfig
from gradpen.data.held import in_memory
from gradpen.data.recognise import open_source
from gradpen.looking.report import publish
from gradpen.machine.versions import versions
from gradpen.runs.audience import Audience
from gradpen.runs.iteration import batches_from
from gradpen.runs.state import Task, build_gan
from gradpen.runs.training import train
from gradpen.settings import configure

CPU = torch.device("cpu")
CASES = {
    "MLP pair, 32x32": ("wgan-gp-mnist", (32, 32), 800),
    "DCGAN-shaped, 32x32, width 32": ("wgan-gp", (32, 32, 3), 200),
}
WIDTH = {"generator.width": 32, "critic.width": 32}
ITERATIONS, MARK = 24, 8
CRITIC_IMAGES = 5 * 64


def bare(config: RunConfig, images: np.ndarray[Any, Any], iterations: int) -> float:
    """Return the seconds of so many iterations and nothing else."""
    task = Task(config=config, source=open_source(config.data, array=in_memory(images, None)), device=CPU)
    gan = build_gan(task)
    stream = batches_from(task, 0)
    start = time.perf_counter()
    for _ in range(iterations):
        train_iteration(gan, config.objective, config.constraint, [next(stream) for _ in range(config.critic_steps)])
    return time.perf_counter() - start


def whole(config: RunConfig, images: np.ndarray[Any, Any], iterations: int, out: Path) -> float:
    """Return the seconds from the first iteration to the last mark of a run."""
    began: list[float] = []
    ended: list[float] = []

    def show(iteration: int, *_: object) -> None:
        (began if iteration == 1 else ended).append(time.perf_counter())

    train(config, out=out, array=in_memory(images, None), audience=Audience(show=show, publish=publish))
    return (ended[-1] - began[0]) * iterations / (iterations - 1)


def overhead(turns: int, place: Path) -> list[dict[str, Any]]:
    """Return a row for each case."""
    rows = []
    for name, (preset, shape, iterations) in CASES.items():
        images = np.random.default_rng(0).integers(0, 256, (6400, *shape), dtype=np.uint8)
        settings = {"iterations": iterations, "size": shape[:2]} | (WIDTH if preset == "wgan-gp" else {})
        config = configure(preset, settings=settings)
        times = [
            (whole(config, images, iterations, place / f"{preset}-{turn}"), bare(config, images, iterations))
            for turn in range(turns)
        ]
        found = spread([one / other for one, other in times])
        rows.append({"what": "overhead", "case": name, "iterations": iterations, "whole_against_bare": found})
        print(f"{name}: a whole run against its bare steps {shown(found)}", flush=True)
    return rows


def seconds_an_iteration(images: Path, out: Path, count: int) -> float:
    """Return the median seconds an iteration took between marks, in ``count`` processes with one thread each."""
    python = [sys.executable, "-m"]
    launcher = python if count == 1 else [*python, "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    launcher = [*launcher, "-m"] if count > 1 else launcher
    settings = [f"cadence.log_every={MARK}", "cadence.sample_every=1000", "cadence.save_every=1000", "threads=1"]
    command = ["gradpen", "train", str(images), "--iterations", str(ITERATIONS), "--out", str(out), "--set", *settings]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([*launcher, *command], env=environment, check=True, capture_output=True)
    rows = [json.loads(line) for line in (out / "measures.jsonl").read_text().splitlines()]
    speeds: list[float] = [row["images_per_second"] for row in rows if row["iteration"] in (MARK * 2, MARK * 3)]
    return CRITIC_IMAGES / statistics.median(speeds)


def processes(turns: int, place: Path) -> list[dict[str, Any]]:
    """Return a row: two processes against one."""
    file = place / "images.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (6400, 32, 32, 3), dtype=np.uint8))
    times = [
        tuple(seconds_an_iteration(file, place / f"processes-{turn}-{count}", count) for count in (1, 2))
        for turn in range(turns)
    ]
    found = spread([one / two for one, two in times])
    print(f"two processes against one, one thread each: {shown(found)}")
    return [{"what": "processes", "case": "DCGAN-shaped, 32x32", "two_against_one": found}]


def start(turns: int, place: Path) -> list[dict[str, Any]]:
    """Return a row: how long the first iteration takes to come."""
    images = np.random.default_rng(0).integers(0, 256, (2000, 64, 64, 3), dtype=np.uint8)
    from PIL import Image

    folder = place / "pngs"
    folder.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index}.png")
    environment = {**os.environ, "GRADPEN_CACHE": str(place / "cache")}
    code = "import sys, time, gradpen.cli; sys.exit(gradpen.cli.main(sys.argv[1:]))"
    times = []
    for turn in range(turns + 1):
        begun = time.perf_counter()
        command = ["train", str(folder), "--reduced", "--iterations", "1", "--out", str(place / f"start-{turn}")]
        job = subprocess.Popen(
            [sys.executable, "-c", code, *command], env=environment, stderr=subprocess.PIPE, text=True
        )
        assert job.stderr is not None
        for line in job.stderr:
            if line.startswith("iteration 1/"):
                times.append(time.perf_counter() - begun)
                break
        job.communicate()
    found = spread(times[1:])
    print(
        f"first iteration after {shown(found)} s, 2,000 images of 64x64 decoded before (first start {times[0]:.1f} s)"
    )
    return [{"what": "start", "seconds_to_first_iteration": found, "first_start": round(times[0], 2)}]


def spread(values: list[float]) -> list[float]:
    """Return median, smallest and largest."""
    return [round(value, 3) for value in (statistics.median(values), min(values), max(values))]


def shown(found: list[float]) -> str:
    """Return a spread as text."""
    middle, low, high = found
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def main() -> None:
    """Measure all three and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "whole.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for measure in (overhead, processes, start) for row in measure(options.turns, Path(folder))]
    machine = {key: value for key, value in versions(CPU).items() if key not in ("platform", "commit")}
    options.out.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
