"""What signs are taken for."""

import pytest

from napari_unet.segment.suitability.advice import advice_of
from napari_unet.segment.suitability.signs import Signs

NAMES = ("background", "axon", "myelin")
GOOD = Signs(classes=(0.5, 0.2, 0.3), unsure=0.1, mirrored=0.01)


def test_a_model_that_is_sure_and_finds_several_classes_fits() -> None:
    advice = advice_of(GOOD, NAMES)
    assert advice.fits
    assert advice.sentence == "This model seems to fit: it is sure of 90% of what it finds."


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        (Signs((1.0, 0.0, 0.0), 0.0, 0.0), "it finds nothing in this part of it"),
        (Signs((0.1, 0.0, 0.9), 0.1, 0.01), "it takes 90% of this part for myelin"),
        (Signs((0.5, 0.2, 0.3), 0.74, 0.01), "it is unsure of 74% of what it finds"),
        (Signs((0.5, 0.2, 0.3), 0.1, 0.2), "in a mirrored copy it finds 20% of that otherwise"),
    ],
)
def test_each_sign_alone_is_a_doubt_with_its_reason(signs: Signs, reason: str) -> None:
    advice = advice_of(signs, NAMES)
    assert not advice.fits
    assert advice.sentence == f"This model may not fit this image: {reason}."


def test_a_background_that_covers_nearly_all_is_no_doubt() -> None:
    assert advice_of(Signs((0.98, 0.02, 0.0), 0.1, 0.01), NAMES).fits
