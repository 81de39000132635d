"""AdamW in torch's functional form: torch's class for it imports torch's compiler, which takes a
second in which the window stands still.
"""

from collections.abc import Sequence

from napari_unet.model.torch_import import adamw, torch

Tensor = torch.Tensor
BETAS = (0.9, 0.999)
EPSILON = 1e-8
MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class AdamW:
    """Loshchilov & Hutter 2019; kernels decay, biases and normalisation do not. `state` holds the
    moments of each weight.
    """

    def __init__(self, weights: Sequence[Tensor], decay: float) -> None:
        kernels = [weight for weight in weights if weight.ndim > 1]
        others = [weight for weight in weights if weight.ndim <= 1]
        self._groups = ((kernels, decay), (others, 0.0))
        self.state = {weight: _nothing_yet(weight) for weight in weights}

    def zero_grad(self) -> None:
        """Drop the gradients of the last step: torch adds the next ones to them."""
        for weight in self.state:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Take one step at a learning rate, with the weights' gradients."""
        for weights, decay in self._groups:
            learnt = [weight for weight in weights if weight.grad is not None]
            states = [self.state[weight] for weight in learnt]
            adamw(
                learnt,
                [weight.grad for weight in learnt if weight.grad is not None],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                foreach=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=rate,
                weight_decay=decay,
                eps=EPSILON,
                maximize=False,
            )


def _nothing_yet(weight: Tensor) -> dict[str, Tensor]:
    return {
        "exp_avg": torch.zeros_like(weight, requires_grad=False),
        "exp_avg_sq": torch.zeros_like(weight, requires_grad=False),
        "step": torch.zeros(()),
    }
