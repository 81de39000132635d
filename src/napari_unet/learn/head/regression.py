"""Logistic regression with a ridge, solved by L-BFGS: the same data give the same weights.

The features are brought to mean 0 and variance 1 for the solution, so that the ridge weighs all of
them alike. The ridge pulls towards given weights, such as those of the head that is there; so it
says how much of what was known stays.
"""

from dataclasses import dataclass

from napari_unet.model.head import Head
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, heed

Tensor = torch.Tensor
MOST_ITERATIONS = 60
LEAST_DEVIATION = 1e-6  # below which a feature is taken for a constant


@dataclass(frozen=True)
class Linear:
    """A linear classifier: `weight` (K, F) and `bias` (K) give the scores of features (n, F)."""

    weight: Tensor
    bias: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Scores (n, K)."""
        return features @ self.weight.T + self.bias


@dataclass(frozen=True)
class Samples:
    """What is learnt from: features (n, F), what each channel's probability should be (n, K), and
    how much each sample counts (n).
    """

    features: Tensor
    targets: Tensor
    weights: Tensor

    def some(self, index: Tensor) -> "Samples":
        """Those at `index`, a mask or numbers."""
        return Samples(self.features[index], self.targets[index], self.weights[index])


@dataclass(frozen=True)
class Scale:
    """The weighted mean and deviation of each feature."""

    mean: Tensor
    deviation: Tensor

    def applied(self, features: Tensor) -> Tensor:
        """Features with mean 0 and deviation 1."""
        return (features - self.mean) / self.deviation

    def of_scaled(self, linear: Linear) -> Linear:
        """The classifier of scaled features that is `linear` on plain ones."""
        return Linear(linear.weight * self.deviation, linear.bias + linear.weight @ self.mean)

    def of_plain(self, linear: Linear) -> Linear:
        """The classifier of plain features that is `linear` on scaled ones."""
        weight = linear.weight / self.deviation
        return Linear(weight, linear.bias - weight @ self.mean)


def scale_of(samples: Samples) -> Scale:
    """Mean and deviation of the features; a constant one is left as it is."""
    shares = (samples.weights / samples.weights.sum())[:, None]
    mean = (shares * samples.features).sum(dim=0)
    variance = (shares * (samples.features - mean) ** 2).sum(dim=0)
    deviation = variance.sqrt()
    return Scale(mean, torch.where(deviation < LEAST_DEVIATION, 1.0, deviation))


def mean_loss(scores: Tensor, samples: Samples, head: Head) -> Tensor:
    """The weighted mean of the cross-entropy: over the channels, or of each channel by itself."""
    if head.exclusive:
        each = -(samples.targets * head.log_probabilities(scores, axis=1)).sum(dim=1)
    else:
        loss = torch.nn.functional.binary_cross_entropy_with_logits
        each = loss(scores, samples.targets, reduction="none").sum(dim=1)
    return (samples.weights * each).sum() / samples.weights.sum()


def solved(
    samples: Samples, head: Head, ridge: float, begin: Linear, control: GetControl
) -> Linear:
    """The classifier of scaled features with the least loss, plus `ridge` times half the squared
    distance of its weights to those of `begin`. Raises `Stopped` or `Cancelled`.
    """
    weight = begin.weight.clone().requires_grad_()
    bias = begin.bias.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=MOST_ITERATIONS, history_size=20, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        heed(control)
        optimizer.zero_grad()
        scores = samples.features @ weight.T + bias
        found = mean_loss(scores, samples, head)
        found = found + ridge / 2 * ((weight - begin.weight) ** 2).sum()
        found.backward()  # type: ignore[no-untyped-call]
        return found

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return Linear(weight.detach(), bias.detach())
