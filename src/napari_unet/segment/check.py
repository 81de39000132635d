"""Whether a model fits a scan, and what the user should know, before anything runs. No torch."""

from napari_unet.errors import ScanError
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.channels import describe_channels
from napari_unet.scans.resample import convert, differs
from napari_unet.scans.scan import Scan
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tasks.registry import task_of
from napari_unet.words import pixel_size

MOST_FACTOR = 32  # by which the pixel sizes of a scan and its model may differ


def check_fit(spec: ModelSpec, scan: Scan) -> None:
    """Raise `ScanError` with one sentence if the model can not be run on the scan."""
    task_of(spec)  # refuses a model whose task can not be done
    scan.frame_axes(spec.architecture.dimensions)
    wanted = len(spec.channels)
    found = scan.channels
    if wanted != found:
        hint = f"choose {_count(wanted)}"
        if wanted > found:
            hint = f"choose one layer for each of {', '.join(spec.channels)}"
        has = str(found) if scan.rgb or found == 1 else describe_channels(scan)
        raise ScanError(
            f"The model {spec.name} needs {_count(wanted)}, the image has {has}: {hint} "
            "(--channel, on the command line), or say which axis the channels are."
        )


def check_spacing(spec: ModelSpec, scan: Scan, settings: SegmentSettings) -> None:
    """Raise `ScanError` if the scan would be resampled by an absurd factor: then its spacing, or
    the unit of that, is most likely wrong.
    """
    size = wanted_spacing(spec, scan, settings)
    own = scan.frame_spacing(spec.architecture.dimensions)
    if size is not None and any(
        not 1 / MOST_FACTOR <= mine / target <= MOST_FACTOR
        for mine, target in zip(own, size, strict=True)
    ):
        raise ScanError(
            f"The image has {pixel_size(own, scan.unit)} per pixel, the model {spec.name} was "
            f"trained at {pixel_size(size, scan.unit)}: too far apart to be resampled. Correct "
            "the pixel size, or switch matching it off."
        )


def wanted_spacing(
    spec: ModelSpec, scan: Scan, settings: SegmentSettings
) -> tuple[float, ...] | None:
    """The spacing to resample to, in the scan's unit; None if the scan's own grid is used."""
    if not settings.resample or spec.spacing is None or not scan.spacing_known:
        return None
    size = convert(spec.spacing.size, spec.spacing.unit, scan.unit)
    own = scan.frame_spacing(spec.architecture.dimensions)
    return size if size is not None and differs(own, size) else None


def notes(spec: ModelSpec, scan: Scan, settings: SegmentSettings) -> list[str]:
    """What the user should know of a run, one sentence each."""
    sentences = list(scan.all_notes)
    if scan.rgb:
        sentences.append("The image is in colour; its luminance is segmented.")
    if (size := wanted_spacing(spec, scan, settings)) is not None:
        own = scan.frame_spacing(spec.architecture.dimensions)
        sentences.append(
            f"Resampled from {pixel_size(own)} to the model's {pixel_size(size, scan.unit)} "
            "per pixel."
        )
    if spec.architecture.norm == "instance":
        sentences.append(
            "This model normalises by instance; in a large image, by a sample of it, which is the "
            "same for all tiles."
        )
    return sentences


def _count(channels: int) -> str:
    return "one channel" if channels == 1 else f"{channels} channels"
