"""Memory and start-up on a folder of generated images: resident memory, first and second start.

Each start is a process of its own. Resident memory is the process's peak as the operating system counts it,
pages of the memory-mapped store included.

    python benchmarks/memory.py [--images 100000] [--side 64] [--out benchmarks/results/memory.json]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

RUN = """
import resource, sys, time
begun = float(sys.argv[1])
from gradpen.settings import configure
from gradpen.runs.audience import Audience
from gradpen.runs.training import train
first = []
def show(iteration, config, row):
    if not first:
        first.append(time.time() - begun)
config = configure("wgan-gp", settings={"data.path": sys.argv[2], "iterations": 30, "critic_steps": 1,
    "generator.width": 16, "critic.width": 16, "cadence.sample_every": 30})
from pathlib import Path
train(config, out=Path(sys.argv[3]), audience=Audience(show=show))
print(first[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def make_images(folder: Path, count: int, side: int) -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (64, side, side, 3), dtype=np.uint8)

    def write(index: int) -> None:
        pixels = np.roll(base[index % 64], index // 64, axis=(0, 1))
        Image.fromarray(pixels).save(folder / f"{index:06d}.png", compress_level=1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(write, range(count)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "memory.json")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "images"
        folder.mkdir()
        make_images(folder, options.images, options.side)
        for start in ("first start", "second start"):
            arguments = [sys.executable, "-c", RUN, str(time.time()), str(folder), f"{place}/{start}"]
            environment = {**os.environ, "GRADPEN_CACHE": f"{place}/cache"}
            done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
            seconds, resident = (float(value) for value in done.stdout.split())
            rows.append(
                {
                    "start": start,
                    "seconds_to_first_iteration": round(seconds, 1),
                    "peak_resident_gib": round(resident, 2),
                }
            )
            print(f"{start:14s}first iteration after {seconds:6.1f} s, peak resident {resident:.2f} GiB")
    result = {"images": options.images, "side": options.side, "cores": os.cpu_count(), "rows": rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
