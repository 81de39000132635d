"""Every stroke passes here: the painting tools of one Labels layer are wrapped on the instance.

napari's own events do not say enough. A stroke is reported only where labels changed, not where the
same label is painted; of undo and redo, only that something has to be drawn.
"""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_unet.widgets.arrays.block_grid import Box

MOST_INDEX_BOX = 2**24  # voxels of the box around single voxels set by another plugin
WRAPPED = (
    "_paint_region_with_mask",
    "fill",
    "block_history",
    "undo",
    "redo",
    "_begin_stroke",
    "_abort_stroke",
)


class ToolListener:
    """Who wants to know what the tools do; this one does not."""

    def went_over(self, box: Box, mask: np.ndarray, label: int | None = None) -> None:
        """A tool gave this label to the mask of a box, as far as it was allowed to."""

    def end_gesture(self, undoable: bool) -> None:
        """All since the last end is one step of undo, or none."""

    def abandon_gesture(self) -> None:
        """All since the last end has been taken back."""

    def undone(self) -> None:
        """The last step was undone."""

    def redone(self) -> None:
        """The last undone step was done again."""

    def changed_somewhere(self, box: Box | None) -> None:
        """Labels in a box (or anywhere) changed, and more is not known."""


class Tools:
    """Wraps the methods of a layer; holds the layer and the listener weakly, and is held by both."""

    def __init__(self, layer: Labels, listener: ToolListener) -> None:
        self._layer = weakref.ref(layer)
        self._told = weakref.ref(listener)
        self._inside = (
            0  # of a painting method, in which napari tells of a step before the labels are written
        )
        self._stepped = False
        self._pressed = False  # a gesture has begun, and nothing was filled yet
        self._originals = {name: _original(layer, name) for name in WRAPPED}
        for name in WRAPPED:
            setattr(layer, name, getattr(self, f"on_{name.lstrip('_')}"))
        layer.events.paint.connect(self._on_layer_paint)

    @property
    def _listener(self) -> ToolListener:
        return self._told() or ToolListener()

    def on_paint_region_with_mask(
        self, box: Box, mask: np.ndarray, label: int, painted: list[int], *args: Any, **words: Any
    ) -> None:
        """Brush, eraser, filled object and polygon all come by here."""
        layer = self._layer()
        others = tuple(axis for axis in range(len(box)) if axis not in painted)
        over = np.expand_dims(np.array(mask, bool), others)
        with self._painting():
            self._originals["_paint_region_with_mask"](box, mask, label, painted, *args, **words)
            if layer is not None:
                self._listener.went_over(tuple(box), over, label)

    def on_fill(self, coord: Any, label: int, *args: Any, **words: Any) -> None:
        """Fill; an object clicked with its own label, which napari leaves alone, is vouched for."""
        layer = self._layer()
        first = self._pressed or not self._open()
        self._pressed = False
        before = _object_at(layer, coord, label) if first and layer is not None else None
        self._originals["fill"](coord, label, *args, **words)
        if before is not None:
            with self._painting():
                self._listener.went_over(*before, label)

    @contextmanager
    def on_block_history(self) -> Iterator[None]:
        """What is painted in here is one step."""
        self._listener.end_gesture(False)
        self._pressed = True
        with self._originals["block_history"]():
            yield

    def on_begin_stroke(self) -> None:
        """A stroke of several clicks begins."""
        self._listener.end_gesture(False)
        self._originals["_begin_stroke"]()

    def on_abort_stroke(self) -> None:
        """It ends as if it had never begun."""
        self._originals["_abort_stroke"]()
        self._listener.abandon_gesture()

    def on_undo(self) -> None:
        """Undo, if there is anything to undo."""
        self._step_back("undo", "_undo_history", self._listener.undone)

    def on_redo(self) -> None:
        """Redo, if there is anything to redo."""
        self._step_back("redo", "_redo_history", self._listener.redone)

    def _step_back(self, name: str, history: str, tell: Callable[[], None]) -> None:
        layer = self._layer()
        there = layer is not None and len(getattr(layer, history)) > 0
        self._originals[name]()
        if there:
            tell()

    @contextmanager
    def _painting(self) -> Iterator[None]:
        """Within, a step that napari tells of ends only when its labels have been written."""
        self._inside += 1
        if self._inside == 1 and not self._open():
            self._listener.end_gesture(False)
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside and self._stepped:
                self._stepped = False
                self._listener.end_gesture(True)

    def _open(self) -> bool:
        """Whether a gesture of several movements goes on."""
        return bool(getattr(self._layer(), "_block_history", False))

    def _on_layer_paint(self, event: Any) -> None:
        """A step has come into napari's history: a gesture's end, or what another plugin set."""
        if self._inside:
            self._stepped = True
            return
        for atom in event.value:
            if (
                isinstance(atom, tuple) and len(atom) == 3
            ):  # from data_setitem, which writes after this
                self._on_voxels_set(atom[0])
        self._listener.end_gesture(True)

    def _on_voxels_set(self, indices: tuple[np.ndarray, ...]) -> None:
        places = [np.asarray(part).ravel() for part in indices]
        box = tuple(slice(int(part.min()), int(part.max()) + 1) for part in places)
        shape = [part.stop - part.start for part in box]
        if np.prod(shape) <= MOST_INDEX_BOX:
            mask = np.zeros(shape, bool)
            mask[tuple(part - side.start for part, side in zip(places, box, strict=True))] = True
            self._listener.went_over(box, mask)
        self._listener.changed_somewhere(box)


def history_steps(layer: Labels) -> int:
    """How many steps of undo napari has for a layer."""
    return len(getattr(layer, "_undo_history", ()))


def _original(layer: Labels, name: str) -> Callable[..., Any]:
    """The layer's own method without a reference to the layer, or what another plugin put in its
    place.
    """
    if name in vars(layer):
        replaced: Callable[..., Any] = vars(layer)[name]
        return replaced
    method = getattr(type(layer), name)
    held = weakref.ref(layer)

    def call(*args: Any, **words: Any) -> Any:
        return method(held(), *args, **words)

    return call


def _object_at(layer: Labels, coord: Any, label: int) -> tuple[Box, np.ndarray] | None:
    """The box and the mask of the object at a place, if it has this label and is none of the
    background.
    """
    place = tuple(int(np.round(value)) for value in coord)
    there = all(0 <= at < n for at, n in zip(place, layer.data.shape, strict=True))
    if label == 0 or not there or int(np.asarray(layer.data[place])) != label:
        return None
    _, painted = layer._get_shape_and_dims_to_paint()
    view = tuple(
        slice(0, n) if axis in painted else slice(at, at + 1)
        for axis, (at, n) in enumerate(zip(place, layer.data.shape, strict=True))
    )
    same = np.asarray(layer.data[view]) == label
    if layer.contiguous:
        same = _connected(
            same, tuple(at - side.start for at, side in zip(place, view, strict=True))
        )
    return _tight(view, same)


def _connected(same: np.ndarray, place: tuple[int, ...]) -> np.ndarray:
    """The part of a mask that hangs together with a place in it, as napari's bucket sees it."""
    from scipy.ndimage import label as components

    numbered, _ = components(same)
    return np.asarray(numbered == numbered[place])


def _tight(view: Box, mask: np.ndarray) -> tuple[Box, np.ndarray]:
    """The least box around a mask of a view, and the mask within it."""
    from scipy.ndimage import find_objects

    inner = find_objects(mask.astype(np.uint8))[0]
    return tuple(
        slice(part.start + side.start, part.stop + side.start)
        for part, side in zip(inner, view, strict=True)
    ), mask[inner]
