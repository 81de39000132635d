"""Losses on a network's scores; voxels labelled 255 count for nothing."""

from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.head import Head
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
functional = torch.nn.functional
SMOOTH_VOXELS = 50.0


def teaching_loss(
    scores: Tensor, labels: Tensor, weight: Tensor | None, settings: TrainSettings, head: Head
) -> Tensor:
    """The loss that the settings name: cross-entropy, Dice, or their sum."""
    if settings.loss == "cross_entropy":
        return cross_entropy(scores, labels, head, weight)
    if settings.loss == "dice":
        return dice_loss(scores, labels, head)
    overlap = settings.dice_weight * dice_loss(scores, labels, head)
    return cross_entropy(scores, labels, head, weight) + overlap


def cross_entropy(
    scores: Tensor, labels: Tensor, head: Head, weight: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy over the known voxels, each with its weight: over the channels where they
    exclude each other, else the binary one of each channel, and their mean.
    """
    known = (labels != IGNORE).float()
    share = known if weight is None else known * weight
    if head.exclusive:
        each = functional.cross_entropy(scores, labels, ignore_index=IGNORE, reduction="none")
    else:
        truth = _truth(labels, head)
        each = functional.binary_cross_entropy_with_logits(scores, truth, reduction="none")
        each = each.mean(dim=1)
    return (each * share).sum() / share.sum().clamp(min=1)


def dice_loss(scores: Tensor, labels: Tensor, head: Head) -> Tensor:
    """One minus the soft Dice, mean over patches and foreground classes (Milletari et al. 2016)."""
    known = (labels != IGNORE)[:, None].float()
    probabilities = head.foreground(head.probabilities(scores, axis=1), axis=1)
    truth = _truth(labels, head)
    space = tuple(range(2, scores.ndim))
    overlap = (probabilities * truth * known).sum(space)
    size = (probabilities * known).sum(space) + truth.sum(space)
    return 1 - ((2 * overlap + SMOOTH_VOXELS) / (size + SMOOTH_VOXELS)).mean()


def _truth(labels: Tensor, head: Head) -> Tensor:
    """1 where a voxel has the label of a foreground channel, else 0: (N, channels, *patch)."""
    classes = torch.tensor(head.foreground_labels, device=labels.device)
    return (labels[:, None] == classes.view(1, -1, *(1,) * (labels.ndim - 1))).float()
