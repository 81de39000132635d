"""A model in memory: a network with the spec that says what it is."""

from dataclasses import dataclass

from napari_unet.model.spec import ModelSpec
from napari_unet.model.unet import UNet


@dataclass(frozen=True)
class Model:
    """A U-Net in evaluation mode, its spec, and its identity.

    `notes` are sentences about the file it was read from that its user should read.
    """

    spec: ModelSpec
    network: UNet
    weights_sha256: str
    notes: tuple[str, ...] = ()
