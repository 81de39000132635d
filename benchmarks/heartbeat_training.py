"""Does the window stay alive while it trains? A 10 ms timer on the main thread, and how far apart
its beats come.

    python benchmarks/heartbeat_training.py              # the canvas hidden
    python benchmarks/heartbeat_training.py --canvas     # drawn, under Xvfb by software OpenGL

The sample of nuclei is segmented, its labels are replaced by the truth and called right, and
nuclei-2d is fine-tuned for a minute by a click on the real button, curves and previews shown,
PyTorch being loaded already.
"""

import time

import store
from napari import Viewer
from options import command_line
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from window import Heart, click_segment, open_dock, settle, wait_for, wait_until

from napari_unet.model.torch_import import torch
from napari_unet.scans.samples.samples import nuclei_2d
from napari_unet.widgets.finetune.dock import FinetuneWidget


def main() -> None:
    """Segment, correct, click, and listen until the training has ended."""
    parser = command_line(__doc__)
    parser.add_argument("--canvas", action="store_true")
    canvas = parser.parse_args().canvas
    torch.ones(1)
    sample = nuclei_2d()
    viewer, segment = open_dock(sample.image, canvas)
    click_segment(segment)
    wait_for(segment.run_ended, 120)
    settle(1.0)
    widget = corrected(viewer, sample.truth)
    heart = Heart()
    heart.start()
    begin = time.perf_counter()
    press(widget.form.bar.run_button)
    wait_for(widget.run_ended, 300)
    seconds = time.perf_counter() - begin
    figures: dict[str, object] = {
        "image": " x ".join(map(str, sample.image.shape)),
        "seconds": round(seconds, 1),
    }
    figures["while training, ms"] = heart.stop()
    option = " --canvas" if canvas else ""
    command = f"python benchmarks/heartbeat_training.py{option}"
    store.save(f"heartbeat-training-canvas-{'drawn' if canvas else 'hidden'}", command, figures)
    viewer.close()


def corrected(viewer: Viewer, truth: object) -> FinetuneWidget:
    """The Fine-tune dock, the labels being the truth and the whole layer called right."""
    labels = viewer.layers.selection.active
    labels.data[:] = truth
    labels.refresh()
    widget = FinetuneWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Fine-tune")
    wait_until(widget.form.review.whole_button.isEnabled, 10)
    press(widget.form.review.whole_button)
    wait_until(widget.form.bar.run_button.isEnabled, 10)
    settle(3.0)
    return widget


def press(button: object) -> None:
    """A real click on a real button."""
    if not button.isEnabled():  # type: ignore[attr-defined]
        raise SystemExit(f"The button is off: {button.toolTip()}")  # type: ignore[attr-defined]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


if __name__ == "__main__":
    main()
