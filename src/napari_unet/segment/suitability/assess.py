"""Whether a model may suit an image, from a small part of it."""

from collections.abc import Sequence
from typing import Any

from napari_unet.errors import Cancelled
from napari_unet.model.model import Model
from napari_unet.progress import GetControl, Stopped, always_continue, heed
from napari_unet.scans.channels import Choice, pick_channels
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.suitability.advice import Advice, advice_of
from napari_unet.segment.suitability.part import ScanPart, read_part
from napari_unet.segment.suitability.signs import signs_of
from napari_unet.segment.tiles.queue import Focus

# the model runs a moment only, for which compiling it by another engine would not pay
QUICK = {"engine": "torch", "precision": "float32", "tile_px": None, "halo": "auto"}
HALF = "Stopped; half of an answer is none."


def assess_fit(
    image: Any,
    model: Model,
    *,
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
    channel: Choice | Sequence[Choice] | None = None,
    view: Focus | None = None,
    settings: SegmentSettings | None = None,
    control: GetControl = always_continue,
) -> Advice:
    """Say whether a model may suit an image, from what it makes of a part of it.

    Parameters
    ----------
    image, axes, spacing, channel
        As `segment` takes them.
    model : Model
        As `load_model` gives it.
    view : Focus, optional
        The frame, and the point in it, around which the part lies; the middle when not given.
    settings : SegmentSettings, optional
        Device, resampling and empty borders; the engine is PyTorch.
    control : callable, optional
        Called for what the user wants, a `Control`.

    Returns
    -------
    advice : Advice
        `fits`, one `sentence`, and the `signs`, shares that these follow from. It is a guess, by
        thresholds that were chosen on few images: nothing refuses to run because of it.

    Raises
    ------
    ScanError
        The model can not be run on the image at all.
    DeviceError, NotEnoughMemoryError
        It can not be run on the device.
    Cancelled
        `control` answered CANCEL or STOP: a part of the signs is none.
    """
    grey = len(model.spec.channels) == 1
    scan = image if isinstance(image, Scan) else scan_of(image, axes, spacing, grey=grey)
    scan = pick_channels(scan, channel)
    chosen = settings or SegmentSettings()
    try:
        part = read_part(scan, model.spec, chosen, view, control)
    except Stopped as stopped:
        raise Cancelled(HALF) from stopped
    return assess_part(model, part, chosen, control)


def assess_part(
    model: Model,
    part: ScanPart,
    settings: SegmentSettings,
    control: GetControl = always_continue,
) -> Advice:
    """The same of a part that was read before."""
    quick = settings.model_copy(update=QUICK)
    try:
        found = signs_of(model, part, quick, make_engine(model, quick), control)
        heed(control)  # a stream that is stopped ends without an error
    except Stopped as stopped:
        raise Cancelled(HALF) from stopped
    return advice_of(found, [item.name for item in model.spec.classes])
