"""Every stroke passes here: the painting tools of one Labels layer are wrapped on the instance.

napari's own events do not say enough. A stroke is reported only where labels changed, not where the
same label is painted, which says "this is right"; of undo and redo, only that something has to be
drawn.
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
    "_paint_region_with_mask",  # by which brush, eraser, polygon and filled object all write
    "fill",  # does nothing to an object that has the label already
    "block_history",  # the movements of a brush from press to release, one step of undo
    "undo",
    "redo",
    "_begin_stroke",  # an outline that is filled when it is closed (right click), over many events
    "_abort_stroke",  # such an outline given up
)


class ToolListener:
    """What a follower of tools may override; each method here does nothing.

    A gesture is all that tools do between two calls of `end_gesture`.
    """

    def went_over(self, box: Box, mask: np.ndarray, label: int | None = None) -> None:
        """A tool painted this label on the mask of a box, as far as it was allowed to (as with
        "preserve labels").
        """

    def end_gesture(self, undoable: bool) -> None:
        """A gesture has ended; it is one step of undo, or none."""

    def abandon_gesture(self) -> None:
        """The gesture has been taken back."""

    def undone(self) -> None:
        """The last step was undone."""

    def redone(self) -> None:
        """The last undone step was done again."""

    def changed_somewhere(self, box: Box | None) -> None:
        """Labels in a box (or anywhere) were changed; which voxels is not known."""


class Tools:
    """Wraps the methods of a layer and calls a listener; holds both weakly and is held by both."""

    def __init__(self, layer: Labels, listener: ToolListener) -> None:
        self._layer = weakref.ref(layer)
        self._listener_ref = weakref.ref(listener)
        # how many wrapped painting methods are running: within one, napari sends the event of a
        # step before all labels are written, so the end of the gesture has to wait (`_stepped`)
        self._inside = 0
        self._stepped = False
        self._pressed = False  # a gesture has begun, and nothing was filled yet
        self._originals = {name: _original(layer, name) for name in WRAPPED}
        for name in WRAPPED:
            setattr(layer, name, getattr(self, f"on_{name.lstrip('_')}"))
        layer.events.paint.connect(self._on_layer_paint)

    @property
    def _listener(self) -> ToolListener:
        return self._listener_ref() or ToolListener()

    def on_paint_region_with_mask(
        self, box: Box, mask: np.ndarray, label: int, painted: list[int], *args: Any, **kwargs: Any
    ) -> None:
        """Paint, then report what was gone over: brush, eraser, filled object and polygon."""
        layer = self._layer()
        others = tuple(axis for axis in range(len(box)) if axis not in painted)
        # a copy, before napari can change the mask: it has only the axes that are painted
        over = np.expand_dims(np.array(mask, bool), others)
        with self._painting():
            self._originals["_paint_region_with_mask"](box, mask, label, painted, *args, **kwargs)
            if layer is not None:
                self._listener.went_over(tuple(box), over, label)

    def on_fill(self, coord: Any, label: int, *args: Any, **kwargs: Any) -> None:
        """Fill; report an object that was clicked with its own label, which napari leaves alone."""
        layer = self._layer()
        # a drag fills again at each movement; only what was pressed on is called right
        first = self._pressed or not self._gesture_runs()
        self._pressed = False
        before = _object_at(layer, coord, label) if first and layer is not None else None
        self._originals["fill"](coord, label, *args, **kwargs)
        if before is not None:
            with self._painting():
                self._listener.went_over(*before, label)

    @contextmanager
    def on_block_history(self) -> Iterator[None]:
        """All that is painted within is one step of undo."""
        self._listener.end_gesture(False)  # what came before made no step: it changed no label
        self._pressed = True
        with self._originals["block_history"]():
            yield

    def on_begin_stroke(self) -> None:
        """Begin an outline, which spans many mouse events and is one step of undo."""
        self._listener.end_gesture(False)
        self._originals["_begin_stroke"]()

    def on_abort_stroke(self) -> None:
        """Give an outline up: napari takes its labels back, the listener its trust."""
        self._originals["_abort_stroke"]()
        self._listener.abandon_gesture()

    def on_undo(self) -> None:
        """Undo; reported only if there was anything to undo."""
        self._step_back("undo", "_undo_history", self._listener.undone)

    def on_redo(self) -> None:
        """Redo; reported only if there was anything to redo."""
        self._step_back("redo", "_redo_history", self._listener.redone)

    def _step_back(self, name: str, history: str, report: Callable[[], None]) -> None:
        layer = self._layer()
        there = layer is not None and len(getattr(layer, history)) > 0
        self._originals[name]()
        if there:
            report()

    @contextmanager
    def _painting(self) -> Iterator[None]:
        """Within, the end of a step waits until all its labels have been written."""
        self._inside += 1
        if self._inside == 1 and not self._gesture_runs():
            self._listener.end_gesture(False)  # a single movement is a gesture of its own
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside and self._stepped:
                self._stepped = False
                self._listener.end_gesture(True)

    def _gesture_runs(self) -> bool:
        """Whether a gesture of several movements has begun and not ended."""
        return bool(getattr(self._layer(), "_block_history", False))

    def _on_layer_paint(self, event: Any) -> None:
        """A step has come into napari's history: a gesture has ended, or another plugin has set
        voxels.
        """
        if self._inside:
            self._stepped = True
            return
        for atom in event.value:
            # three arrays come from data_setitem alone, which other plugins call
            if isinstance(atom, tuple) and len(atom) == 3:
                self._on_voxels_set(atom[0])
        self._listener.end_gesture(True)

    def _on_voxels_set(self, indices: tuple[np.ndarray, ...]) -> None:
        """Report voxels set by data_setitem, which writes them only after its event."""
        positions = [np.asarray(part).ravel() for part in indices]
        box = tuple(slice(int(part.min()), int(part.max()) + 1) for part in positions)
        shape = [part.stop - part.start for part in box]
        if np.prod(shape) <= MOST_INDEX_BOX:
            mask = np.zeros(shape, bool)
            mask[tuple(at - side.start for at, side in zip(positions, box, strict=True))] = True
            self._listener.went_over(box, mask)  # without a label: it is not there yet
        self._listener.changed_somewhere(box)


def history_steps(layer: Labels) -> int:
    """How many steps of undo napari holds for a layer."""
    return len(getattr(layer, "_undo_history", ()))


def _original(layer: Labels, name: str) -> Callable[..., Any]:
    """The layer's method without a strong reference to the layer, or what another plugin put in its
    place.
    """
    if name in vars(layer):  # wrapped by someone before us, who is called then
        replaced: Callable[..., Any] = vars(layer)[name]
        return replaced
    method = getattr(type(layer), name)
    held = weakref.ref(layer)

    def call(*args: Any, **kwargs: Any) -> Any:
        return method(held(), *args, **kwargs)

    return call


def _object_at(layer: Labels, coord: Any, label: int) -> tuple[Box, np.ndarray] | None:
    """The box and mask of the object at a position, if it has this label; None for background."""
    position = tuple(int(np.round(value)) for value in coord)
    there = all(0 <= at < n for at, n in zip(position, layer.data.shape, strict=True))
    if label == 0 or not there or int(np.asarray(layer.data[position])) != label:
        return None
    _, painted = layer._get_shape_and_dims_to_paint()
    view = tuple(
        slice(0, n) if axis in painted else slice(at, at + 1)
        for axis, (at, n) in enumerate(zip(position, layer.data.shape, strict=True))
    )
    same = np.asarray(layer.data[view]) == label
    if layer.contiguous:
        within = tuple(at - side.start for at, side in zip(position, view, strict=True))
        same = _connected(same, within)
    return _tight(view, same)


def _connected(same: np.ndarray, position: tuple[int, ...]) -> np.ndarray:
    """The part of a mask that is connected with a position in it, by faces as napari's fill is."""
    from scipy.ndimage import label as components

    numbered, _ = components(same)
    return np.asarray(numbered == numbered[position])


def _tight(view: Box, mask: np.ndarray) -> tuple[Box, np.ndarray]:
    """The least box around a mask of a view, and the mask within it."""
    from scipy.ndimage import find_objects

    inner = find_objects(mask.astype(np.uint8))[0]
    box = tuple(
        slice(part.start + side.start, part.stop + side.start)
        for part, side in zip(inner, view, strict=True)
    )
    return box, mask[inner]
