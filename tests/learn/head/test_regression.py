import numpy as np
import pytest

from napari_unet.learn.head.regression import Linear, Samples, mean_loss, scale_of, solved
from napari_unet.learn.head.ridge import RIDGES, USUAL_RIDGE, chosen_ridge
from napari_unet.model.head import Head
from napari_unet.model.torch_import import torch
from napari_unet.progress import always_continue

HEADS = [Head("sigmoid", 1), Head("softmax", 3), Head("independent", 2)]
FEATURES = 5


def samples_of(head: Head, count: int = 600, seed: int = 0) -> tuple[Samples, Linear]:
    """Samples drawn from a classifier, and the classifier."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(count, FEATURES, generator=generator)
    true = Linear(2 * torch.randn(head.channels, FEATURES, generator=generator), torch.zeros(1))
    probabilities = head.probabilities(true.scores(features), axis=1)
    if head.exclusive:
        drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
        targets = torch.nn.functional.one_hot(drawn, head.channels).float()
    else:
        targets = torch.bernoulli(probabilities, generator=generator)
    return Samples(features, targets, torch.ones(count)), true


def nothing(head: Head) -> Linear:
    return Linear(torch.zeros(head.channels, FEATURES), torch.zeros(head.channels))


@pytest.mark.parametrize("head", HEADS)
def test_it_finds_what_the_samples_were_drawn_from(head: Head) -> None:
    samples, true = samples_of(head)
    others, _ = samples_of(head, seed=0)
    found = solved(samples, head, 1e-4, nothing(head), always_continue)
    best = float(mean_loss(true.scores(others.features), others, head))
    assert float(mean_loss(found.scores(others.features), others, head)) <= best + 1e-3


@pytest.mark.parametrize("head", HEADS)
def test_no_other_weights_have_less_loss(head: Head) -> None:
    samples, _ = samples_of(head)
    begin = nothing(head)
    ridge = 0.05

    def total(linear: Linear) -> float:
        loss = mean_loss(linear.scores(samples.features), samples, head)
        return float(loss + ridge / 2 * ((linear.weight - begin.weight) ** 2).sum())

    found = solved(samples, head, ridge, begin, always_continue)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        step = 0.02 * torch.randn(found.weight.shape, generator=generator)
        assert total(Linear(found.weight + step, found.bias)) > total(found) - 1e-6


def test_the_same_samples_give_the_same_bits() -> None:
    samples, _ = samples_of(HEADS[1])
    one, other = (
        solved(samples, HEADS[1], 0.01, nothing(HEADS[1]), always_continue) for _ in range(2)
    )
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.bias, other.bias)


def test_a_strong_ridge_keeps_the_weights_that_are_there() -> None:
    samples, _ = samples_of(HEADS[0])
    there = Linear(torch.arange(5.0)[None], torch.zeros(1))
    found = solved(samples, HEADS[0], 1e4, there, always_continue)
    torch.testing.assert_close(found.weight, there.weight, atol=1e-2, rtol=0)


def test_scaling_there_and_back_changes_no_score() -> None:
    samples, true = samples_of(HEADS[1])
    plain = Samples(samples.features * 7 + 3, samples.targets, samples.weights)
    plain.features[:, 2] = 4.0  # a constant
    scale = scale_of(plain)
    scaled = scale.applied(plain.features)
    assert scaled[:, 2].abs().max() < 1e-5
    np.testing.assert_allclose(scaled[:, [0, 1, 3, 4]].std(dim=0), 1.0, atol=0.01)
    torch.testing.assert_close(
        scale.of_scaled(true).scores(scaled), true.scores(plain.features), atol=1e-3, rtol=1e-3
    )
    again = scale.of_plain(scale.of_scaled(true))
    torch.testing.assert_close(again.weight, true.weight)


def test_the_ridge_is_strong_where_the_head_is_right_and_weak_where_it_is_wrong() -> None:
    samples, true = samples_of(HEADS[0], count=60)
    folds = torch.arange(60) % 3
    right = Linear(true.weight, torch.zeros(1))
    wrong = Linear(-3 * true.weight, torch.zeros(1))
    of_right = chosen_ridge(samples, folds, HEADS[0], right, always_continue)
    of_wrong = chosen_ridge(samples, folds, HEADS[0], wrong, always_continue)
    assert of_right in RIDGES[:2]
    assert of_wrong in RIDGES[2:]


@pytest.mark.parametrize("numbers", [(1,), (0, 2), (1, 2)])
def test_folds_without_voxels_do_not_matter(numbers: tuple[int, ...]) -> None:
    samples, true = samples_of(HEADS[0], count=60)
    folds = torch.tensor(numbers)[torch.arange(60) % len(numbers)]
    wrong = Linear(-3 * true.weight, torch.zeros(1))
    found = chosen_ridge(samples, folds, HEADS[0], wrong, always_continue)
    assert found in RIDGES[2:]


def test_where_nothing_can_be_left_out_the_ridge_is_the_usual_one() -> None:
    samples, _ = samples_of(HEADS[0])
    one_fold = torch.zeros(600, dtype=torch.int64)
    assert chosen_ridge(samples, one_fold, HEADS[0], nothing(HEADS[0]), always_continue) == (
        USUAL_RIDGE
    )
