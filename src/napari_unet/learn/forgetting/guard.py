"""The guard against forgetting: a fine-tuned network stays near its parent, in weights and in what
it predicts.

Weights: L2-SP (Li, Grandvalet & Davoine, ICML 2018), decoupled from the gradient as AdamW's weight
decay is: each step moves them a little towards the parent's instead of towards nothing. Outputs:
where no voxel is trusted, distillation towards the parent's probabilities (Li & Hoiem, "Learning
without Forgetting", 2016).
"""

from collections.abc import Sequence

from napari_unet.learn.data.corrections import IGNORE
from napari_unet.model.head import Head
from napari_unet.model.torch_import import torch

Tensor = torch.Tensor
functional = torch.nn.functional


class WeightGuard:
    """Pulls weights towards what they were when it was made; with strength 0 it takes neither
    memory nor time.
    """

    def __init__(self, weights: Sequence[Tensor], strength: float) -> None:
        self._strength = strength
        self._weights = list(weights) if strength else []
        self._parents = [weight.detach().clone() for weight in self._weights]

    def pull(self, rate: float) -> None:
        """Move the weights by `rate` times the strength of the way to the parent's."""
        if self._weights:
            with torch.no_grad():
                torch._foreach_lerp_(self._weights, self._parents, min(1.0, rate * self._strength))


def disagreement(
    scores: Tensor,
    labels: Tensor,
    parent_targets: Tensor,
    head: Head,
    target_weight: Tensor | None = None,
) -> Tensor:
    """Mean Kullback-Leibler divergence from the parent's probabilities (N, K, *patch) over
    untrusted voxels.

    Voxels whose targets are NaN count for nothing; 0 where none is left. `target_weight` (N,) is
    how much each patch counts.
    """
    guarded = (labels == IGNORE) & torch.isfinite(parent_targets).all(dim=1)
    # 0.5 where nothing is guarded: NaN times 0 would still be NaN in the gradient
    parent = torch.where(guarded[:, None], parent_targets, 0.5).clamp(1e-6, 1 - 1e-6)
    if head.exclusive:
        apart = parent * (parent.log() - head.log_probabilities(scores, axis=1))
    else:
        apart = functional.binary_cross_entropy_with_logits(scores, parent, reduction="none")
        apart = apart - functional.binary_cross_entropy(parent, parent, reduction="none")
    apart = apart.sum(dim=1)
    if target_weight is not None:
        apart = apart * target_weight.view(-1, *(1,) * (apart.ndim - 1))
    return (apart * guarded).sum() / guarded.sum().clamp(min=1)
