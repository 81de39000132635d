"""Small windows of one shape on NVIDIA's cards, where starting a network's operators takes longer
than running them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
MOST_VOXELS = (
    2**19
)  # a 256 x 256 window took 1.5 ms on an H100, 0.5 as a graph; one of 1024 x 1024 gains nothing
MOST_GRAPHS = 8


@dataclass(frozen=True)
class _Graph:
    recorded: torch.cuda.CUDAGraph
    given: Tensor
    scores: Tensor


class CudaGraphs:
    """A network on windows: what it does for a shape is recorded the second time that this comes,
    and replayed from then on.

    The scores are those of the last window only: the next one of that shape overwrites them.
    """

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        self._forward = forward
        self._seen: set[tuple[int, ...]] = set()
        self._graphs: dict[tuple[int, ...], _Graph] = {}

    def __call__(self, batch: Tensor) -> Tensor:
        """Scores of (N, C, *space)."""
        shape = tuple(batch.shape)
        if math.prod(shape[2:]) > MOST_VOXELS:
            return self._forward(batch)
        if shape not in self._seen:
            self._seen.add(shape)
            return self._forward(batch)
        if shape not in self._graphs:
            if len(self._graphs) >= MOST_GRAPHS:
                return self._forward(batch)
            self._graphs[shape] = self._record(batch)
        graph = self._graphs[shape]
        graph.given.copy_(batch)
        with torch.cuda.device(batch.device):
            graph.recorded.replay()
        return graph.scores

    def _record(self, batch: Tensor) -> _Graph:
        given = batch.clone()
        recorded = torch.cuda.CUDAGraph()
        # torch's own stream for recordings is one of the card that was the first to have any
        stream = torch.cuda.Stream(batch.device)  # type: ignore[no-untyped-call]
        known = next(
            iter(self._graphs.values()), None
        )  # one memory for all: scores are used before the next replay
        pool = None if known is None else known.recorded.pool()
        with torch.cuda.graph(
            recorded, pool=pool, stream=stream, capture_error_mode="thread_local"
        ):
            scores = self._forward(given)
        return _Graph(recorded, given, scores)
