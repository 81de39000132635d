"""All that is chosen in the Segment dock: the settings, and what only a window has."""

from pathlib import Path
from typing import ClassVar

from napari_unet.segment.settings import RESULT, SegmentSettings
from napari_unet.segment.settings_fields import setting
from napari_unet.widgets.viewer.preferences import RememberedChoices

PART = "part"  # a group of the dock's options: how much of the image is segmented
NOT_COMPUTED = "the rest of the result stays marked as not computed."


class SegmentChoices(SegmentSettings, RememberedChoices):
    """The settings of a segmentation, and how much of the image it takes, by which model, and in
    which file its result is kept.
    """

    section: ClassVar[str] = "segment"

    model: str = setting(
        "nuclei-2d",
        "Model",
        "Name of the model, or the path of a model file, that is chosen when the dock opens.",
        remembered=True,
    )
    current_slice_only: bool = setting(
        False,
        "Current slice only",
        f"Segment only the slice (or time point) that is shown now; {NOT_COMPUTED}",
        remembered=True,
        row=PART,
    )
    region_in_view_only: bool = setting(
        False,
        "Visible region only",
        f"Segment only what the canvas shows now; {NOT_COMPUTED}",
        remembered=True,
        row=PART,
    )
    keep_in: str = setting(
        "",
        "Keep in",
        "A file that takes the labels of the model while they are made, with coarser levels for "
        "fast viewing (OME-Zarr). A run that was stopped, or ended by a crash, resumes from there "
        "with the same choices. Empty: the result is in the window alone, until you save it.",
        remembered=True,
        row=RESULT,
    )

    @property
    def settings(self) -> SegmentSettings:
        """The settings of the segmentation itself."""
        return SegmentSettings.model_validate(
            {name: getattr(self, name) for name in SegmentSettings.model_fields}
        )

    @property
    def file(self) -> Path | None:
        """The path that was given for the result, if any, with ~ resolved."""
        if not self.keep_in:
            return None
        path = Path(self.keep_in)
        try:
            return path.expanduser()
        except RuntimeError:  # ~ of a user that there is not: it is a name like others
            return path


def title_of(name: str) -> str:
    """What a choice is called in the dock."""
    return SegmentChoices.model_fields[name].title or name
