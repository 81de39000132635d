"""What can be chosen about a segmentation: one object for the form, the command line and the
record.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from napari_unet.segment.engine.kinds import Precision
from napari_unet.segment.settings_fields import setting, with_present_names

RESULT = "result"  # groups of a dock's options: what is kept of a result,
NETWORK = "network"  # and how the network runs


class SegmentSettings(BaseModel):
    """Settings of a segmentation; every field is an option of the same name on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = setting(
        "auto",
        "Run on",
        "Where the network runs: auto, cpu, cuda or mps.",
        main=True,
        remembered=True,
        max_length=20,
    )
    engine: Literal["auto", "torch", "openvino"] = setting(
        "auto",
        "Engine",
        "What runs the network: torch, openvino (on the processor, where it is installed), or "
        "auto, which takes the faster.",
        main=True,
        remembered=True,
        row=NETWORK,
        choices={"auto": "Automatic", "torch": "PyTorch", "openvino": "OpenVINO"},
    )
    precision: Precision = setting(
        "float32",
        "Precision",
        "Number format of the computation: float32, or half, which is faster on graphics cards and "
        "on newer processors; about one label of a thousand may differ.",
        main=True,
        remembered=True,
        row=NETWORK,
        choices={"float32": "Full", "half": "Half, faster"},
    )
    tile_px: int | None = setting(
        None,
        "Tile size",
        "Side of a tile without its halo, in pixels; chosen to fit when not given.",
        main=True,  # no row and not remembered: it is for measuring, and what fits differs by model
        ge=16,
        le=8192,
    )
    halo: Literal["auto", "exact", "measured"] = setting(
        "auto",
        "Context",
        "Context around a tile: exact, measured (less, as found when the model was trained: about "
        "one label of ten thousand may differ), or auto, which takes measured where exact costs "
        "more than half as much again.",
        main=True,
        remembered=True,
        row=NETWORK,
        choices={"auto": "Automatic", "exact": "Exact", "measured": "Measured, faster"},
    )
    resample: bool = setting(
        True,
        "Match the model's pixel size",
        "Resample to the pixel size that the model was trained at, where both are known.",
        main=True,
        remembered=True,
        former_name="match_pixel_size",
    )
    keep_probabilities: bool = setting(
        False,
        "Keep probabilities",
        "Keep the probability of each class as an image too.",
        main=True,
        remembered=True,
        row=RESULT,
        hint="The threshold can then be moved without a new run.",
    )
    empty_borders: bool = setting(
        True,
        "Leave out empty borders",
        "Find borders that hold no image, such as a band of zeros; they are background and no part "
        "of the contrast.",
        main=True,
        remembered=True,
        row=RESULT,
    )
    threshold: float | None = setting(
        None,
        "Threshold",
        "For two classes: the probability from which a pixel is foreground; the model's own when "
        "not given.",
        main=True,
        # not remembered: each model has its own, and one that was moved was moved for one image
        row=RESULT,
        hint="With kept probabilities, the last result follows at once.",
        gt=0.0,
        lt=1.0,
    )

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, given: Any) -> Any:
        return with_present_names(cls, given)
