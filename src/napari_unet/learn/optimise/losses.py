"""Losses on scores before sigmoid or softmax; voxels labelled 255 count for nothing."""

from napari_unet.learn.data.example import IGNORE
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
functional = torch.nn.functional
SMOOTH_VOXELS = 50.0


def teaching_loss(
    scores: Tensor, labels: Tensor, weight: Tensor | None, settings: TrainSettings
) -> Tensor:
    """The loss that the settings name: cross-entropy, Dice, or their sum."""
    if settings.loss == "cross_entropy":
        return cross_entropy(scores, labels, weight)
    if settings.loss == "dice":
        return dice_loss(scores, labels)
    return cross_entropy(scores, labels, weight) + settings.dice_weight * dice_loss(scores, labels)


def cross_entropy(scores: Tensor, labels: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over the known voxels, each with its weight: binary for one channel, over
    classes for more.
    """
    known = (labels != IGNORE).float()
    share = known if weight is None else known * weight
    if scores.shape[1] == 1:
        each = functional.binary_cross_entropy_with_logits(
            scores[:, 0], (labels == 1).float(), reduction="none"
        )
    else:
        each = functional.cross_entropy(scores, labels, ignore_index=IGNORE, reduction="none")
    return (each * share).sum() / share.sum().clamp(min=1)


def dice_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """One minus the soft Dice, mean over patches and foreground classes (Milletari et al. 2016)."""
    known = (labels != IGNORE)[:, None].float()
    probabilities = torch.sigmoid(scores) if scores.shape[1] == 1 else scores.softmax(dim=1)[:, 1:]
    classes = torch.arange(1, probabilities.shape[1] + 1, device=labels.device)
    truth = (labels[:, None] == classes.view(1, -1, *(1,) * (labels.ndim - 1))).float()
    space = tuple(range(2, scores.ndim))
    overlap = (probabilities * truth * known).sum(space)
    size = (probabilities * known).sum(space) + truth.sum(space)
    return 1 - ((2 * overlap + SMOOTH_VOXELS) / (size + SMOOTH_VOXELS)).mean()
