"""Strokes that an earlier napari kept for the image that is open now: found, and brought back as a layer."""

import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QObject, Signal

from napari_unet.errors import NapariUNetError
from napari_unet.learn.corrections import summary
from napari_unet.learn.journal_folder import JournalEntry, journals_of
from napari_unet.learn.stroke_journal import Recovered, read_journal
from napari_unet.widgets.big_array import zeros
from napari_unet.widgets.job_worker import in_background
from napari_unet.widgets.records import InputChoice
from napari_unet.widgets.viewer_bridge.correcting import correct, unpack_done
from napari_unet.widgets.viewer_bridge.layer_facts import MARK
from napari_unet.widgets.viewer_bridge.placement import placement
from napari_unet.widgets.viewer_bridge.removal import is_open
from napari_unet.widgets.viewer_bridge.scan_from_layers import scan_from_layers

OPACITY = 0.6
MOST_OFFERS = 3


@dataclass(frozen=True)
class Offer:
    """Strokes that can be brought back; `sentence` says what there is, and from when."""

    entry: JournalEntry
    sentence: str


class Recovery(QObject):
    """Looks for kept strokes of some image layers, and brings them back; reads in the background.

    `found` gives a list of `Offer`, the newest first (empty where there is nothing), `restored` the
    new layer, `failed` a sentence.
    """

    found = Signal(object)
    restored = Signal(object)
    failed = Signal(str)
    _read = Signal(object)

    def __init__(self, viewer: Any, images: Sequence[Image], choice: InputChoice) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._images = [weakref.ref(image) for image in images]
        self._choice = choice
        self._read.connect(self._on_read)

    def look(self) -> None:
        """Look what there is for the image."""
        scan = scan_from_layers([image() for image in self._images], self._choice)
        self._in_background(lambda: [_offer(entry) for entry in journals_of(scan)[:MOST_OFFERS]], self.found)

    def restore(self, offer: Offer) -> None:
        """Bring strokes back as a new layer, on which they are kept anew; the old journal stays where it is."""
        self._in_background(lambda: read_journal(offer.entry.path, zeros), self._read)

    def _in_background(self, read: Callable[[], Any], signal: Any) -> None:
        def run() -> None:
            with suppress(RuntimeError):  # the window has been closed
                try:
                    signal.emit(read())
                except (NapariUNetError, OSError, ValueError) as error:
                    self.failed.emit(str(error))

        in_background(run)

    def _on_read(self, recovered: Recovered) -> None:
        viewer, images = self._viewer(), [image() for image in self._images]
        if not is_open(viewer) or None in images:
            return
        try:
            self.restored.emit(show_recovered(viewer, images, self._choice, recovered))
        except NapariUNetError as error:
            self.failed.emit(str(error))


def show_recovered(viewer: Any, images: Sequence[Image], choice: InputChoice, recovered: Recovered) -> Labels:
    """A new layer with labels and trust as they were."""
    header, done = recovered.header, unpack_done(recovered.header.not_done)
    facts: dict[str, Any] = {"kind": "result", "complete": done is None, "recovered": True}
    named: dict[str, Any] = {}
    if header.classes:
        colours: dict[int | None, Any] = {number: colour for number, (_, colour) in enumerate(header.classes)}
        named["colormap"] = DirectLabelColormap(color_dict={**colours, 0: "transparent", None: "#ff00ff"})
        named["features"] = {"index": np.arange(len(header.classes)), "class": [name for name, _ in header.classes]}
    layer = Labels(
        recovered.labels,
        name=f"{header.name} (recovered)",
        opacity=OPACITY,
        metadata={MARK: facts if done is None else {**facts, "done_map": done}},
        **named,
        **placement(images[0], choice.axes),
    )
    viewer.add_layer(layer)
    trust = correct(layer, images, choice)
    trust.start_from(recovered.corrections)
    return layer


def _offer(entry: JournalEntry) -> Offer:
    kept = read_journal(entry.path, zeros)
    axes = entry.header.scan.axes.replace("c", "")
    what = summary(kept.corrections, axes, [name for name, _ in entry.header.classes])
    when = time.strftime("%d %B %Y, %H:%M", time.localtime(entry.written))
    return Offer(entry, f"Corrections of {entry.header.name} from {when} were kept: {what}.")
