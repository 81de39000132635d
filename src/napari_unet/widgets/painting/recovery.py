"""Strokes that an earlier session saved for an image that is open now: found, and brought back as
a layer.
"""

import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from napari.layers import Image
from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, Signal

from napari_unet.errors import NapariUNetError
from napari_unet.learn.data.corrections import summary
from napari_unet.learn.journal.folder import JournalEntry, journals_of_scan, list_journals
from napari_unet.learn.journal.stroke_journal import Recovered, read_stroke_journal
from napari_unet.scans.axes import guess_axes
from napari_unet.scans.scan import SPATIAL, Scan
from napari_unet.widgets.arrays.mapped_array import zeros
from napari_unet.widgets.fields.values import PIXEL, InputChoice
from napari_unet.widgets.jobs.job import in_background
from napari_unet.widgets.painting.recovered_layer import show_recovered
from napari_unet.widgets.viewer.layer_facts import image_layers, layer_facts_of
from napari_unet.widgets.viewer.layer_list import in_viewer, is_open
from napari_unet.widgets.viewer.scan_from_layers import scan_from_layers
from napari_unet.words import plural

MOST_OFFERS = 3
GONE = "The image of these strokes is not open any more. Open it again, and they are offered again."


@dataclass(frozen=True)
class Offer:
    """Strokes that can be brought back, by the recovery that found them; `sentence` says what and
    from when.
    """

    entry: JournalEntry
    sentence: str
    recovery: "Recovery"


class Recovery(QObject):
    """Searches saved strokes of some image layers, and brings them back; reads in the background.

    Signals: `found` with a list of `Offer`, the newest first (empty where there is none),
    `restored` with the new layer, `failed` with a sentence.
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

    def search(self) -> None:
        """Search the strokes of the image, whatever its axes were taken for when they were made."""
        scan = scan_from_layers([image() for image in self._images], self._choice)
        find = journals_of_scan if len(self._images) > 1 else journals_of_any_axes
        self._in_background(
            lambda: [self._offer(entry) for entry in find(scan)[:MOST_OFFERS]], self.found
        )

    def restore(self, offer: Offer) -> None:
        """Bring strokes back as a new layer, which gets a journal of its own; the old one stays."""
        self._in_background(lambda: read_stroke_journal(offer.entry.path, zeros), self._read)

    def _in_background(self, read: Callable[[], Any], signal: Any) -> None:
        """Read in a thread, and emit the signal with what was read; an error becomes `failed`."""

        def run() -> None:
            with suppress(RuntimeError):  # the window has been closed
                try:
                    signal.emit(read())
                except (NapariUNetError, OSError, ValueError) as error:
                    self.failed.emit(str(error))

        in_background(run)

    def _on_read(self, recovered: Recovered) -> None:
        viewer: Any = self._viewer()
        images = [image() for image in self._images]
        if not is_open(viewer):
            return
        if not all(in_viewer(viewer, image) for image in images):
            self.failed.emit(GONE)
            return
        try:
            choice = self._choice_for(images, recovered.header.scan.axes)
            layer = show_recovered(viewer, images, choice, recovered)
        except NapariUNetError as error:
            self.failed.emit(str(error))
            return
        if sentence := unread_sentence(recovered.unread):
            show_warning(sentence)  # stays in sight, unlike the dock's line
        self.restored.emit(layer)

    def _choice_for(self, images: Sequence[Image], axes: str) -> InputChoice:
        """The choice with the axes that the image had when the strokes were saved."""
        if len(images) > 1 or axes == self._choice.axes:
            return self._choice
        return replace(
            default_choice(images[0], axes), rgb=self._choice.rgb, colours=self._choice.colours
        )

    def _offer(self, entry: JournalEntry) -> Offer:
        saved = read_stroke_journal(entry.path, zeros)
        axes = entry.header.scan.axes.replace("c", "")
        what = summary(saved.corrections, axes, [name for name, _ in entry.header.classes])
        when = time.strftime("%d %B %Y, %H:%M", time.localtime(entry.written))
        sentence = f"Corrections of {entry.header.name} from {when} were kept: {what}."
        return Offer(entry, " ".join(filter(None, [sentence, unread_sentence(saved.unread)])), self)


def unread_sentence(count: int) -> str:
    """What to say where strokes were not read; nothing where all were."""
    if not count:
        return ""
    lost = plural(count, "stroke")
    return f"{lost} could not be read, since the file is damaged; all others are there."


def journals_of_any_axes(scan: Scan) -> list[JournalEntry]:
    """The journals of an image, whatever its axes were taken for when they were written; the last
    written first.
    """
    names = {
        entry.header.scan.axes for entry in list_journals() if entry.header.scan.shape == scan.shape
    }
    scans = [
        replace(scan, axes=axes, spacing=(1.0,) * sum(a in SPATIAL for a in axes)) for axes in names
    ]
    return sorted(
        (entry for same_image in scans for entry in journals_of_scan(same_image)),
        key=lambda entry: entry.written,
        reverse=True,
    )


def default_choice(image: Image, axes: str = "") -> InputChoice:
    """The choice for an image layer where the user has made none; raises `ScanError` for too many
    axes.
    """
    facts = layer_facts_of(image)
    axes = axes or guess_axes(facts.shape, 2, facts.rgb)
    known = dict(zip(axes, facts.spacing, strict=False))
    lengths = tuple(known[a] for a in axes if a in SPATIAL)
    there = facts.unit != PIXEL and all(lengths)
    return InputChoice(
        (facts.key,), axes, lengths if there else (), facts.unit if there else PIXEL, facts.rgb
    )


def default_choices(viewer: Any) -> list[InputChoice]:
    """The default choice for each image layer that has few enough axes."""
    found = []
    for image in image_layers(viewer):
        with suppress(NapariUNetError):
            found.append(default_choice(image))
    return found
