from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

import napari_unet as nu
from napari_unet.errors import Cancelled, ScanError, SettingsError
from napari_unet.measure.evaluate import MEASURES
from napari_unet.progress import Control, Progress
from napari_unet.scans.scan import Scan, scan_of

NAMES = ("background", "axon", "myelin")


def labels(shape: tuple[int, ...] = (12, 16)) -> np.ndarray:
    found = np.zeros(shape, np.uint8)
    found[..., 2:8, 2:8] = 1
    found[..., 2:5, 10:15] = 2
    return found


def test_every_measure_has_every_class_and_the_mean() -> None:
    scores = nu.evaluate(np.roll(labels(), 1, axis=1), labels(), spacing=(2, 0.5))
    assert list(scores) == [*MEASURES, "spacing", "unit", "notes"]
    assert scores["notes"] == []
    assert all(list(scores[key]) == ["1", "2", "mean"] for key in MEASURES)
    assert scores["dice"] == pytest.approx({"1": 5 / 6, "2": 0.8, "mean": (5 / 6 + 0.8) / 2})
    assert scores["iou"]["1"] == pytest.approx(30 / 42)
    assert scores["hd95"] == pytest.approx({"1": 0.5, "2": 0.5, "mean": 0.5})
    assert (scores["spacing"], scores["unit"]) == ([2, 0.5], "um")
    assert nu.evaluate(labels(), labels())["unit"] == "pixel"


def test_names_make_the_classes_those_that_are_missing_too() -> None:
    scores = nu.evaluate(labels() == 1, labels() == 1, classes=NAMES)
    assert list(scores["dice"]) == ["axon", "myelin", "mean"]
    assert (scores["dice"]["myelin"], scores["hd95"]["myelin"]) == (1, 0)


def test_nothing_to_find_and_nothing_found_is_agreement() -> None:
    scores = nu.evaluate(np.zeros((8, 8), int), np.zeros((8, 8), bool))
    assert scores["dice"] == scores["recall"] == {"mean": 1}
    assert scores["hd95"] == {"mean": 0}


def test_one_class_missed_is_in_the_mean() -> None:
    scores = nu.evaluate(np.where(labels() == 2, 0, labels()), labels())
    assert scores["dice"] == {"1": 1, "2": 0, "mean": 0.5}
    assert scores["precision"] == scores["recall"] == scores["dice"]
    assert scores["hd95"] == pytest.approx({"1": 0, "2": 20, "mean": 10})


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, ">u2", np.uint64])
def test_the_dtype_does_not_matter(dtype: str) -> None:
    truth = np.roll(labels(), 2, axis=0)
    assert nu.evaluate(labels().astype(dtype), truth) == nu.evaluate(labels(), truth)


def test_a_zarr_is_as_good_as_an_array(tmp_path: Path) -> None:
    stored = zarr.save_array(tmp_path / "a.zarr", labels()) or zarr.open_array(
        tmp_path / "a.zarr", mode="r"
    )
    truth = np.roll(labels(), 2, axis=0)
    assert nu.evaluate(stored, truth) == nu.evaluate(labels(), truth)


def test_frames_of_a_series_are_counted_together_and_their_surfaces_apart() -> None:
    truth = labels((3, 12, 16))
    found = labels((3, 12, 16))
    found[1] = 0
    volume = nu.evaluate(found, truth)
    series = nu.evaluate(found, truth, axes="tyx")
    assert series["dice"] == volume["dice"]
    assert volume["hd95"]["1"] < series["hd95"]["1"] == pytest.approx(20), "in time nothing is near"
    assert len(series["spacing"]) == 2


def test_frames_are_measured_as_if_each_stood_alone() -> None:
    truth = np.stack([labels(), labels().T[:12, :].repeat(2, axis=1)[:, :16]])
    found = np.roll(truth, (1, 2), axis=(1, 2))
    both = nu.evaluate(found, truth, axes="tyx")["average_surface_distance"]["1"]
    alone = [nu.evaluate(found[n], truth[n])["average_surface_distance"]["1"] for n in (0, 1)]
    assert min(alone) <= both <= max(alone)


