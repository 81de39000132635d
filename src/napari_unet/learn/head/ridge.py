"""How strong a ridge should be: the one that does best on parts of the data that were left out."""

from napari_unet.learn.head.regression import Linear, Samples, mean_loss, solved
from napari_unet.model.head import Head
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl

Tensor = torch.Tensor
# the strongest keeps nearly all of the heads that are there
RIDGES = (10.0, 1.0, 0.1, 0.01, 0.001)
USUAL_RIDGE = 0.01  # where there is too little to choose one by


def chosen_ridge(
    samples: Samples, folds: Tensor, head: Head, begin: Linear, control: GetControl
) -> float:
    """The best of `RIDGES` for scaled samples, of which each fold (n) is left out in turn; a fold
    without which a class would be missing is not. Raises `Stopped` or `Cancelled`.
    """
    losses = torch.zeros(len(RIDGES))
    tried = 0
    for fold in sorted(set(folds.tolist())):
        teaching = samples.some(folds != fold)
        if not _has_all_classes(teaching, samples):
            continue
        tried += 1
        left_out = samples.some(folds == fold)
        for number, ridge in enumerate(RIDGES):
            found = solved(teaching, head, ridge, begin, control)
            losses[number] += mean_loss(found.scores(left_out.features), left_out, head)
    return RIDGES[int(losses.argmin())] if tried else USUAL_RIDGE


def _has_all_classes(some: Samples, samples: Samples) -> bool:
    """Whether all combinations of channels that occur also occur among some of the samples."""
    combinations = [{tuple(target) for target in each.targets.tolist()} for each in (some, samples)]
    return combinations[0] == combinations[1]
