"""The trust map against a plain model of it, over random sequences of strokes, undos, reviews and
edits by others.
"""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.learn.data.corrections import PAINTED, REVIEWED, Corrections, amount
from napari_unet.widgets.arrays.trust_map import TrustMap

SHAPE = (2, 140, 150)  # four blocks a slice


def paint(trust: TrustMap, box: tuple[slice, ...], label: int) -> None:
    """One stroke, as the wrapped tools report it."""
    before = trust.labels[box].copy()
    trust.labels[box] = label
    trust.went_over(box, np.ones(before.shape, bool), label)
    trust.end_gesture(undoable=bool((before != label).any()))


class Plain:
    """The same, with whole copies for each step of undo."""

    def __init__(self) -> None:
        self.labels = np.zeros(SHAPE, np.uint8)
        self.trust = np.zeros(SHAPE, np.uint8)
        self.undo: list[tuple] = []

    def paint(self, box, label):
        over = np.zeros(SHAPE, bool)
        over[box] = True
        fresh = over & (self.trust == 0)
        changed = self.labels[box] != label
        old = self.labels.copy()
        self.labels[box] = label
        self.trust[fresh] = PAINTED
        if changed.any():
            self.undo.append((over, fresh, old))

    def step_back(self):
        over, fresh, old = self.undo.pop()
        self.labels[over] = old[over]
        self.trust[fresh] = 0
        return over


boxes = st.tuples(
    st.integers(0, 1), st.integers(0, 130), st.integers(0, 140), st.integers(1, 30)
).map(
    lambda n: (
        slice(n[0], n[0] + 1),
        slice(n[1], min(140, n[1] + n[3])),
        slice(n[2], min(150, n[2] + n[3])),
    )
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["paint", "paint", "undo", "review", "other"]), boxes, st.integers(0, 3)
    ),
    max_size=12,
)


@given(steps)
def test_it_is_what_a_plain_model_says(sequence):
    trust = TrustMap(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8))
    plain = Plain()
    for what, box, label in sequence:
        if what == "paint":
            paint(trust, box, label)
            plain.paint(box, label)
        elif what == "undo" and plain.undo:
            over = plain.step_back()
            trust.labels[over] = plain.labels[over]
            trust.undo()
        elif what == "review":
            trust.mark(box, REVIEWED)
            plain.trust[box] = REVIEWED
        elif what == "other":
            changed = trust.labels[box] != label
            trust.labels[box] = plain.labels[box] = label
            plain.trust[box][changed & (plain.trust[box] == 0)] = PAINTED
            trust.suspect()
            trust.work()
        np.testing.assert_array_equal(trust.trust, plain.trust)
    assert trust.work()
    found = amount(Corrections(trust.labels, trust.trust), "zyx")
    assert trust.amount() == found
    copy = trust.corrections()
    np.testing.assert_array_equal(copy.trust, trust.trust)
    np.testing.assert_array_equal(copy.labels, np.where(trust.trust > 0, trust.labels, 0))


def test_redo_gives_what_undo_took():
    trust = TrustMap(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8))
    box = (slice(0, 1), slice(3, 9), slice(3, 9))
    paint(trust, box, 2)
    trust.labels[box] = 0
    assert trust.undo()
    assert not trust.trust.any()
    trust.labels[box] = 2
    assert trust.redo()
    assert trust.trust.sum() == 36


def test_a_step_of_which_nothing_is_known():
    trust = TrustMap(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8))
    trust.expect_undo_of(1)
    assert not trust.undo()
    assert not trust.redo()


def test_without_known_labels_only_tools_count():
    trust = TrustMap(np.zeros(SHAPE, np.uint8))
    trust.labels[0, 0, 0] = 5
    trust.suspect()
    trust.work()
    assert not trust.trust.any()
    paint(trust, (slice(0, 1), slice(3, 5), slice(3, 5)), 1)
    assert trust.trust.sum() == 4


def test_work_stops_when_its_time_is_over_and_goes_on_later():
    trust = TrustMap(np.zeros((400, 128, 128), np.uint8), np.zeros((400, 128, 128), np.uint8))
    trust.labels[:] = 1
    trust.suspect()
    turns = 0
    while not trust.work(seconds=0.0):
        turns += 1
    assert turns >= 12
    assert trust.amount().voxels == trust.labels.size


@pytest.mark.alone
@pytest.mark.slow
def test_a_stroke_on_a_huge_slice_costs_what_it_touches():
    labels = np.zeros((16_384, 16_384), np.uint8)
    trust = TrustMap(labels, np.zeros_like(labels))
    mask = np.ones((21, 21), bool)
    took = []
    for start in [*range(0, 10_000, 100)] * 2:  # the first time the system gives memory
        box = (slice(start, start + 21), slice(start, start + 21))
        labels[box] = 1
        begun = time.perf_counter()
        trust.went_over(box, mask, 1)
        took.append(time.perf_counter() - begun)
    assert np.median(took[100:]) < 0.001
    begun = time.perf_counter()
    assert trust.amount().voxels == 0
    trust.work()
    assert trust.amount().voxels == 100 * 21 * 21
    assert trust.corrections().trust.dtype == np.uint8
    assert time.perf_counter() - begun < 3
