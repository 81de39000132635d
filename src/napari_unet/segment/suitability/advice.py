"""What the signs of a model on a part of an image mean: whether it may suit the image. No torch.

docs/decisions/0015-does-a-model-fit.md says how the thresholds were chosen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_unet.segment.suitability.signs import Signs

LEAST_FOUND = 1e-3  # of the part
MOST_OF_ONE_CLASS = 0.5  # of the part, by a class that is not background
MOST_UNSURE = 0.5  # of what is found
MOST_MIRRORED = 0.06  # of what is found


@dataclass(frozen=True)
class Advice:
    """Whether a model seems to fit an image, in a `sentence`, and the signs that say so."""

    fits: bool
    sentence: str
    signs: "Signs"

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {"fits": self.fits, "sentence": self.sentence, **asdict(self.signs)}


def advice_of(signs: "Signs", class_names: Sequence[str]) -> Advice:
    """The advice that follows from signs; `class_names` are those of the model."""
    doubts = list(_doubts(signs, class_names))
    if doubts:
        return Advice(False, f"This model may not fit this image: {doubts[0]}.", signs)
    share = f"{1 - signs.unsure:.0%}"
    return Advice(True, f"This model seems to fit: it is sure of {share} of what it finds.", signs)


def _doubts(signs: "Signs", class_names: Sequence[str]) -> Iterator[str]:
    """Why the model may not fit, the plainest reason first."""
    if signs.found < LEAST_FOUND:
        yield "it finds nothing in this part of it"
    for name, share in list(zip(class_names, signs.classes, strict=True))[1:]:
        if share > MOST_OF_ONE_CLASS:
            yield f"it takes {share:.0%} of this part for {name}"
    if signs.unsure > MOST_UNSURE:
        yield f"it is unsure of {signs.unsure:.0%} of what it finds"
    if signs.mirrored > MOST_MIRRORED:
        yield f"in a mirrored copy it finds {signs.mirrored:.0%} of that otherwise"
