"""An engine with another one in reserve, for a failure in the middle of a run."""

from collections.abc import Callable

from napari_unet.errors import EngineError
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.kinds import PROCESSOR
from napari_unet.segment.engine.protocol import Engine, WrappedEngine


class FallbackEngine(WrappedEngine):
    """Runs windows on `first` until that fails, then that window and all later ones on a second
    engine.

    `second` makes that one, with a note that says why it runs. Memory that is not enough is no
    failure here, since smaller tiles may cure it; where they do not, `fall_back` is called.
    """

    def __init__(self, first: Engine, second: Callable[[str], Engine]) -> None:
        super().__init__(first)
        self._second: Callable[[str], Engine] | None = second
        self._fixed_by: torch.Tensor | None = None

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32 of a normalised (C, *window), by the second engine
        where the first one fails.
        """
        try:
            return self._running.run(window, control)
        except EngineError as error:
            if self._second is None:
                raise
            reason = str(error)
        # outside of the except clause, where the error and with it the first one's arrays are gone
        self._replace(f"{reason} PyTorch runs instead.")
        return self._running.run(window, control)

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance; the second engine will get the
        same ones.
        """
        self._fixed_by = windows
        try:
            self._running.fix_statistics(windows, control)
        except EngineError as error:
            if self._second is None:
                raise
            self._replace(f"{error} PyTorch runs instead.")

    def fall_back(self) -> bool:
        """Let the processor take over from a card; False where the processor runs already."""
        if self._second is None or self.device == PROCESSOR:
            return self._running.fall_back()
        self._replace(
            f"The memory of {self.device} does not suffice, even for the smallest tile. "
            "The processor runs instead."
        )
        return True

    def _replace(self, note: str) -> None:
        if self._second is not None:
            self._running = self._second(note)
            self._second = None
            if self._fixed_by is not None:
                self._running.fix_statistics(self._fixed_by)
