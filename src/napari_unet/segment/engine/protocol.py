"""What an engine is: it runs one network on windows, wherever and by whatever library."""

from typing import Protocol

import numpy as np

from napari_unet.progress import Asked, go
from napari_unet.segment.installed import Kind


class EngineFacts(Protocol):
    """What is to be known of an engine, here or on another machine.

    `name` says with version and device what ran, for the record; `kind` which library that is, for the plan of
    memory; `note` what the user should know of it, one sentence or nothing.
    """

    name: str
    kind: Kind
    note: str


class Engine(EngineFacts, Protocol):
    """Runs a network on one window after the other."""

    def run(self, window: np.ndarray, asked: Asked = go) -> np.ndarray:
        """Probabilities (K, *window) float32 of a normalised (C, *window); asked within it, raises `Stopped` or `Cancelled`."""
