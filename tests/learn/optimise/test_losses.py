from collections.abc import Callable

import numpy as np
import pytest

from napari_unet.learn.data.border_weights import border_weights, with_border_weights
from napari_unet.learn.data.example import IGNORE, Example
from napari_unet.learn.forgetting.guard import WeightGuard, disagreement
from napari_unet.learn.optimise.losses import cross_entropy, dice_loss, teaching_loss
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.head import Head, head_for_classes
from napari_unet.model.torch_import import torch

HEADS = [head_for_classes(2), head_for_classes(3), Head("independent", 2)]
ONE, THREE, TWO_QUESTIONS = HEADS
PAPER = TrainSettings(border_weight=10, border_sigma_px=5)


def test_unknown_voxels_change_no_loss() -> None:
    torch.manual_seed(0)
    for head in HEADS:
        scores = torch.randn(2, head.channels, 8, 8)
        labels = torch.randint(0, 2, (2, 8, 8))
        labels[:, :4] = IGNORE
        changed = scores.clone()
        changed[:, 0, :4] += 5.0
        weight = torch.rand(2, 8, 8) + 1
        for name in ("sum", "cross_entropy", "dice"):
            settings = TrainSettings(loss=name)  # type: ignore[arg-type]
            kept, other = (
                teaching_loss(s, labels, weight, settings, head) for s in (scores, changed)
            )
            assert torch.allclose(kept, other), name
        assert not torch.allclose(
            cross_entropy(scores, labels.clamp(max=1), head),
            cross_entropy(changed, labels.clamp(max=1), head),
        )


def test_losses_are_least_for_the_truth() -> None:
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, 8:24, 8:24] = 1
    right = (labels * 2 - 1)[:, None] * 20.0
    assert cross_entropy(right, labels, ONE) < 1e-6
    assert dice_loss(right, labels, ONE) < 1e-6
    assert dice_loss(-right, labels, ONE) > 0.8


def test_independent_channels_are_learnt_as_so_many_networks_of_one() -> None:
    torch.manual_seed(0)
    scores = torch.randn(2, 2, 8, 8)
    labels = torch.randint(0, 3, (2, 8, 8))
    labels[:, :2] = IGNORE

    def alone(channel: int, loss: Callable[..., torch.Tensor]) -> torch.Tensor:
        only = torch.where(labels == IGNORE, IGNORE, (labels == channel + 1).long())
        return loss(scores[:, [channel]], only, ONE)

    for loss in (cross_entropy, dice_loss):
        apart = (alone(0, loss) + alone(1, loss)) / 2
        assert torch.allclose(loss(scores, labels, TWO_QUESTIONS), apart), loss


def test_the_settings_name_the_loss() -> None:
    scores = torch.randn(2, 3, 8, 8)
    labels = torch.randint(0, 3, (2, 8, 8))
    one = cross_entropy(scores, labels, THREE)
    two = dice_loss(scores, labels, THREE)
    assert torch.equal(
        teaching_loss(scores, labels, None, TrainSettings(loss="cross_entropy"), THREE), one
    )
    assert torch.equal(teaching_loss(scores, labels, None, TrainSettings(loss="dice"), THREE), two)
    assert torch.allclose(
        teaching_loss(scores, labels, None, TrainSettings(dice_weight=0.5), THREE), one + 0.5 * two
    )


@pytest.mark.parametrize("head", HEADS)
def test_a_weight_counts_as_so_many_voxels(head: Head) -> None:
    scores = torch.randn(1, head.channels, 1, 3)
    labels = torch.tensor([[[0, 1, IGNORE]]])
    twice = cross_entropy(scores[..., [0, 1, 1, 2]], labels[..., [0, 1, 1, 2]], head)
    assert torch.allclose(
        cross_entropy(scores, labels, head, torch.tensor([[[1.0, 2.0, 9.0]]])), twice
    )


def test_border_weights_are_those_of_the_paper() -> None:
    labels = np.zeros((40, 60), np.uint8)
    labels[10:30, 10:28] = 1
    labels[10:30, 32:50] = 1
    weights = border_weights(labels, PAPER)
    assert weights[20, 29] == pytest.approx(1 + 10 * np.exp(-((2 + 3) ** 2) / 50), rel=1e-5)
    assert weights[20, 29] > weights[5, 29] > weights[0, 0]
    assert (weights[labels == 1] == 1).all()
    assert weights[0, 0] < 1.01


def test_one_object_has_no_border_and_touching_classes_are_two() -> None:
    labels = np.zeros((30, 30), np.uint8)
    labels[5:15, 5:25] = 1
    assert (border_weights(labels, PAPER) == 1).all()
    labels[15:25, 5:25] = 2
    assert border_weights(labels, PAPER)[15, 4] > 5


def test_border_weights_are_only_made_where_asked_for_and_missing() -> None:
    example = Example(np.zeros((1, 8, 8), np.float32), np.full((8, 8), IGNORE, np.uint8))
    assert with_border_weights([example], TrainSettings())[0] is example
    made = with_border_weights([example], PAPER)[0].weight
    assert made is not None
    assert (made == 1).all()


@pytest.mark.parametrize("head", HEADS)
def test_the_parent_agrees_with_itself_and_nowhere_else(head: Head) -> None:
    torch.manual_seed(0)
    scores = torch.randn(2, head.channels, 6, 6)
    prior = scores.softmax(dim=1) if head is THREE else torch.sigmoid(scores)
    nothing = torch.full((2, 6, 6), IGNORE)
    assert disagreement(scores, nothing, prior, head).abs() < 1e-5
    other = torch.randn(2, head.channels, 6, 6)
    assert disagreement(other, nothing, prior, head) > 0.1
    assert disagreement(other, torch.zeros_like(nothing), prior, head) == 0
    assert disagreement(other, nothing, torch.full_like(prior, torch.nan), head) == 0


def test_unknown_priors_give_no_gradient() -> None:
    scores = torch.randn(1, 3, 4, 4, requires_grad=True)
    prior = torch.full((1, 3, 4, 4), 1 / 3)
    prior[..., :2] = torch.nan
    disagreement(scores, torch.full((1, 4, 4), IGNORE), prior, THREE).backward()  # type: ignore[no-untyped-call]
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()
    assert (scores.grad[..., :2] == 0).all()
    assert (scores.grad[..., 2:] != 0).any()


def test_weights_are_pulled_to_the_parents() -> None:
    weight = torch.ones(3)
    guard = WeightGuard([weight], strength=10)
    weight += 1.0
    guard.pull(0.01)
    assert torch.allclose(weight, torch.full((3,), 1.9))
    guard.pull(1.0)
    assert torch.equal(weight, torch.ones(3))
    WeightGuard([weight], strength=0).pull(1.0)
    assert torch.equal(weight, torch.ones(3))
