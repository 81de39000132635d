"""Clicks on real buttons, and images that keep a model busy."""

from functools import cache
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest


def press(button: Any) -> None:
    """Click a button as a user does."""
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def long_stack() -> np.ndarray:
    """An image that keeps a 2D model busy for some seconds, anew each time."""
    return _noise().copy()


@cache
def _noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (600, 96, 96), np.uint8)
