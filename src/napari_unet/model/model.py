"""A model that was loaded, made or trained."""

from dataclasses import dataclass

from napari_unet.model.spec import ModelSpec
from napari_unet.model.unet import UNet


@dataclass(frozen=True)
class Model:
    """A U-Net in evaluation mode, its spec, and the hash that identifies it.

    `notes` are sentences about the file it was read from that its user should read.
    """

    spec: ModelSpec
    network: UNet
    weights_sha256: str
    notes: tuple[str, ...] = ()
