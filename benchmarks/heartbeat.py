"""Does the window stay alive while it segments? A 10 ms timer on the main thread, and how far apart
its beats come.

    python benchmarks/heartbeat.py              # the canvas hidden
    python benchmarks/heartbeat.py --canvas     # the canvas drawn, under Xvfb by software OpenGL

A 2048² image is segmented with nuclei-2d by a click on the real button, PyTorch being loaded
already. Beside it, in the same window: how long napari itself holds the window when an empty Labels
layer of that size is added.
"""

import time

import numpy as np
import store
from napari import Viewer
from options import command_line
from window import Heart, click_segment, open_dock, settle, wait_for

from napari_unet.model.torch_import import torch
from napari_unet.scans.samples.samples import nuclei_2d
from napari_unet.widgets.segment.dock import SegmentWidget

ROUNDS = 5


def main() -> None:
    """Open, wait, click, and listen until the run has ended."""
    parser = command_line(__doc__)
    parser.add_argument("--canvas", action="store_true")
    canvas = parser.parse_args().canvas
    torch.ones(1)
    image = np.tile(nuclei_2d().image, (4, 4))
    viewer, widget = open_dock(image, canvas)
    settle(3.0)
    quiet = Heart()
    quiet.start()
    settle(3.0)
    still = quiet.stop()
    alone = [seconds_to_add_labels(viewer, image.shape) for _ in range(ROUNDS)]
    rounds = [one_round(widget) for _ in range(ROUNDS)]
    figures = {
        "image": "2048 x 2048",
        "runs": ROUNDS,
        "seconds": store.spread([run["seconds"] for run in rounds], 1),
        "at rest, longest ms": still["longest"],
        **{
            f"while segmenting, {name} ms": store.spread([run[name] for run in rounds], 1)
            for name in ("median", "p99", "longest")
        },
        "napari alone, adding an empty Labels layer, ms": store.spread(
            [1000 * seconds for seconds in alone], 1
        ),
    }
    option = " --canvas" if canvas else ""
    store.save(
        f"heartbeat-canvas-{'drawn' if canvas else 'hidden'}",
        f"python benchmarks/heartbeat.py{option}",
        figures,
    )
    viewer.close()


def one_round(widget: SegmentWidget) -> dict[str, float]:
    """Click, and listen until the run has ended."""
    heart = Heart()
    heart.start()
    begin = time.perf_counter()
    click_segment(widget)
    wait_for(widget.run_ended, 300)
    seconds = time.perf_counter() - begin
    figures = {**heart.stop(), "seconds": seconds}
    settle(1.0)
    return figures


def seconds_to_add_labels(viewer: Viewer, shape: tuple[int, ...]) -> float:
    """What napari takes for its part, without anything of ours."""
    begin = time.perf_counter()
    layer = viewer.add_labels(np.zeros(shape, np.uint8))
    seconds = time.perf_counter() - begin
    settle(0.5)
    viewer.layers.remove(layer)
    settle(0.5)
    return seconds


if __name__ == "__main__":
    main()
