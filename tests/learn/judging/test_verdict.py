"""The rule by which one of two models wins, on confusions made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.learn.judging.confusion import (
    Confusion,
    confusion_of,
    dice_per_class,
    pooled_kappa,
)
from napari_unet.learn.judging.verdict import judge

NAMES = ("background", "cell", "wall")
MIRROR = {"child": "parent", "parent": "child", "tie": "tie", "not judged": "not judged"}


def confusion(seed: int, wrong: float, units: int = 12, classes: int = 3) -> Confusion:
    """A model that is wrong in about that share of each unit's voxels; the truth is the same for
    every seed.
    """
    truth = np.random.default_rng(0).integers(0, classes, (units, 400))
    rng = np.random.default_rng(seed)
    share = np.clip(wrong * rng.uniform(0.5, 1.5, (units, 1)), 0, 1)
    labels = np.where(rng.random(truth.shape) < share, rng.integers(0, classes, truth.shape), truth)
    return confusion_of(
        labels, truth, np.repeat(np.arange(units)[:, None], 400, 1), (units, classes)
    )


def test_a_better_child_wins_and_the_sentence_has_its_numbers() -> None:
    verdict = judge(confusion(1, 0.1), confusion(2, 0.4), NAMES, "blocks")
    assert verdict.kind == "child"
    assert verdict.mean is not None
    assert verdict.mean.parent is not None
    assert f"{verdict.mean.child:.2f}" in verdict.sentence
    assert f"{verdict.mean.parent:.2f}" in verdict.sentence
    assert "12 held-out blocks" in verdict.sentence
    assert [each.name for each in verdict.classes] == list(NAMES)
    assert verdict.mean.low is not None
    assert verdict.mean.high is not None
    assert verdict.mean.low < verdict.mean.child - verdict.mean.parent < verdict.mean.high


@given(
    st.integers(1, 50),
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5]),
    st.sampled_from([0.1, 0.2, 0.3]),
    st.integers(2, 30),
)
def test_swapping_the_models_mirrors_the_verdict(
    seed: int, one: float, other: float, units: int
) -> None:
    a = confusion(seed, one, units)
    b = confusion(seed + 1000, other, units)
    forth = judge(a, b, NAMES, "blocks")
    back = judge(b, a, NAMES, "blocks")
    assert back.kind == MIRROR[forth.kind]
    assert forth.mean is not None
    assert back.mean is not None
    if forth.mean.low is not None and back.mean.high is not None:
        assert forth.mean.low == pytest.approx(-back.mean.high, abs=1e-9)


def test_identical_models_tie_and_the_parent_stays() -> None:
    verdict = judge(confusion(1, 0.2), confusion(1, 0.2), NAMES, "blocks")
    assert verdict.kind == "tie"
    assert "stays" in verdict.sentence


def test_few_units_are_not_judged_however_great_the_difference() -> None:
    verdict = judge(confusion(1, 0.0, units=7), confusion(2, 0.9, units=7), NAMES, "slices")
    assert verdict.kind == "not judged"
    assert "Too few" in verdict.sentence
    assert verdict.mean is not None
    assert verdict.mean.low is None
    assert (
        judge(confusion(1, 0.0, units=8), confusion(2, 0.9, units=8), NAMES, "slices").kind
        == "child"
    )


def test_without_a_parent_the_childs_own_score_is_given() -> None:
    verdict = judge(confusion(1, 0.1), None, NAMES, "blocks")
    assert (verdict.kind, verdict.classes[1].parent) == ("not judged", None)
    assert verdict.mean is not None
    assert f"{verdict.mean.child:.2f}" in verdict.sentence


def test_nothing_held_out_is_not_judged() -> None:
    assert judge(Confusion.none(0, 3), Confusion.none(0, 3), NAMES, "blocks").kind == "not judged"


def test_by_chance_hardly_a_child_wins() -> None:
    won = sum(
        judge(confusion(seed, 0.25), confusion(seed + 500, 0.25), NAMES, "blocks").kind == "child"
        for seed in range(100)
    )
    assert won <= 2


def test_a_gain_that_nobody_would_see_is_a_tie() -> None:
    parent = confusion(1, 0.3, units=40)
    right = parent.right + (
        parent.truth - parent.right > 30
    )  # one voxel more in most units: certain, and nothing
    child = Confusion(right, parent.found, parent.truth)
    verdict = judge(child, parent, NAMES, "blocks")
    assert verdict.mean is not None
    assert verdict.mean.kind == "child"
    assert verdict.kind == "tie"


def test_finding_more_of_everything_is_no_gain() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((20, 400)) < 0.4).astype(int)
    units = np.repeat(np.arange(20)[:, None], 400, 1)
    sparse = np.where(rng.random(truth.shape) < 0.15, truth, 0)  # what it finds is there
    blind = (rng.random(truth.shape) < 0.6).astype(int)
    seeing = np.where(rng.random(truth.shape) < 0.7, truth, blind)
    parent, guess, better = (
        confusion_of(labels, truth, units, (20, 2)) for labels in (sparse, blind, seeing)
    )
    assert dice_per_class(guess)[1] > dice_per_class(parent)[1] + 0.1
    for child, expected in ((guess, "tie"), (better, "child")):
        verdict = judge(child, parent, NAMES[:2], "blocks")
        assert verdict.mean is not None
        assert verdict.mean.low is not None
        assert verdict.mean.low > 0
        assert verdict.mean.kind == expected


def test_kappa_is_agreement_beyond_chance() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 500)
    labels = rng.integers(0, 3, 500)
    labels[:200] = truth[:200]
    found = confusion_of(labels, truth, np.zeros(500, int), (1, 3))
    for n in range(3):
        one = labels == n
        other = truth == n
        agree = (one == other).mean()
        chance = one.mean() * other.mean() + (~one).mean() * (~other).mean()
        assert pooled_kappa(np.ones((1, 1)), found)[0, n] == pytest.approx(
            (agree - chance) / (1 - chance)
        )


def test_a_class_that_got_worse_stands_in_the_way() -> None:
    one = confusion(1, 0.1, classes=2)
    two = confusion(2, 0.4, classes=2)

    def beside(a: Confusion, b: Confusion) -> Confusion:
        return Confusion(
            *(
                np.concatenate([x, y[:, 1:]], axis=1)
                for x, y in ((a.right, b.right), (a.found, b.found), (a.truth, b.truth))
            )
        )

    slightly = confusion(3, 0.2, classes=2)
    much = confusion(4, 0.8, classes=2)
    verdict = judge(beside(one, two), beside(much, slightly), NAMES, "blocks")
    assert [each.kind for each in verdict.classes] == ["child", "child", "parent"]
    assert verdict.kind == "tie"
    assert "wall" in verdict.sentence


def test_what_is_found_where_nothing_is_counts_too() -> None:
    truth = np.zeros((10, 100), int)
    units = np.repeat(np.arange(10)[:, None], 100, 1)
    noisy = truth.copy()
    noisy[:, :30] = 2
    noisy[::2, 40] = 1
    verdict = judge(
        confusion_of(noisy, truth, units, (10, 3)),
        confusion_of(truth, truth, units, (10, 3)),
        NAMES,
        "blocks",
    )
    assert verdict.kind == "parent"


def test_dice_is_pooled_and_unjudged_voxels_count_for_nothing() -> None:
    truth = np.array([0, 1, 1, 1, 0, 2])
    labels = np.array([0, 1, 0, 1, 1, 2])
    units = np.array([0, 0, 0, 1, 1, -1])
    scores = dice_per_class(confusion_of(labels, truth, units, (2, 3)))
    np.testing.assert_allclose(scores[:2], [2 / 4, 4 / 6])
    assert np.isnan(scores[2])


def test_a_verdict_is_plain() -> None:
    import json

    values = judge(confusion(1, 0.1), confusion(2, 0.4), NAMES, "blocks").as_dict()
    assert json.loads(json.dumps(values))["classes"][2]["name"] == "wall"


def test_a_child_that_did_not_learn_its_training_regions_does_not_win() -> None:
    child = confusion(1, 0.1)
    parent = confusion(2, 0.4)
    learnt = confusion(3, 0.2, units=1)
    unlearnt = confusion(4, 0.5, units=1)
    assert judge(child, parent, NAMES, "blocks", (learnt, unlearnt)).kind == "child"
    verdict = judge(child, parent, NAMES, "blocks", (unlearnt, unlearnt))
    assert verdict.kind == "tie"
    assert "did not learn the labels" in verdict.sentence
    assert "The old one stays" in verdict.sentence


def test_where_one_class_alone_was_learnt_from_the_held_out_voxels_decide() -> None:
    child = confusion(1, 0.1)
    parent = confusion(2, 0.4)
    alone = confusion_of(
        np.full((1, 400), 1), np.full((1, 400), 1), np.zeros((1, 400), int), (1, 3)
    )
    assert judge(child, parent, NAMES, "blocks", (alone, alone)).kind == "child"
    few = confusion_of(np.full((1, 20), 2), np.arange(20)[None] % 3, np.zeros((1, 20), int), (1, 3))
    assert judge(child, parent, NAMES, "blocks", (few, few)).kind == "child"


def test_a_child_whose_parent_knew_the_labels_already_may_win() -> None:
    child = confusion(1, 0.1)
    parent = confusion(2, 0.4)
    known = confusion(3, 0.02, units=1)
    better = confusion(4, 0.02, units=1)
    assert judge(child, parent, NAMES, "blocks", (better, known)).kind == "child"


def test_where_one_class_alone_was_held_out_the_training_regions_do_not_decide() -> None:
    truth = np.ones((12, 400), int)
    units = np.repeat(np.arange(12)[:, None], 400, 1)
    parent = np.where(np.arange(400) < 100, 0, truth)
    training = confusion(3, 0.4, units=1, classes=2)
    verdict = judge(
        confusion_of(truth, truth, units, (12, 2)),
        confusion_of(parent, truth, units, (12, 2)),
        NAMES[:2],
        "blocks",
        (training, training),
    )
    assert verdict.kind == "child"
