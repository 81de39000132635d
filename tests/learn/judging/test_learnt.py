"""A model that knows nothing is never offered, on confusions made by hand."""

import numpy as np
import pytest

from napari_unet.learn.judging.confusion import Confusion, confusion_of
from napari_unet.learn.judging.learnt import LEAST_LEARNT, beyond_constant, not_learnt
from napari_unet.learn.judging.verdict import judge

NAMES = ("background", "cell")


def of(labels: np.ndarray, truth: np.ndarray, classes: int = 2) -> Confusion:
    return confusion_of(labels, truth, np.zeros(truth.shape, int), (1, classes))


def rare_cells() -> np.ndarray:
    truth = np.zeros(60_000, int)
    truth[:120] = 1
    return truth


@pytest.mark.parametrize("constant", [0, 1])
def test_a_constant_label_has_learnt_nothing_however_rare_a_class_is(constant: int) -> None:
    truth = rare_cells()
    assert beyond_constant(of(np.full_like(truth, constant), truth)) == pytest.approx(0)


def test_guesses_have_learnt_nothing_either() -> None:
    truth = rare_cells()
    guesses = (np.random.default_rng(1).random(truth.shape) < 0.4).astype(int)
    found = beyond_constant(of(guesses, truth))
    assert found is not None
    assert abs(found) < LEAST_LEARNT


def test_what_is_missed_is_said_in_voxels() -> None:
    truth = rare_cells()
    labels = np.zeros_like(truth)
    labels[:2] = 1
    assert not_learnt(of(labels, truth), NAMES) == (
        "The new model has not learnt what you marked: of 120 voxels that you marked as cell, "
        "it finds 2. Train longer, or mark more of cell."
    )


def test_one_that_finds_half_of_a_rare_class_has_learnt() -> None:
    truth = rare_cells()
    labels = np.zeros_like(truth)
    labels[60:600] = 1  # and as much again in the wrong
    assert not_learnt(of(labels, truth), NAMES) == ""


def test_of_one_class_alone_it_can_not_be_said() -> None:
    truth = np.ones(50, int)
    assert beyond_constant(of(truth * 0, truth)) is None
    assert not_learnt(of(truth * 0, truth), NAMES) == ""


def held_out(wrong: float) -> Confusion:
    truth = np.tile([0, 1], (10, 200))
    labels = np.where(np.random.default_rng(2).random(truth.shape) < wrong, 1 - truth, truth)
    return confusion_of(labels, truth, np.repeat(np.arange(10)[:, None], 400, 1), (10, 2))


@pytest.mark.parametrize("with_parent", [True, False])
def test_it_is_said_instead_of_a_win_and_instead_of_not_judged(with_parent: bool) -> None:
    truth = rare_cells()
    training = of(np.zeros_like(truth), truth)
    parent = held_out(0.4) if with_parent else None
    verdict = judge(
        held_out(0.1), parent, NAMES, "blocks", (training, training if with_parent else None)
    )
    assert verdict.kind == "not learnt"
    assert "of 120 voxels that you marked as cell, it finds 0" in verdict.sentence
    assert verdict.mean is not None


def test_it_is_said_where_nothing_is_held_out() -> None:
    truth = rare_cells()
    training = of(np.zeros_like(truth), truth)
    verdict = judge(Confusion.none(0, 2), None, NAMES, "", (training, None))
    assert (verdict.kind, verdict.sampling_units) == ("not learnt", 0)


def test_a_child_that_is_worse_for_certain_stays_worse_and_is_told_why() -> None:
    truth = rare_cells()
    training = of(np.zeros_like(truth), truth)
    verdict = judge(held_out(0.4), held_out(0.1), NAMES, "blocks", (training, training))
    assert verdict.kind == "parent"
    assert "has not learnt what you marked" in verdict.sentence
