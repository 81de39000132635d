"""What was to be known of an engine at one moment, as plain values that can be sent."""

from dataclasses import dataclass
from typing import Self

from napari_unet.segment.engine.protocol import EngineFacts
from napari_unet.segment.installed import Kind


@dataclass(frozen=True)
class KnownEngine:
    """The facts of an engine; it may be on another machine, and another may have taken its place since."""

    name: str
    kind: Kind
    device: str
    note: str

    @classmethod
    def of(cls, engine: EngineFacts) -> Self:
        """What is to be known now."""
        return cls(engine.name, engine.kind, engine.device, engine.note)