def test_axes_may_stand_in_any_order() -> None:
    truth = labels((4, 12, 16))
    found = np.roll(labels((4, 12, 16)), 2, axis=1)
    turned = nu.evaluate(
        found.transpose(2, 0, 1), truth.transpose(2, 0, 1), axes="xzy", spacing=(3, 1, 2)
    )
    assert turned == nu.evaluate(found, truth, spacing=(1, 2, 3))
    assert turned["spacing"] == [1, 2, 3]


def test_the_scan_that_knows_its_spacing_tells_it() -> None:
    known = Scan(labels(), "yx", (0.5, 0.5), "um")
    unknown = Scan(labels(), "yx", (1, 1))
    assert (
        nu.evaluate(known, unknown)["spacing"]
        == nu.evaluate(unknown, known)["spacing"]
        == [0.5, 0.5]
    )
    assert nu.evaluate(known, Scan(labels(), "yx", (0.5, 0.50001), "um"))["unit"] == "um"
    assert nu.evaluate(known, Scan(labels(), "yx", (0.6, 0.6), "um"), spacing=(2, 2))[
        "spacing"
    ] == [2, 2]


@pytest.mark.parametrize(
    ("found", "options", "message"),
    [
        (labels((3, 12, 16)), {}, r"\(3, 12, 16\) and the truth's \(12, 16\)"),
        (labels().astype(np.float32), {}, "holds float32 values; labels are whole numbers"),
        (np.full((12, 16), np.nan), {}, "192 of which are NaN"),
        (labels().astype(int) - 1, {}, "label -1"),
        (labels().astype(int) + 1000, {}, "label 1002; classes are 1 to 255"),
        (labels().astype(complex), {}, "complex128"),
        (labels(), {"axes": "cyx"}, "one letter for each"),
        (Scan(np.zeros((12, 16, 3), np.uint8), "yxc", (1, 1), rgb=True), {}, "colours or channels"),
        (Scan(labels(), "xy", (1, 1)), {}, "axes are 'xy' and the truth's 'yx'"),
        (labels(), {"spacing": (1, 1, 1)}, "3 spacings"),
        (labels(), {"spacing": (1, 0)}, "positive"),
    ],
)
def test_what_can_not_be_compared_is_reported_in_one_sentence(
    found: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScanError, match=message):
        nu.evaluate(found, labels(), **options)


def test_two_spacings_are_one_too_many() -> None:
    with pytest.raises(ScanError, match="Give the spacing that holds for both"):
        nu.evaluate(Scan(labels(), "yx", (0.5, 0.5), "um"), Scan(labels(), "yx", (0.5, 0.6), "um"))


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("background", "axon"), "label 2 has no name"),
        (("background", "axon", "axon"), "twice"),
        (("background", "axon", "mean"), "mean"),
        ("axon", "not 2 to 256 names"),
        ((), "not 2 to 256 names"),
    ],
)
def test_names_that_do_not_fit_are_refused(classes: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        nu.evaluate(labels(), labels(), classes=classes)


def test_it_tells_how_far_it_is_and_heeds_the_wish() -> None:
    reported: list[Progress] = []
    nu.evaluate(labels((3, 12, 16)), labels((3, 12, 16)), axes="tyx", on_progress=reported.append)
    assert [progress.done for progress in reported] == [1, 2, 3, 4, 5, 6]
    assert {progress.total for progress in reported} == {6}
    for answer in (Control.STOP, Control.CANCEL):
        with pytest.raises(Cancelled):
            nu.evaluate(labels(), labels(), control=answering(answer))


def answering(answer: Control) -> Callable[[], Control]:
    return lambda: answer


def test_notes_on_scans_are_told() -> None:
    found, wanted = (replace(scan_of(labels()), notes=(note,)) for note in ("odd", "even"))
    assert nu.evaluate(found, wanted)["notes"] == ["Prediction: odd", "Truth: even"]
