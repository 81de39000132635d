import numpy as np
import pytest

from napari_unet.learn.data.corrections import PAINTED
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.setup.object_size import UNKNOWN_PX, object_diameter_px, object_diameters_px
from napari_unet.scans.scan import scan_of


def discs(diameter: float, side: int = 200, aspect: float = 1.0) -> np.ndarray:
    """Discs of one size in a grid, in pixels `aspect` times as high as wide."""
    rows, columns = np.mgrid[:side, :side]
    step = int(2 * diameter)
    return (
        np.hypot((rows * aspect) % step - step / 2, columns % step - step / 2) <= diameter / 2
    ).astype(np.uint8)


def item(
    labels: np.ndarray, trust: np.ndarray | None = None, spacing: tuple[float, ...] | None = None
) -> TrainItem:
    return TrainItem(
        scan_of(np.zeros(labels.shape, np.uint8), axes="zyx"[-labels.ndim :], spacing=spacing),
        labels,
        trust,
    )


@pytest.mark.parametrize("diameter", [10, 20, 40])
def test_discs_have_their_diameter(diameter: int) -> None:
    assert object_diameter_px(item(discs(diameter))) == pytest.approx(diameter, rel=0.1)


def test_pixels_need_not_be_square() -> None:
    assert object_diameter_px(item(discs(24, aspect=2.0), spacing=(2.0, 1.0))) == pytest.approx(
        24, rel=0.1
    )


def test_each_class_has_its_own_and_the_largest_counts() -> None:
    labels = np.stack([discs(10), discs(40) * 2])
    assert object_diameters_px(item(labels)) == {
        1: pytest.approx(10, rel=0.1),
        2: pytest.approx(40, rel=0.1),
    }
    assert object_diameter_px(item(labels)) == pytest.approx(40, rel=0.1)


def test_specks_count_little() -> None:
    labels = discs(40)
    labels[::20, ::20] = 1
    labels[1::20, ::20] = 1
    assert object_diameter_px(item(labels)) == pytest.approx(40, rel=0.15)


def test_a_web_is_as_large_as_its_threads_suggest() -> None:
    labels = np.zeros((300, 300), np.uint8)
    labels[::30], labels[:, ::30] = 1, 1
    labels[1::30], labels[:, 1::30] = 1, 1
    assert 4 < object_diameter_px(item(labels)) < 60


def test_objects_cut_by_the_edge_of_the_trust_do_not_count_where_others_do() -> None:
    labels = discs(20)
    trust = np.zeros((200, 200), np.uint8)
    trust[:, :90] = PAINTED
    trust[:, 130:] = PAINTED
    assert object_diameter_px(item(labels, trust)) == pytest.approx(20, rel=0.1)
    stroke = np.zeros((200, 200), np.uint8)
    stroke[20:30, 10:60] = PAINTED
    assert 1 < object_diameter_px(item(labels, stroke)) < 20
    assert object_diameter_px(item(labels * 0, stroke)) == UNKNOWN_PX
    assert object_diameter_px(item(labels, stroke * 0)) == UNKNOWN_PX


def test_of_a_large_slice_a_part_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_unet.learn.setup.object_size.MEASURED_PX", 100)
    assert object_diameter_px(item(discs(20))) == pytest.approx(20, rel=0.15)
