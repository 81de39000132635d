"""What labels of classes mean: decided, counted, stored and shown in one place."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.tiny import COLOURS, tiny_spec
from napari_unet.errors import ScanError
from napari_unet.model.torch_import import torch
from napari_unet.segment.tasks.registry import TASKS, can_do, default_threshold, task_of
from napari_unet.segment.tasks.semantic import Semantic
from napari_unet.segment.tasks.task import facts_of_classes

TWO = Semantic.of(tiny_spec())
THREE = Semantic.of(tiny_spec(classes=3))


def test_two_classes_are_decided_by_a_threshold_which_is_foreground_itself() -> None:
    probabilities = torch.tensor([[0.1, 0.4, 0.5, 0.9]])
    assert TWO.decide(probabilities, 0.5).tolist() == [0, 0, 1, 1]
    assert TWO.decide(probabilities, 0.4).tolist() == [0, 1, 1, 1]
    assert TWO.has_threshold


def test_of_more_classes_the_most_probable_is_taken_and_the_first_of_equals() -> None:
    rows = [[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [0.2, 0.4, 0.4]]
    probabilities = torch.tensor(rows).T
    for threshold in (0.01, 0.99):
        assert THREE.decide(probabilities, threshold).tolist() == [0, 2, 0, 1]
    assert not THREE.has_threshold


def test_the_most_probable_is_what_argmax_says() -> None:
    probabilities = torch.rand(3, 17, 19, generator=torch.Generator().manual_seed(0))
    labels = THREE.decide(probabilities, 0.5)
    assert labels.dtype == torch.uint8
    assert torch.equal(labels.long(), probabilities.argmax(dim=0))


@pytest.mark.parametrize("task", [TWO, THREE])
def test_labels_have_one_format_from_the_device_to_the_file(task: Semantic) -> None:
    empty = task.empty_labels([3, 4])
    assert (empty.shape, empty.dtype) == ((3, 4), task.label_dtype)
    assert not empty.any()
    channels = task.probability_axis or 1
    decided = task.decide(torch.rand(channels, 3, 4), 0.5).numpy()
    assert decided.dtype == task.label_dtype
    if task.can_redecide:
        assert task.redecide(np.zeros((3, 4)), 0.5).dtype == task.label_dtype


def test_cleared_voxels_are_background_with_certainty() -> None:
    where = np.array([[True, False], [False, True]])
    for task, channels in ((TWO, 1), (THREE, 3)):
        labels = np.ones((2, 2), np.uint8)
        probabilities = np.full((channels, 2, 2), 0.5, np.float32)
        task.clear(labels, probabilities, where)
        np.testing.assert_array_equal(labels, ~where)
        certain = [0.0] if channels == 1 else [1.0, 0.0, 0.0]
        np.testing.assert_array_equal(probabilities[:, 0, 0], certain)
        np.testing.assert_array_equal(probabilities[:, 0, 1], [0.5] * channels)
        assert not task.decide(torch.from_numpy(probabilities), 1e-6).numpy()[where].any()
        task.clear(labels, None, np.ones_like(where))
        assert not labels.any()


def test_every_class_is_counted_and_so_is_nothing() -> None:
    labels = np.array([[0, 0, 2], [2, 2, 0]], np.uint8)
    assert THREE.count(labels).tolist() == [3, 0, 3]
    assert THREE.count(THREE.empty_labels((0,))).tolist() == [0, 0, 0]


def test_a_summary_has_the_voxels_of_each_class_and_the_share_of_each_but_the_background() -> None:
    found = THREE.summary(np.array([6, 0, 3]))
    assert found.voxels == {"class 0": 6, "class 1": 0, "class 2": 3}
    assert not found.others
    assert found.text == "class 1 0.0%, class 2 33.3%"
    assert TWO.summary(np.array([0, 0])).text == "class 1 0.0%"


def test_a_threshold_moves_probabilities_that_were_kept() -> None:
    probabilities = np.array([0.2, 0.5, 0.7], np.float16)
    assert TWO.can_redecide
    assert not THREE.can_redecide
    assert TWO.redecide(probabilities, 0.5).tolist() == [0, 1, 1]
    assert TWO.redecide(probabilities, 0.69).tolist() == [0, 0, 1]


def test_kept_probabilities_have_a_channel_axis_only_where_there_are_several() -> None:
    assert (TWO.probability_axis, THREE.probability_axis) == (0, 3)
    one = np.zeros((4, 5), np.float16)
    [(name, shown)] = TWO.shown_probabilities(one)
    assert name == "probability of class 1"
    assert shown is one
    several = np.arange(3 * 20).reshape(3, 4, 5)
    names = [name for name, _ in THREE.shown_probabilities(several)]
    assert names == ["probability of class 1", "probability of class 2"]
    np.testing.assert_array_equal(THREE.shown_probabilities(several)[1][1], several[2])


def test_a_layer_shows_each_class_in_its_colour_and_everything_else_in_another() -> None:
    facts = THREE.label_facts()
    assert facts == facts_of_classes(tiny_spec(classes=3).classes)
    assert facts.names == ["class 0", "class 1", "class 2"]
    assert [facts.colours[n] for n in (0, 1, 2)] == ["transparent", *COLOURS[1:3]]
    assert facts.colours[None] not in [facts.colours[n] for n in (0, 1, 2)]


def test_a_model_of_another_task_is_refused_in_one_sentence() -> None:
    spec = tiny_spec().model_copy(update={"task": "instances"})
    assert not can_do(spec)
    assert default_threshold(spec) is None
    sentence = (
        r"tiny does the task 'instances', which this .* not know; it knows 'semantic'\. Update"
    )
    with pytest.raises(ScanError, match=sentence):
        task_of(spec)


def test_a_threshold_is_offered_where_the_task_has_one() -> None:
    for classes, own in ((2, 0.3), (3, None)):
        spec = tiny_spec(classes=classes).model_copy(update={"threshold": 0.3})
        assert default_threshold(spec) == own


def test_a_second_task_needs_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_spec().model_copy(update={"task": "instances"})
    other = replace(TWO, classes=TWO.classes[:1])
    monkeypatch.setitem(TASKS, "instances", lambda _: other)
    assert task_of(spec) is other
    assert can_do(spec)
