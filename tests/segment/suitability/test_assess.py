"""Whether a model may fit an image."""

import numpy as np
import pytest

import napari_unet as nu
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import Cancelled
from napari_unet.progress import Control
from napari_unet.scans.samples.samples import nuclei_2d

CPU = nu.SegmentSettings(device="cpu")


def test_the_model_of_nuclei_fits_drawn_nuclei_and_not_their_negative() -> None:
    image = np.asarray(nuclei_2d().scan.data)
    model = nu.load_model("nuclei-2d")
    assert nu.assess_fit(image, model, settings=CPU).fits
    negative = nu.assess_fit(image.max() - image, model, settings=CPU)
    assert not negative.fits
    assert "for nucleus" in negative.sentence


def test_nothing_is_found_in_a_constant_image() -> None:
    advice = nu.assess_fit(np.full((64, 64), 7), nu.load_model("nuclei-2d"), settings=CPU)
    assert advice.sentence == (
        "This model may not fit this image: it finds nothing in this part of it."
    )


def test_volumes_and_several_channels_are_assessed_too() -> None:
    solid = nu.assess_fit(smooth_image((12, 16, 16)), tiny_model(tiny_spec(3, depth=1)))
    assert sum(solid.signs.classes) == pytest.approx(1)
    image = np.stack([smooth_image((32, 32)), smooth_image((32, 32), 1)])
    both = nu.assess_fit(image, tiny_model(tiny_spec(channels=2)), axes="cyx")
    assert sum(both.signs.classes) == pytest.approx(1)


@pytest.mark.parametrize("answer", [Control.CANCEL, Control.STOP])
def test_it_is_cancelled_at_once(answer: Control) -> None:
    with pytest.raises(Cancelled):
        nu.assess_fit(
            smooth_image((32, 32)), tiny_model(tiny_spec()), settings=CPU, control=lambda: answer
        )
