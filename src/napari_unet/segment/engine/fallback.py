"""An engine that another takes the place of, should it fail in the middle of a run."""

from collections.abc import Callable

from napari_unet.errors import EngineError
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.protocol import Engine, WrappedEngine

PROCESSOR = "cpu"


class FallbackEngine(WrappedEngine):
    """Runs windows on `first`, and from the one that this fails at on a second engine, for good.

    `second` makes that one, with a note that says why it runs. Too little memory is no failure
    while smaller tiles may do: then it is `give_way` that makes room.
    """

    def __init__(self, first: Engine, second: Callable[[str], Engine]) -> None:
        super().__init__(first)
        self._second: Callable[[str], Engine] | None = second
        self._fixed_by: torch.Tensor | None = None

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32 of a normalised (C, *window), by the second engine
        where the first fails.
        """
        try:
            return self._running.run(window, control)
        except EngineError as error:
            if self._second is None:
                raise
            reason = str(error)
        self._replace(f"{reason} PyTorch runs instead.")
        return self._running.run(window, control)

    def fix(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance, for the second engine too, which
        runs where the first fails.
        """
        self._fixed_by = windows
        try:
            self._running.fix(windows, control)
        except EngineError as error:
            if self._second is None:
                raise
            self._replace(f"{error} PyTorch runs instead.")

    def give_way(self) -> bool:
        """Let the processor take the place of a card; False where it is what runs already."""
        if self._second is None or self.device == PROCESSOR:
            return self._running.give_way()
        self._replace(
            f"The memory of {self.device} does not suffice, even for the smallest tile. The processor runs instead."
        )
        return True

    def _replace(self, note: str) -> None:
        if self._second is not None:
            self._running = self._second(note)
            self._second = None
            if self._fixed_by is not None:
                self._running.fix(self._fixed_by)
