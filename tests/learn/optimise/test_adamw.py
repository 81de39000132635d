import subprocess
import sys

import pytest

from napari_unet.learn.optimise.adamw import AdamW
from napari_unet.model.torch_import import torch


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_it_steps_as_the_class_of_torch_does(decay):
    torch.manual_seed(0)
    ours = [torch.randn(4, 3, requires_grad=True), torch.randn(4, requires_grad=True)]
    theirs = [weight.detach().clone().requires_grad_() for weight in ours]
    optimizer = AdamW(ours, decay)
    groups = [
        {"params": theirs[:1], "weight_decay": decay},
        {"params": theirs[1:], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.1)
    for rate in (0.1, 0.05, 0.2):
        for group in reference.param_groups:
            group["lr"] = rate
        for weights in (ours, theirs):
            ((weights[0].sum(1) * weights[1]) ** 2).sum().backward()
        optimizer.step(rate)
        reference.step()
        optimizer.zero_grad()
        reference.zero_grad()
    assert all(
        torch.allclose(one, other, rtol=1e-5, atol=1e-6)
        for one, other in zip(ours, theirs, strict=True)
    )


def test_a_weight_without_gradient_stays():
    weights = [torch.ones(2, 2, requires_grad=True), torch.ones(2, requires_grad=True)]
    weights[0].sum().backward()
    AdamW(weights, 0.5).step(0.1)
    assert not torch.equal(weights[0], torch.ones(2, 2))
    assert torch.equal(weights[1], torch.ones(2))


def test_no_compiler_is_imported():
    code = (
        "import sys, torch; from napari_unet.learn.optimise.adamw import AdamW;"
        "w = torch.ones(2, 2, requires_grad=True); w.sum().backward();"
        "AdamW([w], 0.1).step(0.1); print('torch._dynamo' in sys.modules, 'sympy' in sys.modules)"
    )
    assert subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split() == ["False", "False"]
