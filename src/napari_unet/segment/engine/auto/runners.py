"""What can run a network on the processor, and the work that it is wanted for. No torch."""

import math
from dataclasses import dataclass
from typing import Literal

Runner = Literal["torch", "openvino", "plain torch"]
PLAIN = "without fused operators"  # in the name of an engine: the second form of torch's network
TITLES: dict[Runner, str] = {
    "torch": "torch",
    "openvino": "OpenVINO",
    "plain torch": f"torch {PLAIN}",
}


@dataclass(frozen=True)
class Workload:
    """What an engine is wanted for: the shape of a window, and how many there are."""

    window: tuple[int, ...]
    count: int

    @property
    def voxels(self) -> int:
        """How many a window has."""
        return math.prod(self.window)


UNKNOWN_WORKLOAD = Workload((), 0)  # of which no estimate can be made


def runner_of(name: str) -> Runner | None:
    """What the name of an engine stands for; None for one that does not run on the processor."""
    if " on cpu" not in name:
        return None
    if name.startswith("openvino "):
        return "openvino"
    return "plain torch" if PLAIN in name else "torch"
