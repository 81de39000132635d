"""Which file each result goes to, on systems that compare names in their own ways."""

from pathlib import Path

import numpy as np
import pytest
import typer

from helpers.file_sets import write_set
from helpers.tiny import smooth_image
from napari_unet.cli.arguments import SegmentArguments
from napari_unet.cli.segment.output_paths import Plan, check_not_an_image, plan_outputs
from napari_unet.errors import OutputError
from napari_unet.files import names


def plans(images: list[Path], output: Path) -> list[Path]:
    found = plan_outputs(SegmentArguments(images, "tiny", output), keep_probabilities=False)
    return [plan.labels for plan in found]


def test_results_are_named_after_their_images(tmp_path: Path) -> None:
    images = [Path("a.ome.tif"), Path("b.v2.TIFF"), Path("c.zarr"), Path("d.png")]
    assert [path.name for path in plans(images, tmp_path / "out")] == [
        "a_labels.tif",
        "b.v2_labels.tif",
        "c_labels.zarr",
        "d_labels.tif",
    ]


@pytest.mark.parametrize("labels", ["x_labels.ome.tif", "x.ome.tif", "x_labels.tiff", "x.zarr"])
def test_probabilities_lie_beside_labels_in_their_format(tmp_path: Path, labels: str) -> None:
    arguments = SegmentArguments([Path("x.tif")], "tiny", tmp_path / labels)
    (plan,) = plan_outputs(arguments, keep_probabilities=True)
    suffix = labels.removeprefix("x").removeprefix("_labels")
    assert plan.outputs == [tmp_path / labels, tmp_path / f"x_probabilities{suffix}"]


def test_two_results_that_differ_in_case_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [tmp_path / "Cell.tif", tmp_path / "cell.tif"]
    monkeypatch.setattr(names, "IGNORES_CASE", False)
    assert len(set(plans(images, tmp_path / "out"))) == 2
    monkeypatch.setattr(names, "IGNORES_CASE", True)
    with pytest.raises(typer.BadParameter, match=r"Cell_labels.tif and .*cell_labels.tif are one"):
        plans(images, tmp_path / "out")


def test_two_results_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"two results would both be .*a_labels\.tif"):
        plans([tmp_path / "1" / "a.tif", tmp_path / "2" / "a.png"], tmp_path / "out")


def test_an_image_is_not_replaced_whatever_the_case_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = SegmentArguments([tmp_path / "Cell.tif"], "tiny", tmp_path / "cell.TIF")
    found = plan_outputs(arguments, keep_probabilities=False)
    monkeypatch.setattr(names, "IGNORES_CASE", False)
    check_not_an_image(found[0], found)
    monkeypatch.setattr(names, "IGNORES_CASE", True)
    with pytest.raises(OutputError, match="is one of the images"):
        check_not_an_image(found[0], found)


def test_wildcards_leave_hidden_files_out(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("a.tif", "._a.tif", ".b.tif"):
        (tmp_path / name).touch()
    assert [path.name for path in plans([tmp_path / "*.tif"], tmp_path / "out")] == ["a_labels.tif"]
    assert len(plans([tmp_path / ".*.tif"], tmp_path / "out")) == 2


def test_files_of_one_image_have_one_result(tmp_path: Path) -> None:
    stack = (255 * smooth_image((3, 40, 50))).astype("u1")
    names = [f"z{n}.ome.tif" for n in range(3)]
    write_set(tmp_path, names, stack)
    (tmp_path / "sub").mkdir()
    other = write_set(tmp_path / "sub", ["z0.ome.tif", "w1.ome.tif"], stack)[1]
    arguments = SegmentArguments([tmp_path / "z*.ome.tif", other], "tiny", tmp_path / "out")
    first, second = plan_outputs(arguments, keep_probabilities=False)
    assert first.image == tmp_path / "z0.ome.tif"
    assert [path.name for path in first.others] == ["z1.ome.tif", "z2.ome.tif"]
    assert "z0.ome.tif, z1.ome.tif and z2.ome.tif are one image" in first.note
    assert (second.image, second.others, second.note) == (other, (), "")
    onto_a_member = Plan(first.image, tmp_path / "z2.ome.tif", None, first.others)
    with pytest.raises(OutputError, match="is one of the images"):
        check_not_an_image(onto_a_member, [onto_a_member])


def test_files_of_one_image_may_go_into_one_file(tmp_path: Path) -> None:
    paths = write_set(tmp_path, ["z0.ome.tif", "z1.ome.tif"], np.zeros((2, 40, 50), "u1"))
    (found,) = plans(paths[::-1], tmp_path / "labels.tif")
    assert found == tmp_path / "labels.tif"
