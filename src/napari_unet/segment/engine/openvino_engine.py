"""A network run by OpenVINO on the processor: the same probabilities as torch's to 1e-4, in less
time and memory.
"""

import time
from contextlib import suppress
from typing import Any

import numpy as np

from napari_unet.errors import EngineError
from napari_unet.model.head import head_of
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, always_continue, heed
from napari_unet.segment.engine.fusion import folded
from napari_unet.segment.engine.instance_statistics import with_fixed_statistics
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

CONFIG = {"PERFORMANCE_HINT": "LATENCY"}  # one window at a time, on all cores
# OpenVINO's names for the format, and ours; float16 took twice as long as float32 on a processor
# that has both
HALF = ("BF16", "bf16", "bfloat16")
ASK_MS = 50  # how often `control` is read while OpenVINO computes
MOST_SHAPES = 3  # compiled networks that stay in memory; a run has one or two shapes of windows
TRIED_PX = 8
ADVICE = "Choose the engine torch."
# how far its probabilities may be from torch's
CLOSE = 1e-4
CLOSE_IN_HALF = 0.1

Shape = tuple[int, ...]


class OpenVinoEngine:
    """A network compiled for each shape of window; raises `EngineError` where its result would not
    be that of torch.
    """

    device = "cpu"
    reason = ""  # what chose it says so
    threads = None

    def __init__(self, network: UNet, precision: Precision = "float32") -> None:
        """In half precision where the processor has instructions for it; otherwise the note says
        that it has none.
        """
        self._unfixed = folded(network).to("cpu")  # a copy: the caller's network must not change
        self._head = head_of(network.config)
        self._fixed_by: torch.Tensor | None = None
        self._core = openvino.Core()
        self._hint, numbers, self.note = self._numbers(precision)
        self.kind: Kind = in_precision("openvino", "float32" if self._hint == "f32" else "half")
        self.name = f"openvino {openvino_version()} on cpu{numbers}"
        self.preparing_s = 0.0
        # by shape and number of threads
        self._compiled: dict[tuple[Shape, int], Any] = {}
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

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance; raises `EngineError` where OpenVINO
        can not run the network with them.
        """
        if self._fixed_by is None or not torch.equal(self._fixed_by, windows):
            with memory_errors_explained(self.device):
                self._take(
                    folded(with_fixed_statistics(self._unfixed, windows.cpu(), control)),
                    try_out=False,
                )
            self._fixed_by = windows

    def fall_back(self) -> bool:
        """There is no other engine."""
        return False

    def _take(self, network: UNet, try_out: bool = True) -> None:
        """Run this network from now on. One with fixed statistics is not tried out again: those of
        an image without contrast may give values on which no two engines agree.
        """
        self._network = network
        self._compiled.clear()
        try:
            self._graph = graph_of(network)
            if try_out:
                self._try_out()
        # whatever it is, such as another version of OpenVINO, torch can run the network
        except Exception as error:
            raise EngineError(f"OpenVINO can not run this model ({_reason(error)}).") from error

    def _run(self, window: torch.Tensor, control: GetControl) -> np.ndarray:
        image = self._network.padded(window[None]).contiguous().numpy()
        found = np.empty((1, self._head.channels, *image.shape[2:]), np.float32)
        request = self._ready(image.shape[2:]).create_infer_request()
        request.set_input_tensor(openvino.Tensor(image, shared_memory=True))
        request.set_output_tensor(openvino.Tensor(found, shared_memory=True))
        run_request(request, control)
        inside: np.ndarray = found[0][(slice(None), *(slice(side) for side in window.shape[1:]))]
        return inside

    def _ready(self, shape: Shape) -> Any:
        """The network compiled for windows of a shape. The others let go of their memory, and the
        one that was used longest ago is dropped.
        """
        compiled = self._compiled  # in the order of their last use
        wanted = (shape, torch.get_num_threads())
        if wanted == next(reversed(compiled), None):
            return compiled[wanted]
        ready = compiled.pop(wanted, None)
        for other in compiled.values():
            other.release_memory()
        while len(compiled) >= MOST_SHAPES:
            del compiled[next(iter(compiled))]
        compiled[wanted] = self._compile(*wanted) if ready is None else ready
        return compiled[wanted]

    def _compile(self, shape: Shape, threads: int) -> Any:
        begun = time.perf_counter()
        self._graph.reshape([1, self._network.config.in_channels, *shape])
        # the precision is named, since OpenVINO would choose half on some processors
        own = {"INFERENCE_PRECISION_HINT": self._hint, "INFERENCE_NUM_THREADS": threads}
        ready = self._core.compile_model(self._graph, "CPU", CONFIG | own)
        self.preparing_s += time.perf_counter() - begun
        return ready

    def _numbers(self, precision: Precision) -> tuple[str, str, str]:
        """OpenVINO's name of the number format, the end of the engine's name, and a note."""
        if precision == "float32":
            return "f32", "", ""
        word, hint, name = HALF
        if word in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            return hint, f" in {name}", ""
        return "f32", "", NO_HALF

    def _try_out(self) -> None:
        """Run one of the smallest windows, and compare with torch; raises `ValueError`."""
        sides = [max(step, TRIED_PX) for step in self._network.strides]
        window = torch.rand(
            self._network.config.in_channels, *sides, generator=torch.Generator().manual_seed(0)
        )
        with torch.inference_mode():
            scores = self._network(window[None])[0]
            wanted = self._head.probabilities(scores, axis=0).numpy()
        found = self._run(window, always_continue)
        close = CLOSE if self._hint == "f32" else CLOSE_IN_HALF
        if not np.allclose(found, wanted, rtol=0, atol=close, equal_nan=True):
            raise ValueError("its result is not PyTorch's")


def run_request(request: Any, control: GetControl) -> None:
    """Run an infer request to its end, reading `control` meanwhile; raises `Stopped` or
    `Cancelled`.

    However it ends, it returns only when OpenVINO writes into the request's arrays no more.
    """
    request.start_async()
    try:
        while not request.wait_for(ASK_MS):
            heed(control)
    except BaseException:
        request.cancel()
        with suppress(RuntimeError):  # which says that the request was cancelled
            request.wait()
        raise


def _reason(error: BaseException) -> str:
    """What went wrong, without the places in OpenVINO's source that its messages begin with."""
    lines = [
        line.strip()
        for line in str(error).splitlines()
        if line.strip() and not line.startswith("Exception from ")
    ]
    return " ".join(lines).rstrip(".") or type(error).__name__
