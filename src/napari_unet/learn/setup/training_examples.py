"""What one training learns from: trusted voxels that are not held out, and what a guard needs."""

from dataclasses import replace

from napari_unet.learn.data.example import Example
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.forgetting.drawn_images import drawn_images, most_informative
from napari_unet.learn.forgetting.parent_targets import extent_for, with_parent_targets
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.prepare import Prepared
from napari_unet.model.model import Model
from napari_unet.progress import GetControl


def training_examples(
    prepared: Prepared, settings: TrainSettings, control: GetControl
) -> list[Example]:
    """Trusted voxels that are neither held out nor in a margin; where there is a guard, with the
    parent's targets, and with drawn images.
    """
    chosen = settings.chosen_for(fine_tuning=True)
    parent = prepared.start if chosen.guard_outputs else None
    # how much the parent's targets count on the user's own scans
    own_weight = chosen.guard_untrusted if parent is not None else 0.0
    own = _own_examples(prepared, settings, guarded=bool(own_weight))
    if parent is None:
        return own
    if own_weight:
        guarded = with_parent_targets(own, parent, chosen.device, control)
        own = [replace(each, target_weight=own_weight) for each in guarded]
    else:
        own = [replace(each, parent_targets=None) for each in own]
    return own + _drawn_examples(prepared, chosen, parent, control)


def _own_examples(prepared: Prepared, settings: TrainSettings, *, guarded: bool) -> list[Example]:
    spec = prepared.spec
    dimensions = spec.architecture.dimensions
    extent = extent_for(settings, prepared.items, dimensions, guarded=guarded)
    return [
        example
        for number, item in enumerate(prepared.items)
        for example in examples_of(
            item.scan,
            item.labels,
            spec,
            item.trust,
            excluded=prepared.held.excluded_of(number),
            extent=extent,
            normalised=prepared.normalised[number],
        )
    ]


def _drawn_examples(
    prepared: Prepared, settings: TrainSettings, parent: Model, control: GetControl
) -> list[Example]:
    count = settings.guard_drawn_images or 0
    drawn = drawn_images(prepared.spec, count, settings.seed)
    return most_informative(with_parent_targets(drawn, parent, settings.device, control), count)
