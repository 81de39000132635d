"""How long after the click is there something to see? From the click to the first tile in the
layer, and on the drawn canvas.

PyTorch is loaded already; the canvas is drawn by Xvfb's software OpenGL.

    python benchmarks/first_tile.py [--side 2048 | 20000] [--rounds 3]

Sides up to 4096 are numpy arrays, larger ones a zarr of 1024² chunks, made in a temporary folder.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import store
import zarr
from options import command_line
from window import click_segment, open_dock, settle, wait_for, wait_for_drawing, wait_until

from napari_unet.model.torch_import import torch
from napari_unet.scans.samples.samples import nuclei_2d

CHUNK = 1024


def main() -> None:
    """Click, wait for the first tile, cancel; several rounds."""
    parser = command_line(__doc__)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.ones(1)
    with tempfile.TemporaryDirectory() as folder:
        viewer, widget = open_dock(make_image(options.side, Path(folder)), canvas=True)
        settle(3.0)
        first, drawn, cancelled = zip(
            *(one_round(viewer, widget) for _ in range(options.rounds)), strict=True
        )
        viewer.close()
    figures = {
        "image": f"{options.side} x {options.side}",
        "click to first tile in the layer, s": store.spread(first),
        "click to first tile on the drawn canvas, s": store.spread(drawn),
        "cancel to end of the run, s": store.spread(cancelled),
    }
    store.save(
        f"first-tile-{options.side}",
        f"python benchmarks/first_tile.py --side {options.side}",
        figures,
    )


def one_round(viewer: Any, widget: Any) -> tuple[float, float, float]:
    """Seconds from the click to the first tile in the layer and on the canvas, and from Cancel to
    the end.
    """
    begin = time.perf_counter()
    click_segment(widget)
    wait_until(lambda: widget.run is not None and widget.run.tiles[0] > 0, 120)
    first = time.perf_counter() - begin
    wait_until(lambda: widget.run.result.labels.visible, 120)
    wait_for_drawing(viewer, 60)
    drawn = time.perf_counter() - begin
    begin = time.perf_counter()
    widget.run.cancel()
    wait_for(widget.run_ended, 60)
    cancelled = time.perf_counter() - begin
    settle(1.0)
    return first, drawn, cancelled


def make_image(side: int, folder: Path) -> Any:
    """Nuclei over and over, as many as it takes."""
    tile = np.tile(nuclei_2d().image, (2, 2))
    if side <= 4096:
        return np.tile(tile, (-(-side // CHUNK),) * 2)[:side, :side]
    array = zarr.create_array(
        folder / "scan.zarr", shape=(side, side), chunks=(CHUNK, CHUNK), dtype=tile.dtype
    )
    for top in range(0, side, CHUNK):
        row = np.tile(tile, (1, -(-side // CHUNK)))[: min(CHUNK, side - top), :side]
        array[top : top + CHUNK] = row
    return array


if __name__ == "__main__":
    main()
