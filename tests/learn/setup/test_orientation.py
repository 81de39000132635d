import numpy as np
import pytest

from napari_unet.errors import SettingsError
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.orientation import oriented_axes, sentence_of, with_orientation
from napari_unet.scans.scan import scan_of


def organ(rng: np.random.Generator, turned: bool = False, part: float = 0.7) -> np.ndarray:
    """A class at the top and one below it, anywhere from left to right; upside down if `turned`."""
    labels = np.zeros((40, 60), np.uint8)
    left = int(rng.integers(0, 41))
    labels[3:18, left : left + 20] = 1
    labels[int(40 * part) : 38, left : left + 20] = 2
    return labels[::-1] if turned else labels


def items(labels: list[np.ndarray], trust: int | None = None) -> list[TrainItem]:
    masks = [None if trust is None else np.full(each.shape, trust, np.uint8) for each in labels]
    return [
        TrainItem(scan_of(np.zeros(each.shape, np.float32)), each, mask)
        for each, mask in zip(labels, masks, strict=True)
    ]


def test_only_the_axis_along_which_all_scans_lie_the_same_way_is_found() -> None:
    rng = np.random.default_rng(0)
    assert oriented_axes(items([organ(rng) for _ in range(12)]), 2) == (True, False)


def test_nothing_is_found_in_scans_that_lie_any_way_or_are_too_few_or_only_painted() -> None:
    rng = np.random.default_rng(0)
    assert oriented_axes(items([organ(rng, turned=n % 2 == 0) for n in range(20)]), 2) == (
        False,
        False,
    )
    assert oriented_axes(items([organ(rng) for _ in range(7)]), 2) == (False, False)
    assert oriented_axes(items([organ(rng) for _ in range(12)], trust=1), 2) == (False, False)
    assert oriented_axes(items([organ(rng) for _ in range(12)], trust=2), 2) == (True, False)


def test_a_volume_is_one_scan_however_many_slices_it_has() -> None:
    rng = np.random.default_rng(0)
    images = [scan_of(np.zeros((12, 40, 60), np.float32), axes="zyx") for _ in range(12)]
    stacks = [TrainItem(image, np.stack([organ(rng) for _ in range(12)])) for image in images]
    assert oriented_axes(stacks[:1], 2) == (False, False)
    assert oriented_axes(stacks, 2) == (True, False)
    assert oriented_axes(stacks, 3) == (False, True, False)


def test_many_labels_of_one_scan_are_one_scan() -> None:
    rng = np.random.default_rng(0)
    image = scan_of(np.zeros((40, 60), np.float32))
    assert oriented_axes([TrainItem(image, organ(rng)) for _ in range(12)], 2) == (False, False)


def test_large_frames_are_thinned_without_moving_their_centres() -> None:
    rng = np.random.default_rng(0)
    assert oriented_axes(
        items([np.kron(organ(rng), np.ones((20, 20), np.uint8)) for _ in range(12)]), 2
    ) == (True, False)


def test_what_is_given_counts_and_a_parent_knows_what_few_scans_can_not_tell() -> None:
    few = items([organ(np.random.default_rng(0))])
    parent = {"settings": {"oriented": [False, True]}}
    assert with_orientation(TrainSettings(), few, 2, {}).oriented == (False, False)
    assert with_orientation(TrainSettings(), few, 2, parent).oriented == (False, True)
    assert with_orientation(TrainSettings(oriented=(True, False)), few, 2, parent).oriented == (
        True,
        False,
    )
    many = items([organ(np.random.default_rng(n), turned=n % 2 == 0) for n in range(16)])
    assert with_orientation(TrainSettings(), many, 2, parent).oriented == (False, False)
    with pytest.raises(SettingsError, match="Oriented axes are 3, but the network works in 2D"):
        with_orientation(TrainSettings(oriented=(True, False, True)), few, 2, {})


@pytest.mark.parametrize(
    "training",
    [{"settings": 3}, {"settings": {"oriented": "yes"}}, {"settings": {"oriented": [True]}}],
)
def test_nonsense_in_a_model_file_is_no_orientation(training: dict[str, object]) -> None:
    assert with_orientation(
        TrainSettings(), items([organ(np.random.default_rng(0))]), 2, training
    ).oriented == (False, False)


def test_it_is_reported_where_nothing_was_mirrored() -> None:
    sentence = sentence_of(TrainSettings(oriented=(True, False, True)), "zyx")
    assert "Along z and x all scans lie the same way" in sentence
    assert sentence_of(TrainSettings(oriented=(False, False)), "yx") == ""
    assert sentence_of(TrainSettings(), "yx") == ""
