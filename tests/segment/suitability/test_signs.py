"""What a model shows of itself on a part."""

import numpy as np
import pytest

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.model.head import Head
from napari_unet.model.model import Model
from napari_unet.progress import always_continue
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.suitability.part import read_part
from napari_unet.segment.suitability.signs import Signs, certainty_of, found_otherwise, signs_of

CPU = SegmentSettings(device="cpu", engine="torch")
THREE = tiny_model(tiny_spec(classes=3))


def signs(model: Model, scan: Scan) -> Signs:
    part = read_part(scan, model.spec, CPU, None, always_continue)
    return signs_of(model, part, CPU, TorchEngine(model.network), always_continue)


@pytest.mark.parametrize("classes", [2, 3])
def test_shares_of_classes_are_those_of_a_segmentation(classes: int) -> None:
    model = tiny_model(tiny_spec(classes=classes))
    image = smooth_image((40, 56))
    shares = (
        np.bincount(segment(image, model, settings=CPU).ravel(), minlength=classes) / image.size
    )
    assert signs(model, scan_of(image)).classes == pytest.approx(tuple(shares))


def test_no_data_is_no_part_of_the_shares() -> None:
    image = smooth_image((64, 64)) + 1
    wide = np.zeros((64, 128), np.float32)
    wide[:, :64] = image
    found = signs(THREE, scan_of(wide))
    assert sum(found.classes) == pytest.approx(1)
    assert found.classes[0] < 0.6  # 0.5 of it has no image


def test_a_network_that_sees_left_and_right_alike_finds_the_same_in_mirrored_copies() -> None:
    model = tiny_model(tiny_spec(depth=0))
    image = smooth_image((32, 32))
    even = (image + image[::-1]) / 2
    even = (even + even[:, ::-1]) / 2
    assert signs(model, scan_of(even)).mirrored < 1  # labels of the copies are turned back
    rows = np.repeat(smooth_image((32, 32))[:, :1], 32, axis=1)
    one_axis = signs(model, scan_of(rows))
    assert one_axis.mirrored > 0  # a random network does not see up and down alike


def test_what_is_found_alike_in_both() -> None:
    labels = np.array([0, 1, 1, 2])
    assert found_otherwise(labels, labels) == 0
    assert found_otherwise(labels, np.array([0, 1, 1, 1])) == pytest.approx(1 / 3)
    assert found_otherwise(labels, np.zeros(4, int)) == 1
    assert found_otherwise(np.zeros(4, int), np.zeros(4, int)) == 0


def test_certainty_is_that_of_the_likeliest_answer() -> None:
    softmax = certainty_of(np.array([[0.1, 0.4], [0.7, 0.35], [0.2, 0.25]]), Head("softmax", 3))
    assert softmax == pytest.approx([0.7, 0.4])
    sigmoid = certainty_of(np.array([[0.1, 0.6]]), Head("sigmoid", 1))
    assert sigmoid == pytest.approx([0.9, 0.6])
    several = certainty_of(np.array([[0.1, 0.6], [0.95, 0.99]]), Head("independent", 2))
    assert several == pytest.approx([0.9, 0.6])
