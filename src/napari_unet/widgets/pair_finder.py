"""Which image belongs to which labels, from what is known of the layers alone."""

from collections.abc import Collection, Sequence

from napari_unet.widgets.records import LabelsFacts, LayerFacts


def likely_labels(labels: Sequence[LabelsFacts], images: Sequence[LayerFacts], used: Collection[int] = ()) -> LabelsFacts | None:
    """The labels that are most likely to be learnt from: a shown result first, then what is shown, then the newest."""
    free = [fact for fact in labels if fact.key not in used and likely_image(fact, images) is not None]
    return max(enumerate(free), key=lambda item: (*_merit(item[1]), item[0]), default=(0, None))[1]


def likely_image(labels: LabelsFacts, images: Sequence[LayerFacts]) -> LayerFacts | None:
    """The image that the labels were made from; else the last one of the same shape, best of a similar name."""
    if labels.source is not None:
        for fact in images:
            if fact.key in labels.source.layers:
                return fact
    fitting = [fact for fact in images if fits(fact, labels)]
    return max(enumerate(fitting), key=lambda item: (labels.name.startswith(item[1].name), item[0]), default=(0, None))[1]


def fits(image: LayerFacts, labels: LabelsFacts) -> bool:
    """Whether the shapes agree, a channel axis and colours left aside."""
    shape = image.shape[:-1] if image.rgb else image.shape
    if shape == labels.shape:
        return True
    without_one = [(*shape[:axis], *shape[axis + 1 :]) for axis in range(len(shape) - 2)]
    return labels.shape in without_one


def _merit(labels: LabelsFacts) -> tuple[bool, bool]:
    return labels.visible, labels.source is not None
