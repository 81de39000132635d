"""Where correcting begins: a layer is followed and its strokes are saved; a new result takes over
what was trusted in an older one.
"""

import base64
import zlib
from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import ref

import numpy as np
from napari.layers import Image, Labels
from napari.utils.notifications import show_warning

from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import Corrections
from napari_unet.model.head import CLASS_NUMBERS
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.painting.layer_journal import JournalFacts
from napari_unet.widgets.painting.tracked_layers import track, trust_of_layer
from napari_unet.widgets.painting.trust import Trust
from napari_unet.widgets.viewer.labels_facts import class_names
from napari_unet.widgets.viewer.layer_facts import own_facts
from napari_unet.widgets.viewer.learnable_labels import all_labels_layers, colour_of
from napari_unet.widgets.viewer.scan_from_layers import scan_from_layers
from napari_unet.widgets.viewer.sources import (
    check_alignment,
    set_source,
    source_images,
    source_scan,
)
from napari_unet.words import never_html

TASK = "task"  # a fact of a result's layer; one of an earlier version or of saved strokes has none


def correct(labels: Labels, images: Sequence[Image], choice: InputChoice) -> Trust:
    """Follow what is painted on the labels of an image, and save every stroke; a layer that is
    followed already loses nothing.

    Raises `ScanError` where the labels do not lie on the image, or can not be painted.
    """
    check_alignment(labels, images[0], choice.axes, scan_from_layers(images, choice))
    set_source(labels, images, choice)
    trust = track(labels)
    _save_strokes(trust, labels)
    return trust


def follow_result(labels: Labels, arrays: ResultArrays) -> None:
    """Follow a finished result: what differs from its prediction is a correction, and what it took
    over from an older result is trusted already.
    """
    trust = track(labels, arrays.prediction)
    _save_strokes(trust, labels)
    if arrays.trust is not None:
        trust.start_from(Corrections(arrays.labels, arrays.trust))


def _save_strokes(trust: Trust, labels: Labels) -> None:
    if trust.keep_strokes(partial(journal_facts, ref(labels))):
        trust.troubled.connect(_warn)


def _warn(problem: str) -> None:
    """Say at once that strokes can not be saved, whichever docks are open."""
    if problem:
        show_warning(never_html(problem))


def layer_to_carry_over(
    viewer: Any, images: Sequence[Image], shape: tuple[int, ...], task: str
) -> Labels | None:
    """The result of these images whose corrections a new run of a task takes over: the uppermost
    that is visible and has any, and whose labels mean the same.
    """
    for layer in reversed(all_labels_layers(viewer)):
        same_task = own_facts(layer).get(TASK, task) == task
        if layer.visible and same_task and tuple(layer.data.shape) == shape:
            trust = trust_of_layer(layer)
            if (
                trust is not None
                and _is_result(layer)
                and source_images(layer) == list(images)
                and trust.find_all().voxels
            ):
                return layer
    return None


def _is_result(layer: Labels) -> bool:
    return bool(own_facts(layer).get("kind") == "result")


def journal_facts(layer: "ref[Labels]") -> JournalFacts | None:
    """The facts for the header of a layer's journal; None while its image is not known."""
    labels = layer()
    scan = source_scan(labels) if labels is not None else None
    if labels is None or scan is None:
        return None
    names = class_names(labels)[:CLASS_NUMBERS]
    classes = tuple((name, colour_of(labels, label)) for label, name in enumerate(names))
    return JournalFacts(scan, labels.name, classes, pack_done(labels))


def pack_done(labels: Labels) -> str:
    """The done-map of an unfinished result as text; empty where all was computed."""
    facts = own_facts(labels)
    if facts.get("complete", True) or facts.get("done_map") is None:
        return ""
    done = np.asarray(facts["done_map"], bool)
    packed = base64.b64encode(zlib.compress(np.packbits(done).tobytes())).decode()
    return f"{','.join(map(str, done.shape))}:{packed}"


def unpack_done(text: str) -> np.ndarray | None:
    """The done-map from its text; raises `ScanError` for a damaged one."""
    if not text:
        return None
    try:
        sizes, _, packed = text.partition(":")
        shape = tuple(int(n) for n in sizes.split(","))
        bits = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8)
        return np.unpackbits(bits, count=int(np.prod(shape))).reshape(shape).astype(bool)
    except (ValueError, zlib.error) as error:
        raise ScanError(
            "The saved strokes do not say what was computed; they can not be brought back."
        ) from error
