"""What can be chosen about a segmentation: one object for the form, the command line and the
record.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_unet.segment.engine.kinds import Precision


class SegmentSettings(BaseModel):
    """Settings of a segmentation; every field is an option of the same name on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field(
        "auto",
        title="Device",
        description="Where the network runs: auto, cpu, cuda or mps.",
        max_length=20,
    )
    engine: Literal["auto", "torch", "openvino"] = Field(
        "auto",
        title="Engine",
        description="What runs the network: torch, openvino (on the processor, where it is installed), or auto, which takes the faster.",
    )
    tile_px: int | None = Field(
        None,
        ge=16,
        le=8192,
        title="Tile size",
        description="Side of a tile without its halo, in pixels; chosen to fit when not given.",
    )
    halo: Literal["auto", "exact", "measured"] = Field(
        "auto",
        title="Context",
        description="Context around a tile: exact, measured (less, as found when the model was trained: about one label of ten "
        "thousand may differ), or auto, which takes measured where exact costs more than half as much again.",
    )
    resample: bool = Field(
        True,
        title="Match pixel size",
        description="Resample to the pixel size the model was trained at, where both are known.",
    )
    empty_borders: bool = Field(
        True,
        title="Leave out empty borders",
        description="Find borders that hold no image, such as a band of zeros; they are background "
        "and no part of the contrast.",
    )
    threshold: float | None = Field(
        None,
        gt=0.0,
        lt=1.0,
        title="Threshold",
        description="For two classes: the probability above which a pixel is foreground; the model's own when not given.",
    )
    keep_probabilities: bool = Field(
        False,
        title="Keep probabilities",
        description="Keep the probability of each class as an image too.",
    )
    precision: Precision = Field(
        "float32",
        title="Precision",
        description="Number format of the computation: float32, or half, which is faster on graphics cards and on newer processors; "
        "about one label of a thousand may differ.",
    )
