"""How training patches are varied. pydantic alone."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from napari_unet.segment.settings_fields import setting

FINE_TUNING_AUGMENT = {"warped_share": 0.75, "contrast": 1.5, "brightness": 0.15, "noise": 0.08}


class AugmentSettings(BaseModel):
    """How strongly patches are varied; every number is the far end of a range."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flips: bool = setting(True, "Flips", "Mirror along every axis at random.")
    warped_share: float = setting(
        0.25,
        "Warped share",
        "Share of patches turned, scaled and bent; the others are mirrored and turned by quarters.",
        ge=0,
        le=1,
    )
    rotation_deg: float = setting(
        180.0, "Rotation", "Largest turn in the plane, in degrees.", ge=0, le=180
    )
    scale: float = setting(
        1.4, "Scaling", "Largest factor by which objects grow or shrink.", ge=1, le=4
    )
    shear: float = setting(0.1, "Shear", "Largest shear, as a slope.", ge=0, le=1)
    elastic_px: float = setting(
        4.0,
        "Elastic deformation",
        "Largest standard deviation of the displacement, in pixels.",
        ge=0,
        le=40,
    )
    elastic_grid_px: int = setting(
        32, "Elastic grid", "Distance of the displaced points, in pixels.", ge=4, le=256
    )
    contrast: float = setting(2.0, "Contrast", "Largest factor on the intensities.", ge=1, le=8)
    brightness: float = setting(
        0.3,
        "Brightness",
        "Largest shift of the intensities, in units of the range.",
        ge=0,
        le=2,
    )
    gamma: float = setting(1.5, "Gamma", "Largest exponent on the intensities.", ge=1, le=4)
    noise: float = setting(
        0.15,
        "Noise",
        "Largest standard deviation of added noise, in units of the range.",
        ge=0,
        le=2,
    )
    blur_px: float = setting(
        1.5, "Blur", "Largest standard deviation of a Gaussian blur, in pixels.", ge=0, le=10
    )

    def for_fine_tuning(self) -> Self:
        """The same with what is left at its default as a fine-tune wants it: a network that knows
        fine structures can take more warps.
        """
        usual = {name: type(self).model_fields[name].default for name in FINE_TUNING_AUGMENT}
        return self.model_copy(
            update={
                name: value
                for name, value in FINE_TUNING_AUGMENT.items()
                if getattr(self, name) == usual[name]
            }
        )
