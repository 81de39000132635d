"""What the user should know of the images and labels of a training."""

from collections.abc import Sequence

from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.data.normalised import NormalisedScan
from napari_unet.model.spec import ModelSpec
from napari_unet.segment.statistics.frame import empty_sentence
from napari_unet.words import pixel_size

NOT_FINITE = "{} is NaN, infinite or too large for float32; labels there were not used."
LEAST_SHARE = 5e-4  # that is not shown as 0.0 %
SIZE_UNKNOWN = "Its pixel size is unknown, and was taken to be the model's, {}."
NOT_USED = "Labels where there is no image were not used."
SWITCH = "The setting empty_borders makes such borders part of the image."


def notes_of_items(
    items: Sequence[TrainItem], normalised: Sequence[NormalisedScan], spec: ModelSpec
) -> tuple[str, ...]:
    """Sentences about the files, the voxel sizes, and what was left out of each scan, each once."""
    found: list[str] = []
    for number, (item, scan) in enumerate(zip(items, normalised, strict=True), 1):
        name = item.name or (f"Image {number}" if len(items) > 1 else "")
        more = _about_scan(scan, spec)
        found += [*item.scan.named_notes(name), *item.notes]
        found += [f"{name}: {sentence}" if name else sentence for sentence in more]
    return tuple(dict.fromkeys(found))


def _about_scan(normalised: NormalisedScan, spec: ModelSpec) -> list[str]:
    sentences = []
    if spec.spacing is not None and not normalised.scan.spacing_known:
        sentences.append(SIZE_UNKNOWN.format(pixel_size(spec.spacing.size, spec.spacing.unit)))
    share = max((frame.nonfinite_share for frame in normalised.known), default=0.0)
    if share:
        shown = f"{share:.1%}" if share >= LEAST_SHARE else "Less than 0.1%"
        sentences.append(NOT_FINITE.format(shown))
    if empty := empty_sentence(normalised.known):
        not_used = NOT_USED if any(frame.no_data for frame in normalised.known) else ""
        sentences.append(" ".join(part for part in (empty, not_used, SWITCH) if part))
    return sentences
