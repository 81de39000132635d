import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import (
    PAINTED,
    REVIEWED,
    UNTRUSTED,
    Corrections,
    check_classes,
    checked,
    label_counts,
    summary,
    trust_of_changes,
)
from napari_unet.scans.scan import Scan

NAMES = ("background", "axon", "myelin")
SHAPE = (3, 8, 10)


def scan(image: np.ndarray | None = None, axes: str = "zyx") -> Scan:
    return Scan(
        np.zeros(SHAPE, np.float32) if image is None else image,
        axes,
        (1.0,) * len(axes.replace("c", "")),
    )


def two_classes() -> np.ndarray:
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, :4] = 1
    return labels


def bits(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(SHAPE) < 0.3


def test_a_label_that_changed_was_painted():
    before = np.array([0, 0, 1, 1])
    labels = np.array([0, 1, 1, 0])
    trust = trust_of_changes(labels, before)
    assert trust.tolist() == [UNTRUSTED, PAINTED, UNTRUSTED, PAINTED]
    assert trust.dtype == np.uint8


def test_the_line_counts_slices_voxels_and_classes():
    labels = np.zeros((5, 200, 300), np.uint8)
    labels[1:4, :100] = 2
    labels[2, :, :7] = 1
    trust = np.zeros_like(labels)
    trust[1:4, :60] = PAINTED
    assert (
        summary(Corrections(labels, trust), "zyx", NAMES)
        == "3 slices, 54,000 voxels, classes axon, myelin"
    )


def test_large_layers_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("napari_unet.learn.data.corrections.COUNTED_AT_ONCE", 20)
    monkeypatch.setattr(
        np,
        "bincount",
        lambda values, minlength, count=np.bincount: count(
            values[: 20 * (len(values) <= 20)], None, minlength
        ),
    )
    labels = two_classes()
    trust = bits(2).astype(np.uint8)
    wanted = [int(((labels == label) & (trust > 0)).sum()) for label in range(2)]
    assert label_counts(Corrections(labels, trust))[:2].tolist() == wanted


@pytest.mark.parametrize(
    ("label", "trusted", "line"),
    [
        (0, 5, "5 pixels, background only"),
        (1, 1, "1 pixel, class axon"),
        (7, 2, "2 pixels, class label 7"),
        (1, 0, "nothing trusted yet"),
    ],
)
def test_the_line_of_a_single_slice(label, trusted, line):
    trust = np.zeros((4, 5), np.uint8)
    trust.flat[:trusted] = REVIEWED
    assert summary(Corrections(np.full((4, 5), label, np.uint8), trust), "yx", NAMES) == line


def test_slices_are_counted_along_the_axes_that_are_not_of_a_slice():
    trust = np.zeros((6, 5, 4), np.uint8)
    trust[:, :, 1] = PAINTED
    assert summary(Corrections(np.ones_like(trust), trust), "yxz", NAMES).startswith(
        "1 slice, 30 voxels"
    )


def test_labels_without_a_mask_are_all_reviewed():
    found = checked(scan(), two_classes().astype(np.int64), None, NAMES)
    assert (found.trust == REVIEWED).all()
    assert found.labels.dtype == np.uint8
    np.testing.assert_array_equal(found.labels, two_classes())


def test_booleans_are_two_classes():
    assert checked(scan(), two_classes().astype(bool), None, NAMES).labels.max() == 1


def test_labels_that_are_not_trusted_may_be_anything():
    labels = two_classes().astype(np.int32)
    labels[2] = 4000
    trust = np.zeros(SHAPE, np.uint8)
    trust[0] = PAINTED
    found = checked(scan(), labels, trust, NAMES)
    assert not found.labels[2].any()
    np.testing.assert_array_equal(found.labels[0], labels[0])


def test_labels_of_another_shape():
    with pytest.raises(ScanError, match=r"shape \(8, 10\), the image \(3, 8, 10\)"):
        checked(scan(), np.zeros((8, 10), np.uint8), None, NAMES)


def test_a_mask_of_another_shape():
    with pytest.raises(ScanError, match="trust mask has the shape"):
        checked(scan(), two_classes(), np.ones((8, 10), np.uint8), NAMES)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64, str])
def test_labels_that_are_not_whole_numbers(dtype):
    with pytest.raises(ScanError, match="expected whole numbers"):
        checked(scan(), two_classes().astype(dtype), None, NAMES)


@pytest.mark.parametrize("mask", [np.full(SHAPE, 255, np.uint8), np.full(SHAPE, -1)])
def test_a_mask_with_values_of_no_meaning(mask):
    with pytest.raises(
        ScanError, match=r"expected 0 \(not trusted\), 1 \(painted\) and 2 \(reviewed\)"
    ):
        checked(scan(), two_classes(), mask, NAMES)


def test_nothing_trusted():
    with pytest.raises(ScanError, match="Nothing is trusted yet"):
        checked(scan(), two_classes(), np.zeros(SHAPE, np.uint8), NAMES)


@pytest.mark.parametrize(
    ("label", "words"),
    [(3, "up to 3, but there are 3 classes"), (300, "up to 300"), (-2, "down to -2")],
)
def test_trusted_labels_beyond_the_classes(label, words):
    labels = two_classes().astype(np.int32)
    labels[1, 2, 3] = label
    with pytest.raises(ScanError, match=words):
        checked(scan(), labels, None, NAMES)


def test_one_class_only_of_all_images_together():
    ones = checked(scan(), np.ones(SHAPE, np.uint8), None, NAMES)
    zeros = checked(scan(), np.zeros(SHAPE, np.uint8), None, NAMES)
    with pytest.raises(ScanError, match="of one class, axon"):
        check_classes([ones, ones], NAMES)
    with pytest.raises(ScanError, match="of one class, background"):
        check_classes([zeros], NAMES)
    check_classes([ones, zeros], NAMES)


cubes = arrays(np.uint8, (4, 5), elements=st.integers(0, 2))
