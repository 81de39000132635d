"""Painting as a user does: mouse and keys on the canvas of a real viewer, placed by voxels of a
layer.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

LEFT = Qt.MouseButton.LeftButton
RIGHT = Qt.MouseButton.RightButton
NONE = Qt.MouseButton.NoButton
STILL_MS = 15  # vispy drops movements that follow each other faster


class Hand:
    """A hand on the mouse over the canvas."""

    def __init__(self, viewer: Any, layer: Any) -> None:
        self.viewer = viewer
        self.layer = layer
        self.canvas = viewer.window._qt_viewer.canvas.native
        self.canvas.resize(400, 400)
        QApplication.processEvents()
        viewer.reset_view()
        viewer.layers.selection.active = layer
        QApplication.processEvents()

    def use(self, tool: str, label: int = 1, size: int = 5) -> "Hand":
        """Take a tool of napari's."""
        self.layer.mode = tool
        self.layer.selected_label = label
        self.layer.brush_size = size
        return self

    def drag(self, *points: Sequence[float], button: Any = LEFT) -> None:
        """Press at the first point, move over the others, release."""
        self._send(QEvent.Type.MouseButtonPress, points[0], button, button)
        for point in points[1:]:
            self._send(QEvent.Type.MouseMove, point, NONE, button)
        self._send(QEvent.Type.MouseButtonRelease, points[-1], button, NONE)

    def hover(self, *points: Sequence[float]) -> None:
        """Move without a button."""
        for point in points:
            self._send(QEvent.Type.MouseMove, point, NONE, NONE)

    def double_click(self, point: Sequence[float]) -> None:
        """As the system sends it: press, release, double click, release."""
        self.drag(point)
        self._send(QEvent.Type.MouseButtonDblClick, point, LEFT, LEFT)
        self._send(QEvent.Type.MouseButtonRelease, point, LEFT, NONE)

    def key(self, key: Any, *modifiers: Any) -> None:
        """Press a key over the canvas."""
        held = Qt.KeyboardModifier.NoModifier
        for modifier in modifiers:
            held |= modifier
        QTest.keyClick(self.canvas, key, held)
        QApplication.processEvents()

    def _send(self, kind: Any, point: Sequence[float], button: Any, held: Any) -> None:
        if kind == QEvent.Type.MouseMove:
            QTest.qWait(STILL_MS)
        where = self._on_canvas(point)
        event = QMouseEvent(
            kind,
            where,
            self.canvas.mapToGlobal(where),
            button,
            held,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(self.canvas, event)
        QTest.qWait(STILL_MS)

    def _on_canvas(self, point: Sequence[float]) -> QPointF:
        shown = list(self.layer._slice_input.displayed)
        full = np.array(
            [self.viewer.dims.current_step[axis] for axis in range(self.layer.ndim)], float
        )
        full[shown] = point
        world = np.asarray(self.layer.data_to_world(full))[shown]
        view = self.viewer.window._qt_viewer.canvas.view
        column, row = (view.transform * view.scene.transform).map(list(world[::-1]))[:2]
        return QPointF(float(column), float(row))


def voxels(mask: np.ndarray) -> set[tuple[int, ...]]:
    """The coordinates of the voxels that a mask holds."""
    return {tuple(int(n) for n in voxel) for voxel in np.argwhere(mask)}
