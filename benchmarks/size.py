"""Time and memory of a run against the size of the scan, from zarr to zarr, and how soon it begins
and ends.

    python benchmarks/size.py --data ISBI2012 --model isbi32.safetensors --side 4096
    python benchmarks/size.py --data NEURONS --model neurons.safetensors --volume --side 512

The run is that of the command line. Memory is its peak above that of the same command on the
smallest scan, which has loaded as much of the program. First tile and Cancel are those of the
stream that the window shows, from the middle of the view, with the model loaded; the window adds
what `first_tile.py` measures.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path

import store
from mosaic import command, run, source, write_scan
from options import command_line

import napari_unet as nu
from napari_unet.errors import Cancelled
from napari_unet.model.model import Model
from napari_unet.progress import Control
from napari_unet.scans.read import read_scan
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.lattice import halo_of, lattice_of
from napari_unet.segment.tiles.queue import Focus
from napari_unet.segment.tiles.tiling import computed_share

SMALLEST = 64
CANCEL_AFTER_S = 0.7  # from the first tile on, so that it comes in the middle of another


def main() -> None:
    """One size."""
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--side", type=int, required=True)
    parser.add_argument("--volume", action="store_true")
    parser.add_argument(
        "--rounds", type=int, default=3, help="of the first tile and Cancel; the run is done once"
    )
    options = parser.parse_args()
    dimensions = 3 if options.volume else 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = source(options.data, dimensions)
        small, scan = (
            write_scan(folder / f"{side}.zarr", one, side) for side in (SMALLEST, options.side)
        )
        loaded = run(command(small, options.model, folder / "small-labels.zarr"))
        ended = run(command(scan, options.model, folder / "labels.zarr"))
        first, cancelled, facts = begins_and_ends(options, scan, dimensions)
    seconds = ended.values["results"][0]["seconds"]
    voxels = options.side**dimensions
    figures = {
        "scan": " x ".join([str(options.side)] * dimensions),
        "seconds": round(seconds, 1),
        "ns per voxel": round(1e9 * seconds / voxels, 1),
        "peak memory above the loaded program, GB": round(
            (ended.peak_bytes - loaded.peak_bytes) / 1e9, 2
        ),
        **facts,
        "first tile, s": store.spread(first, 2),
        "Cancel, s": store.spread(cancelled, 2),
        "engine": ended.values["engine"],
    }
    kind = "3d" if options.volume else "2d"
    words = f"{'--volume ' if options.volume else ''}--side {options.side}"
    line = f"python benchmarks/size.py --data FOLDER --model MODEL {words}"
    store.save(f"size-{kind}-{options.side:05}", line, figures)


def begins_and_ends(
    options: argparse.Namespace, scan: Path, dimensions: int
) -> tuple[list[float], list[float], dict[str, object]]:
    """Seconds to the first tile, and from Cancel to the end, several times; and how the scan is
    tiled.
    """
    model = nu.load_model(options.model)
    job = plan_job(model.spec, read_scan(scan, "zyx"[-dimensions:]), nu.SegmentSettings())
    engine = make_engine(model, job.settings)
    lattice, core_px = lattice_of(job, engine.kind)
    facts = {
        "halo": halo_of(job).kind,
        "core": " x ".join(map(str, core_px)),
        "computed/kept": round(computed_share(lattice, core_px), 2),
    }
    pairs = [one_round(model, job) for _ in range(options.rounds + 1)][1:]  # the first warms up
    return [first for first, _ in pairs], [cancelled for _, cancelled in pairs], facts


def one_round(model: Model, job: SegmentJob) -> tuple[float, float]:
    """Seconds from the call to the first tile, and from Cancel to the end."""
    engine = make_engine(model, job.settings)
    answer = [Control.CONTINUE]
    cancelled_at = [0.0]

    def cancel() -> None:
        cancelled_at[0], answer[0] = time.perf_counter(), Control.CANCEL

    middle = tuple(n / 2 for n in job.scan.frame_shape(job.dimensions))
    begin = time.perf_counter()
    first = None
    try:
        for _ in stream(
            model, job, focus=Focus((), middle), control=lambda: answer[0], engine=engine
        ):
            if first is None:
                first = time.perf_counter() - begin
                threading.Timer(CANCEL_AFTER_S, cancel).start()
    except Cancelled:
        return first or 0.0, time.perf_counter() - cancelled_at[0]
    return first or 0.0, 0.0  # it had ended before


if __name__ == "__main__":
    main()
