"""An engine that fails in the middle of a run."""

from collections.abc import Callable

from napari_unet.errors import EngineError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.fallback import FallbackEngine
from napari_unet.segment.engine.kinds import Kind
from napari_unet.segment.engine.torch_engine import TorchEngine

TORCH = f"torch {torch.__version__} on cpu"
BOTH = f"openvino 1.2 on cpu, then {TORCH}"
FAILED = "OpenVINO failed (no such instruction)."
NOTE = f"{FAILED} PyTorch runs instead."


def broken() -> Exception:
    return EngineError(FAILED)


def full() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")


class Failing:
    """An engine that runs some windows and then fails."""

    note = ""

    def __init__(
        self, model: Model, failure: Callable[[], Exception], good: int = 0, device: str = "cpu"
    ) -> None:
        """On the processor it stands for OpenVINO, elsewhere for torch."""
        self._engine = TorchEngine(model.network)
        self._failure = failure
        self._good = good
        self.kind: Kind = "openvino" if device == "cpu" else "torch"
        self.name = f"{self.kind} 1.2 on {device}"
        self.device = device
        self.failed: list[tuple[int, ...]] = []

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if not self._good:
            self.failed.append(tuple(window.shape))
            raise self._failure()
        self._good -= 1
        return self._engine.run(window, control)

    def fix(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        self._engine.fix(windows, control)

    def give_way(self) -> bool:
        return False


def failing_over(model: Model, good: int) -> FallbackEngine:
    """An engine that torch takes the place of after some windows."""
    return FallbackEngine(
        Failing(model, broken, good), lambda note: TorchEngine(model.network, note=note)
    )
