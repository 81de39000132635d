"""What any model file says of itself before its weights are read."""

from dataclasses import dataclass
from math import prod

from napari_unet.model.spec import ModelSpec


@dataclass(frozen=True)
class ModelHeader:
    """A model without its weights: their shapes, their hash, and the spec.

    `notes` are sentences about the file that its user should read.
    """

    spec: ModelSpec
    weights_sha256: str
    shapes: dict[str, tuple[int, ...]]
    file_bytes: int
    format_version: int = 1
    notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """How many numbers the tensors hold."""
        return sum(prod(shape) for shape in self.shapes.values())
