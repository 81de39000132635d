"""The demonstration: napari with a sample scan, the Segment dock, and one click."""

import os
import sys
from pathlib import Path
from typing import Any

from napari_unet.errors import NapariUNetError, OutputError
from napari_unet.widgets.viewer.preferences import PLUGIN

SIZE_PX = (1200, 800)
PATIENCE_MS = 300_000
PICTURE = "demo.png"
LABELS = "demo_labels.tif"


def show_demo(output: Path | None = None) -> None:
    """Open napari with the nuclei sample and segment it.

    With a folder, or in a virtual display, the same is done by clicks on the real widgets; the
    picture and the labels are left in that folder (the current one by default), and the window is
    closed. Raises `NapariUNetError` where there is no display or the segmentation fails.
    """
    _check_display()
    import napari

    viewer = napari.Viewer(title="napari: U-Net Loop")
    viewer.window.resize(*SIZE_PX)
    widget = open_sample_and_dock(viewer)
    use_defaults(widget)
    if output is None and not _display_is_virtual():
        _click_soon(widget)
        napari.run()
        return
    folder = output or Path.cwd()
    _leave_files(viewer, widget, folder)
    viewer.close()
    sys.stdout.write(f"Left {folder / PICTURE} and {folder / LABELS}.\n")


def open_sample_and_dock(viewer: Any, sample: str = "nuclei") -> Any:
    """Open a sample and the Segment dock as the menus do, and return the dock's widget."""
    from napari._app_model import get_app_model

    from napari_unet.widgets.segment.dock import SegmentWidget

    viewer.open_sample(PLUGIN, sample)
    get_app_model().commands.execute_command(f"{PLUGIN}.segment").result()
    return viewer.window._qt_window.findChild(SegmentWidget)


def use_defaults(widget: Any) -> None:
    """Set the form as it is on the first day, whatever was chosen last."""
    from napari_unet.widgets.segment.choices import SegmentChoices
    from napari_unet.widgets.segment.remembered import show_choices

    show_choices(widget.form, SegmentChoices())


def click_and_wait(widget: Any) -> Any:
    """Click the button as a user does, wait for the end of the run, and return the `RunEnd`."""
    from qtpy.QtCore import QEventLoop, Qt, QTimer

    ends: list[Any] = []
    loop = QEventLoop()
    widget.run_ended.connect(ends.append)
    widget.run_ended.connect(loop.quit)
    QTimer.singleShot(PATIENCE_MS, loop.quit)
    _tester().mouseClick(widget.form.bar.run_button, Qt.MouseButton.LeftButton)
    if widget.run is not None:
        loop.exec()
    return ends[0] if ends else None


def _leave_files(viewer: Any, widget: Any, folder: Path) -> None:
    from napari_unet.scans.samples.samples import nuclei_2d
    from napari_unet.scans.write import write_labels

    _tester().qWait(500)  # the window comes up
    end = click_and_wait(widget)
    if end is None or end.kind != "done":
        reason = end.sentence if end else widget.form.message.text() or "it took too long"
        raise NapariUNetError(f"The demo did not finish: {reason}")
    _tester().qWait(500)
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / PICTURE
    if not viewer.window._qt_window.grab().save(str(picture)):
        raise OutputError(f"Can not write {picture}. Check the folder, its disk and rights.")
    labels = viewer.layers.selection.active
    write_labels(folder / LABELS, labels.data, nuclei_2d().scan, overwrite=True)


def _tester() -> Any:
    """Qt's class of static test functions, which PyQt6's types take for methods."""
    from qtpy import QtTest

    return QtTest.QTest


def _click_soon(widget: Any) -> None:
    from qtpy.QtCore import QTimer

    QTimer.singleShot(500, widget.form.bar.run_button.click)


def _check_display() -> None:
    here = os.environ
    if sys.platform == "linux" and not (
        here.get("DISPLAY") or here.get("WAYLAND_DISPLAY") or here.get("QT_QPA_PLATFORM")
    ):
        raise NapariUNetError(
            "The demo opens a window, but there is no display. Run: "
            "xvfb-run -a napari-unet demo --output ."
        )


def _display_is_virtual() -> bool:
    """Whether nobody is at the screen: a variable says so, or the authority file of xvfb-run."""
    by_xvfb = "xvfb-run" in os.environ.get("XAUTHORITY", "")
    return by_xvfb or bool(os.environ.get("NAPARI_UNET_DEMO_HEADLESS"))
