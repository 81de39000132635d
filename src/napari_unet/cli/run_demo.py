"""The demonstration: napari with a sample scan, segmented."""

from importlib.util import find_spec
from pathlib import Path

import typer

from napari_unet.cli.outcome import Outcome
from napari_unet.errors import NapariUNetError

BINDINGS = ("PyQt6", "PySide6")
INSTALL = 'pip install "napari-unet-loop[all]"'


def run_demo(output: Path | None) -> Outcome:
    """Open the window; raises `NapariUNetError` with the command to run where napari or Qt is
    missing.
    """
    if find_spec("napari") is None:
        raise NapariUNetError(
            f"The demo opens napari, which is not installed. Install it with: {INSTALL}"
        )
    if not any(find_spec(binding) for binding in BINDINGS):
        raise NapariUNetError(
            f"The demo opens a window, for which Qt is not installed. Install it with: {INSTALL}"
        )
    from napari_unet.widgets.segment.demo import show_demo

    show_demo(output)
    raise typer.Exit
