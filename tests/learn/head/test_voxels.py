import numpy as np
import pytest

from napari_unet.learn.data.example import Example
from napari_unet.learn.head.voxels import Voxels, chosen_voxels

NOTHING = 255


def example_of(labels: np.ndarray) -> Example:
    return Example(np.zeros((1, *labels.shape), np.float32), labels.astype(np.uint8))


def all_of(chosen: list[Voxels]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.concatenate([part.labels for part in chosen])
    return labels, np.concatenate([part.weights for part in chosen])


@pytest.mark.parametrize("shape", [(200, 170), (20, 40, 50)])
def test_they_lie_where_their_labels_are(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, NOTHING], shape, p=[0.2, 0.05, 0.01, 0.74])
    (chosen,) = chosen_voxels([example_of(labels)], 900)
    assert 600 <= len(chosen.labels) <= 900
    np.testing.assert_array_equal(labels[tuple(chosen.at.T)], chosen.labels)
    assert len(np.unique(chosen.at, axis=0)) == len(chosen.at)
    counts = np.bincount(chosen.labels)
    assert counts.max() <= 300
    assert counts.min() >= 200


def test_few_are_all_taken() -> None:
    labels = np.full((64, 64), NOTHING)
    labels[3, 4] = 0
    labels[60, 60:63] = 1
    (chosen,) = chosen_voxels([example_of(labels)], 1000)
    assert sorted(map(tuple, chosen.at.tolist())) == [(3, 4), (60, 60), (60, 61), (60, 62)]


def test_a_broad_stroke_does_not_outvote_a_thin_one() -> None:
    labels = np.full((96, 96), NOTHING)
    labels[:32, :32] = 1
    labels[80, 64:96] = 1
    labels[40:48, 40:48] = 0
    (chosen,) = chosen_voxels([example_of(labels)], 80)
    thin = (chosen.at[:, 0] == 80).sum()
    assert thin == (chosen.at[:, 0] < 32).sum() == 20


def test_a_class_counts_by_the_root_of_its_voxels_in_all_examples() -> None:
    rare = np.zeros((100, 100))
    rare[:5, :5] = 1
    plain = np.zeros((80, 100))
    labels, weights = all_of(chosen_voxels([example_of(rare), example_of(plain)], 400))
    of_class = [weights[labels == label].sum() for label in (0, 1)]
    np.testing.assert_allclose(of_class, [(18_000 - 25) ** 0.5, 5.0], rtol=1e-5)


def test_more_than_can_be_sorted_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_unet.learn.head.voxels.MOST_SORTED", 50)
    labels = np.zeros((64, 64))
    labels[:, :2] = 1
    (chosen,) = chosen_voxels([example_of(labels)], 1000)
    assert all(30 <= count <= 51 for count in np.bincount(chosen.labels))
    assert chosen.weights.sum() == pytest.approx((62 * 64) ** 0.5 + 128**0.5, rel=1e-5)


def test_there_are_no_more_than_are_wanted_however_many_blocks_there_are() -> None:
    labels = np.zeros((320, 320))
    labels[::40, ::40] = 1
    labels_found, weights = all_of(chosen_voxels([example_of(labels)], 60))
    assert 20 <= (labels_found == 0).sum() <= 30
    assert 20 <= (labels_found == 1).sum() <= 30
    assert weights[labels_found == 1].sum() == pytest.approx(8.0)
