"""`engine.py --quick`: seconds of segmenting 1024² with each engine, beside another checkout.

Both are run in turn, each in a process of its own with its source folder on the path, so that the
machine's moods fall on both. The image is the built-in sample, repeated.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import store

from napari_unet.scans.samples.samples import nuclei_2d

HERE = Path(__file__).resolve().parents[1]
ROUNDS = 7
# what each process runs: public functions alone, which older checkouts have too
TIMED = """
import json, sys, time
import numpy as np
import napari_unet as nu
model = nu.load_model("nuclei-2d")
image = np.load(sys.argv[1])
seconds = {}
for engine in ("torch", "openvino"):
    settings = nu.SegmentSettings(engine=engine, device="cpu")
    nu.segment(image, model, settings=settings)
    begin = time.perf_counter()
    for _ in range(3):
        nu.segment(image, model, settings=settings)
    seconds[engine] = (time.perf_counter() - begin) / 3
print(json.dumps(seconds))
"""


def quick(against: Path | None) -> None:
    """Time this checkout, and another in turn, and save the medians and how they compare."""
    checkouts = {"this checkout": HERE}
    if against is not None:
        checkouts["the other"] = against
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "image.npy")
        np.save(image, np.tile(nuclei_2d().image, (2, 2)))
        for _ in range(ROUNDS):
            for name, checkout in checkouts.items():
                runs[name].append(seconds_of(checkout, image))
                print(name, runs[name][-1], flush=True)
    figures: dict[str, object] = {"image": "1024 x 1024", "runs": ROUNDS}
    for engine in ("torch", "openvino"):
        for name, of_each in runs.items():
            figures[f"{engine}, {name}, s"] = store.spread([run[engine] for run in of_each], 3)
        if against is not None:
            figures[f"{engine}, this / the other"] = compared(*runs.values(), engine)
    store.save("engine-quick", "python benchmarks/engine.py --quick --against CHECKOUT", figures)


def seconds_of(checkout: Path, image: Path) -> dict[str, float]:
    """Seconds of one segmenting with each engine, by a checkout's source."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    command = [sys.executable, "-c", TIMED, str(image)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def compared(these: list[dict[str, float]], others: list[dict[str, float]], engine: str) -> float:
    """The median of this checkout's seconds over the other's, run by run."""
    pairs = zip(these, others, strict=True)
    return round(median(this[engine] / other[engine] for this, other in pairs), 3)
