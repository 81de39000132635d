import numpy as np
import pytest

from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.data.class_weights import class_weights, voxel_weights
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.optimise.losses import cross_entropy
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.head import head_for_classes
from napari_unet.model.torch_import import torch


def example(*counts: int) -> Example:
    """So many voxels of each label, and as many unknown."""
    labels = np.repeat([*range(len(counts)), IGNORE], [*counts, sum(counts)]).astype(np.uint8)[None]
    return Example(np.zeros((1, *labels.shape), np.float32), labels)


@pytest.mark.parametrize(("power", "ratio"), [(1.0, 9.0), (0.5, 3.0)])
def test_a_rare_class_counts_more_and_the_mean_is_one(power, ratio):
    weights = class_weights([example(80, 20), example(10, 0), example(0, 0), example(90, 0)], power)
    assert weights is not None
    assert float(weights[1] / weights[0]) == pytest.approx(ratio)
    assert float(weights[0] * 180 + weights[1] * 20) == pytest.approx(200)


def test_nothing_is_weighted_where_it_is_not_asked_for():
    assert class_weights([example(80, 20)], 0.0) is None
    assert class_weights([], 1.0) is None
    assert voxel_weights(torch.zeros(1, 2, 2, dtype=torch.long), None, None) is None


def test_fully_balanced_every_class_has_the_same_part_in_the_loss():
    labels = torch.from_numpy(example(90, 10).labels).long()
    of_class = class_weights([example(90, 10)], 1.0)
    losses = []
    for missed in (0, 1):
        scores = (
            torch.where((labels == 1) == (missed == 1), -4.0, 4.0)[:, None]
            * torch.where(labels == 1, 1.0, -1.0)[:, None]
        )
        losses.append(
            float(
                cross_entropy(
                    scores[..., None],
                    labels[..., None],
                    head_for_classes(2),
                    voxel_weights(labels, None, of_class)[..., None],
                )
            )
        )
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_it_comes_on_top_of_the_weight_of_a_voxel():
    labels = torch.tensor([[[0, 1, IGNORE]]])
    own = torch.tensor([[[1.0, 11.0, 1.0]]])
    both = voxel_weights(labels, own, class_weights([example(75, 25)], 0.5))
    assert both is not None
    assert float(both[0, 0, 1] / both[0, 0, 0]) == pytest.approx(11 * 3**0.5)


def test_nothing_is_balanced_unless_it_is_asked_for():
    for fine_tuning in (True, False):
        assert TrainSettings().chosen_for(fine_tuning=fine_tuning).class_balance == 0.0
        assert (
            TrainSettings(class_balance=0.5).chosen_for(fine_tuning=fine_tuning).class_balance
            == 0.5
        )


def test_a_fine_tune_warps_more_unless_it_is_told_otherwise():
    shares = [
        TrainSettings(augment=AugmentSettings(**given))
        .chosen_for(fine_tuning=fine)
        .augment.warped_share
        for given, fine in (({}, False), ({}, True), ({"warped_share": 0.1}, True))
    ]
    assert shares == [0.25, 0.75, 0.1]
