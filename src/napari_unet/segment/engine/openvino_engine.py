"""A network run by OpenVINO on the processor: the same probabilities as torch's to 1e-4, in less
time and memory.
"""

from contextlib import suppress
from typing import Any

import numpy as np

from napari_unet.errors import EngineError
from napari_unet.model.head import head_of
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, always_continue, heed
from napari_unet.segment.engine.instance_statistics import fixed
from napari_unet.segment.engine.kinds import (
    NO_HALF,
    Kind,
    Precision,
    in_precision,
    openvino_version,
)
from napari_unet.segment.engine.openvino_graph import graph_of
from napari_unet.segment.engine.openvino_import import openvino
from napari_unet.segment.engine.out_of_memory import memory_errors_explained
from napari_unet.segment.engine.torch_engine import folded

CONFIG = {"PERFORMANCE_HINT": "LATENCY"}  # one window at a time, on all cores
HALF = (
    "BF16",
    "bf16",
    "bfloat16",
)  # float16 took twice as long as float32, on a processor that has both
ASK_MS = 50
KEPT_SHAPES = 3
TRIED_PX = 8
ADVICE = "Choose the engine torch."
CLOSE, CLOSE_IN_HALF = 1e-4, 0.1  # how far from torch's its probabilities may be

Shape = tuple[int, ...]


class OpenVinoEngine:
    """A network compiled for each shape of window; raises `EngineError` where OpenVINO can not run
    it as torch does.
    """

    device = "cpu"

    def __init__(self, network: UNet, precision: Precision = "float32") -> None:
        """In half precision where the processor has instructions for it; otherwise the note says
        that it has none.
        """
        self._unfixed = folded(network).to("cpu")  # a copy: what is looked at must not change
        self._head = head_of(network.config)
        self._fixed_by: torch.Tensor | None = None
        self._core = openvino.Core()
        self._hint, numbers, self.note = self._numbers(precision)
        self.kind: Kind = in_precision("openvino", "float32" if self._hint == "f32" else "half")
        self.name = f"openvino {openvino_version()} on cpu{numbers}"
        self._compiled: dict[Shape, Any] = {}
        self._take(self._unfixed)

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32 of a normalised (C, *window); raises `Stopped`,
        `Cancelled` or `EngineError`.
        """
        heed(control)
        try:
            with memory_errors_explained(self.device):
                return torch.from_numpy(self._run(window.cpu(), control))
        except RuntimeError as error:
            failed = EngineError(f"OpenVINO failed ({_reason(error)}).")
            failed.add_note(ADVICE)
            raise failed from error

    def fix(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance; raises `EngineError` where OpenVINO
        can not run it as torch does.
        """
        if self._fixed_by is None or not torch.equal(self._fixed_by, windows):
            with memory_errors_explained(self.device):
                self._take(folded(fixed(self._unfixed, windows.cpu(), control)), try_out=False)
            self._fixed_by = windows

    def give_way(self) -> bool:
        """There is no other engine."""
        return False

    def _take(self, network: UNet, try_out: bool = True) -> None:
        """Run this network; one that was fixed is not tried out again: of an image without contrast
        it may be a wild one.
        """
        self._network = network
        self._compiled.clear()
        try:
            self._graph = graph_of(network)
            if try_out:
                self._try_out()
        # whatever it is: an OpenVINO of other functions, another processor, torch can run it
        except Exception as error:
            raise EngineError(f"OpenVINO can not run this model ({_reason(error)}).") from error

    def _run(self, window: torch.Tensor, control: GetControl) -> np.ndarray:
        image = self._network.padded(window[None]).contiguous().numpy()
        found = np.empty((1, self._head.channels, *image.shape[2:]), np.float32)
        request = self._ready(image.shape[2:]).create_infer_request()
        request.set_input_tensor(openvino.Tensor(image, shared_memory=True))
        request.set_output_tensor(openvino.Tensor(found, shared_memory=True))
        finish(request, control)
        inside: np.ndarray = found[0][(slice(None), *(slice(side) for side in window.shape[1:]))]
        return inside

    def _ready(self, shape: Shape) -> Any:
        """The network compiled for windows of a shape; what others hold in memory is let go, the
        oldest of them altogether.
        """
        kept = self._compiled
        if shape == next(reversed(kept), None):
            return kept[shape]
        ready = kept.pop(shape, None)
        for other in kept.values():
            other.release_memory()
        while len(kept) >= KEPT_SHAPES:
            del kept[next(iter(kept))]
        if ready is None:
            self._graph.reshape([1, self._network.config.in_channels, *shape])
            ready = self._core.compile_model(
                self._graph,
                "CPU",
                CONFIG
                | {
                    "INFERENCE_PRECISION_HINT": self._hint,
                    "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                },
            )
        kept[shape] = ready
        return ready

    def _numbers(self, precision: Precision) -> tuple[str, str, str]:
        """OpenVINO's name for the number format, ours behind the engine's name, and a note."""
        if precision == "float32":
            return "f32", "", ""
        word, hint, name = HALF
        if word in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            return hint, f" in {name}", ""
        return "f32", "", NO_HALF

    def _try_out(self) -> None:
        """Run about the smallest window and compare with torch."""
        sides = [max(step, TRIED_PX) for step in self._network.strides]
        window = torch.rand(
            self._network.config.in_channels, *sides, generator=torch.Generator().manual_seed(0)
        )
        with torch.inference_mode():
            scores = self._network(window[None])[0]
            wanted = self._head.probabilities(scores, axis=0).numpy()
        if not np.allclose(
            self._run(window, always_continue),
            wanted,
            rtol=0,
            atol=CLOSE if self._hint == "f32" else CLOSE_IN_HALF,
            equal_nan=True,
        ):
            raise ValueError("its result is not PyTorch's")


def finish(request: Any, control: GetControl) -> None:
    """Run an infer request to its end, asking meanwhile; raises `Stopped` or `Cancelled` when it
    has let go of its arrays.
    """
    request.start_async()
    try:
        while not request.wait_for(ASK_MS):
            heed(control)
    except BaseException:
        request.cancel()
        with suppress(RuntimeError):  # it says that it was cancelled
            request.wait()
        raise


def _reason(error: BaseException) -> str:
    """What went wrong, out of a message that begins with places in OpenVINO's source."""
    lines = [
        line.strip()
        for line in str(error).splitlines()
        if line.strip() and not line.startswith("Exception from ")
    ]
    return " ".join(lines).rstrip(".") or type(error).__name__
