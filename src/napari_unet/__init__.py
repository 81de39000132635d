"""Segment scans with a U-Net, correct the masks, and teach it: the Python interface.

    import napari_unet as nu
    model = nu.load_model("nuclei-2d")
    labels = nu.segment(image, model)
    result = nu.train([(image, corrected)], start=model, minutes=1)

Every name is loaded when it is first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_unet.learn.settings import TrainSettings as TrainSettings
    from napari_unet.learn.train import TrainItem as TrainItem
    from napari_unet.learn.train import fit_head as fit_head
    from napari_unet.learn.train import train as train
    from napari_unet.measure.evaluate import evaluate as evaluate
    from napari_unet.model.config import UNetConfig as UNetConfig
    from napari_unet.model.library import load_model as load_model
    from napari_unet.model.library import save_model as save_model
    from napari_unet.model.spec import ModelSpec as ModelSpec
    from napari_unet.scans.scan import Scan as Scan
    from napari_unet.segment.run import segment as segment
    from napari_unet.segment.settings import SegmentSettings as SegmentSettings
    from napari_unet.segment.suitability.assess import assess_fit as assess_fit

_HOMES = {
    "ModelSpec": "model.spec",
    "Scan": "scans.scan",
    "SegmentSettings": "segment.settings",
    "TrainItem": "learn.data.item",
    "TrainSettings": "learn.settings",
    "UNetConfig": "model.config",
    "assess_fit": "segment.suitability.assess",
    "evaluate": "measure.evaluate",
    "fit_head": "learn.train",
    "load_model": "model.library",
    "save_model": "model.library",
    "segment": "segment.run",
    "train": "learn.train",
}

__all__ = [*_HOMES, "__version__"]
__version__ = "0.1.0"

# `segment` is a folder of modules and a function, and here the function is meant. Python sets the
# folder's name on this module once, when the folder is first imported: now, which costs nothing,
# and then the name is taken away again, so that `__getattr__` gives the function ever after.
import_module("napari_unet.segment")
globals().pop("segment", None)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'napari_unet' has no attribute {name!r}")
    return getattr(import_module(f"napari_unet.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
