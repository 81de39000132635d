from collections.abc import Callable

import pytest

from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.forgetting.guard import WeightGuard, disagreement
from napari_unet.learn.optimise.losses import cross_entropy, dice_loss, teaching_loss
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.head import Head, head_for_classes
from napari_unet.model.torch_import import torch

HEADS = [head_for_classes(2), head_for_classes(3), Head("independent", 2)]
ONE, THREE, TWO_QUESTIONS = HEADS


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
            before, other = (
                teaching_loss(s, labels, weight, settings, head) for s in (scores, changed)
            )
            assert torch.allclose(before, other), name
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


@pytest.mark.parametrize("head", HEADS)
def test_the_parent_agrees_with_itself_and_nowhere_else(head: Head) -> None:
    torch.manual_seed(0)
    scores = torch.randn(2, head.channels, 6, 6)
    targets = scores.softmax(dim=1) if head is THREE else torch.sigmoid(scores)
    nothing = torch.full((2, 6, 6), IGNORE)
    assert disagreement(scores, nothing, targets, head).abs() < 1e-5
    other = torch.randn(2, head.channels, 6, 6)
    assert disagreement(other, nothing, targets, head) > 0.1
    assert disagreement(other, torch.zeros_like(nothing), targets, head) == 0
    assert disagreement(other, nothing, torch.full_like(targets, torch.nan), head) == 0


def test_unknown_parent_targets_give_no_gradient() -> None:
    scores = torch.randn(1, 3, 4, 4, requires_grad=True)
    targets = torch.full((1, 3, 4, 4), 1 / 3)
    targets[..., :2] = torch.nan
    disagreement(scores, torch.full((1, 4, 4), IGNORE), targets, THREE).backward()  # type: ignore[no-untyped-call]
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
