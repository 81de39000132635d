"""An engine that another takes the place of, should it fail in the middle of a run."""

from collections.abc import Callable

import numpy as np

from napari_unet.errors import EngineError
from napari_unet.progress import Asked, go
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.installed import Kind

PROCESSOR = "cpu"


class FallbackEngine:
    """Runs windows on `first`, and from the one that this fails at on a second engine, for good.

    `second` makes that one, with a note that says why it runs. Too little memory is no failure while smaller tiles may do:
    then it is `give_way` that makes room.
    """

    def __init__(self, first: Engine, second: Callable[[str], Engine]) -> None:
        self._running = first
        self._second: Callable[[str], Engine] | None = second

    @property
    def name(self) -> str:
        """That of the engine which runs now; so are the others."""
        return self._running.name

    @property
    def kind(self) -> Kind:
        """Which library runs now."""
        return self._running.kind

    @property
    def device(self) -> str:
        """Where it runs now."""
        return self._running.device

    @property
    def note(self) -> str:
        """What the user should know, also why another engine runs."""
        return self._running.note

    def run(self, window: np.ndarray, asked: Asked = go) -> np.ndarray:
        """Probabilities (K, *window) float32 of a normalised (C, *window), by the second engine where the first fails."""
        try:
            return self._running.run(window, asked)
        except EngineError as error:
            if self._second is None:
                raise
            reason = str(error)
        self._replace(f"{reason} PyTorch runs instead.")
        return self._running.run(window, asked)

    def give_way(self) -> bool:
        """Let the processor take the place of a card; False where it is what runs already."""
        if self._second is None or self.device == PROCESSOR:
            return self._running.give_way()
        self._replace(f"The memory of {self.device} does not suffice, even for the smallest tile. The processor runs instead.")
        return True

    def _replace(self, note: str) -> None:
        if self._second is not None:
            self._running, self._second = self._second(note), None
