"""A run that is killed and resumed, one in parts, and one by two workers of which one is killed:
the same labels, no tile twice.

python benchmarks/interrupted.py --data ISBI2012 --model isbi32.safetensors [--side 4096]
"""

import json
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import store
import zarr
from mosaic import command, run, source, write_scan
from options import command_line

from napari_unet.scans.formats.zarr_partial import partial_folder
from napari_unet.segment.resumable.journal import read_run_journals

PARTS = 4
TILE = ("--tile-px", "512")


def main() -> None:
    """Both ways on one scan, against a run that nothing happened to."""
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--side", type=int, default=4096)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scan = write_scan(folder / "scan.zarr", source(options.data, 2), options.side)
        whole = run(command(scan, options.model, folder / "whole.zarr", *TILE))
        labels = read(folder / "whole.zarr")
        killed = kill_and_resume(scan, options.model, folder / "killed.zarr", labels)
        parts = in_parts(scan, options.model, folder / "parts.zarr", labels)
        workers = by_workers(scan, options.model, folder / "workers.zarr", labels)
    figures = {
        "scan": f"{options.side} x {options.side}",
        "tiles": whole.values["results"][0]["tiles"],
        **killed,
        **parts,
        **workers,
    }
    store.save(
        "interrupted", "python benchmarks/interrupted.py --data FOLDER --model MODEL", figures
    )


def kill_and_resume(scan: Path, model: Path, output: Path, labels: np.ndarray) -> dict[str, object]:
    """Kill the run when a third of its tiles is in the journal, and resume it."""
    folder = partial_folder(output)
    tiles = (labels.shape[0] // 512) ** 2
    with subprocess.Popen(
        command(scan, model, output, *TILE), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not folder.exists() or len(read_run_journals(folder).tiles) < tiles / 3:
            time.sleep(0.05)
            if process.poll() is not None:
                raise SystemExit("The run ended before it was killed. Choose a larger --side.")
        process.send_signal(signal.SIGKILL)
    finished = len(read_run_journals(folder).tiles)
    result = run(command(scan, model, output, *TILE, "--resume")).values["results"][0]
    return {
        "finished when killed with -9": finished,
        "of these computed again": finished - result["tiles_skipped"],
        "labels that differ after --resume": int((read(output) != labels).sum()),
    }


def in_parts(scan: Path, model: Path, output: Path, labels: np.ndarray) -> dict[str, object]:
    """Four parts, the last first, one of them twice, and the merge."""
    for part in (*range(PARTS, 0, -1), 2):
        again = (
            ("--overwrite",)
            if part == 2 and len(read_run_journals(partial_folder(output)).tiles)
            else ()
        )
        run(command(scan, model, output, *TILE, "--part", f"{part}/{PARTS}", *again))
    run(command(scan, model, output, *TILE, "--part", "merge"))
    return {
        "labels that differ in four parts, one of them done twice": int(
            (read(output) != labels).sum()
        )
    }


def by_workers(scan: Path, model: Path, output: Path, labels: np.ndarray) -> dict[str, object]:
    """Two dask workers on this machine, one of which is killed when a third of the tiles is in the
    journals.
    """
    folder = partial_folder(output)
    tiles = (labels.shape[0] // 512) ** 2
    line = command(scan, model, output, *TILE, "--scheduler", "local")
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        while not folder.exists() or len(read_run_journals(folder).tiles) < tiles / 3:
            time.sleep(0.05)
            if process.poll() is not None:
                raise SystemExit(
                    "The run ended before a worker was killed. Choose a larger --side."
                )
        workers = [
            child
            for child in psutil.Process(process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        workers[0].kill()
        counted: dict[int, int] = {}
        assert process.stdout is not None
        while process.poll() is None:
            if folder.exists():
                counted = {
                    tile: len(lines) for tile, lines in read_run_journals(folder).tiles.items()
                } or counted
            time.sleep(0.05)
        result = json.loads(process.stdout.read())["results"][0]
    return {
        "workers, of which one was killed with -9": len(workers),
        "tiles computed more than once by them": sum(count > 1 for count in counted.values()),
        "labels that differ": int((read(output) != labels).sum()),
        "tiles they computed": result["tiles"],
    }


def read(output: Path) -> np.ndarray:
    """The finest labels of a result."""
    group = zarr.open_group(output, mode="r")
    found = group["0"]
    assert isinstance(found, zarr.Array)
    return np.asarray(found[...])


if __name__ == "__main__":
    main()
