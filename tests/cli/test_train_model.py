"""`napari-unet train`: the file it writes, what it says, and how it ends."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from helpers.command_line import Command
from helpers.small_disk import SmallDisk
from helpers.tiny import smooth_image
from napari_unet.cli import train_model
from napari_unet.files.only_writer import only_writer
from napari_unet.learn.train import train
from napari_unet.model.library import load_model
from napari_unet.segment.run import segment

Models = dict[str, Path]
QUICK = ("--steps", 2, "--batch", 1, "--patch-px", 32, "--device", "cpu")


@pytest.fixture
def pair(tmp_path: Path, models: Models) -> tuple[str, ...]:
    """An image and labels that the parent makes of it, so that it can not be beaten."""
    return written(tmp_path, models, "image", smooth_image((112, 112)))


def written(folder: Path, models: Models, name: str, image: np.ndarray) -> tuple[str, ...]:
    """The words for an image and its parent's labels, both in files."""
    tifffile.imwrite(folder / f"{name}.tif", image)
    tifffile.imwrite(folder / f"{name}_labels.tif", segment(image, load_model(models["two"])))
    return ("--image", f"{name}.tif", "--labels", f"{name}_labels.tif")


def test_the_old_model_is_written_where_the_new_one_does_not_win(
    run: Command, models: Models, tmp_path: Path
) -> None:
    image = smooth_image((112, 112))
    parts = [image[y : y + 32, x : x + 32] for y in range(0, 80, 16) for x in range(0, 80, 16)]
    pairs = [
        word for n, part in enumerate(parts) for word in written(tmp_path, models, f"part{n}", part)
    ]
    ran = run(
        "train", *pairs, "--from", models["two"], "--output", "a.safetensors", *QUICK, "--json"
    )
    assert ran.code == 0, ran.err
    parent = load_model(models["two"])
    assert ran.json["kept"] == "parent"
    assert ran.json["verdict"]["kind"] in ("parent", "tie")
    assert ran.json["weights_sha256"] == ran.json["parent_sha256"] == parent.weights_sha256
    assert load_model("a.safetensors").weights_sha256 == parent.weights_sha256
    assert not Path("a.safetensors.checkpoint").exists()
    again = run("train", *pairs, "--from", models["two"], "--output", "b", *QUICK, "--keep-anyway")
    child = load_model("b.safetensors")
    assert child.weights_sha256 == ran.json["child_sha256"]
    assert child.spec.provenance.parent == parent.weights_sha256
    assert "b.safetensors holds the new model" in again.out
    assert "stays" in again.out


def test_from_scratch_with_names_and_a_trust_mask(run: Command, pair: tuple[str, ...]) -> None:
    trust = np.full((112, 112), 2, np.uint8)
    trust[:, 90:] = 0
    tifffile.imwrite("trust.tif", trust)
    words = (
        *pair,
        "--trust",
        "trust.tif",
        "--classes",
        "nothing, cell",
        "--name",
        "mine",
        "--output",
        "m.safetensors",
        *QUICK,
    )
    ran = run("train", *words, "--augment-rotation-deg", 0, "--no-augment-flips", "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["kept"], ran.json["parent_sha256"], ran.json["name"]) == (
        "child",
        None,
        "mine",
    )
    assert ran.json["settings"]["augment"]["rotation_deg"] == 0
    assert ran.json["settings"]["augment"]["flips"] is False
    assert ran.json["corrections"]["reviewed_voxels"] == 112 * 90
    assert [each.name for each in load_model("m.safetensors").spec.classes] == [
        "nothing",
        "cell",
    ]


def test_notes_on_images_labels_and_trust_are_told_once_and_in_the_result(
    run: Command, pair: tuple[str, ...]
) -> None:
    image, labels = (tifffile.imread(name) for name in (pair[1], pair[3]))
    tifffile.imwrite("plain.tif", 300 + 900 * image)
    spoilt = (300 + 900 * image).astype(np.float32)
    spoilt[:, :9] = 0
    spoilt[50, 50] = np.nan
    with tifffile.TiffWriter("two.tif") as file:
        file.write(spoilt, photometric="minisblack")
        file.write(spoilt[:9, :9])
    tifffile.imwrite("mask.tif", labels * np.uint8(255))
    tifffile.imwrite("trust.tif", np.full(labels.shape, 255.0, np.float32))
    tifffile.imwrite("classes.tif", labels)
    words = ("--image", "two.tif", "--labels", "mask.tif", "--trust", "trust.tif")
    others = ("--image", "plain.tif", "--labels", "classes.tif", "--trust", "all")
    ran = run("train", *words, *others, "--output", "m.safetensors", *QUICK, "--json")
    assert ran.code == 0, ran.err
    notes = ran.json["notes"]
    starts = [
        "two.tif: two.tif holds 2 images",
        "mask.tif: 2 values, 0 and 255: read as background and class 1.",
        "trust.tif: 2 values, 0 and 255: read as not trusted and painted.",
        "two.tif: Less than 0.1% is NaN, infinite or too large",
        "two.tif: 8.0% has the value 0 and counts as no image",
    ]
    for note, start in zip(notes, starts, strict=False):
        assert note.startswith(start)
        assert ran.err.count(note) == 1
    assert not any("plain.tif" in note or "classes.tif" in note for note in notes)


def test_an_interruption_leaves_what_resume_continues(
    run: Command, models: Models, pair: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (
        *pair,
        "--from",
        models["two"],
        *QUICK,
        "--steps",
        4,
        "--checkpoint-seconds",
        0,
        "--keep-anyway",
        "--json",
    )
    whole = run("train", *words, "--output", "whole.safetensors").json

    def interrupted(*given: Any, **options: Any) -> Any:
        def after_two(progress: Any) -> None:
            if progress.done == 3 and not progress.note:
                raise KeyboardInterrupt

        return train(*given, **(options | {"on_progress": after_two}))

    with monkeypatch.context() as patch:
        patch.setattr(train_model, "train", interrupted)
        ran = run("train", *words, "--output", "cut.safetensors")
    assert ran.code == 130
    assert "--resume" in ran.err
    assert not Path("cut.safetensors").exists()
    resumed = run("train", *words, "--output", "cut.safetensors", "--resume")
    assert resumed.code == 0, resumed.err
    assert resumed.json["child_sha256"] == whole["child_sha256"]
    assert not Path("cut.safetensors.checkpoint").exists()
    ran = run("train", *words, "--output", "none.safetensors", "--resume")
    assert (ran.code, "no checkpoint" in ran.err) == (1, True)


def test_a_file_that_exists_is_kept_and_told_before_anything_runs(
    run: Command, pair: tuple[str, ...]
) -> None:
    Path("a.safetensors").write_bytes(b"precious")
    ran = run("train", *pair, "--output", "a.safetensors", *QUICK)
    assert (ran.code, "--overwrite" in ran.err) == (1, True)
    assert Path("a.safetensors").read_bytes() == b"precious"
    assert run("train", *pair, "--output", "a.safetensors", *QUICK, "--overwrite").code == 0


def test_a_full_disk_leaves_the_old_file_and_a_checkpoint_however_short_the_training(
    run: Command, pair: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", *pair, "--output", "a.safetensors", *QUICK, "--overwrite", "--json")
    whole = run(*words).json
    Path("a.safetensors").write_bytes(b"precious")

    def full(path: Path, payload: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("napari_unet.model.formats.safetensors_file._write_bytes", full)
        ran = run(*words)
    assert ran.code == 1
    assert "No space left" in ran.err
    assert "repeat the command with --resume" in ran.err
    assert Path("a.safetensors").read_bytes() == b"precious"
    again = run(*words, "--resume")
    assert again.code == 0, again.err
    assert again.json["child_sha256"] == whole["child_sha256"]
    assert [path.name for path in Path().glob("*a.safetensors*")] == ["a.safetensors"]


def test_a_model_that_finds_no_room_at_its_place_is_saved_at_another(
    run: Command, pair: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "library"))
    whole = run("train", *pair, "--output", "whole.safetensors", *QUICK, "--json").json
    SmallDisk(tmp_path / "full", 0, monkeypatch)
    words = ("train", *pair, "--output", "full/a.safetensors", *QUICK, "--json")
    ran = run(*words)
    assert ran.code == 1
    name = f"a-{whole['weights_sha256'][:8]}.safetensors"
    assert "No space left to write" in ran.err
    assert f"The model is in {tmp_path / name} instead" in ran.json["error"]
    assert load_model(tmp_path / name).weights_sha256 == whole["weights_sha256"]
    assert run(*words).code == 1
    assert load_model(tmp_path / "library" / name).weights_sha256 == whole["weights_sha256"]


def test_a_folder_that_can_not_be_written_is_reported_before_anything_is_trained(
    run: Command, pair: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_bytes(b"precious")
    monkeypatch.setattr(
        train_model, "train", lambda *given, **options: pytest.fail("it was trained")
    )
    ran = run("train", *pair, "--output", "file/a.safetensors", *QUICK)
    assert (ran.code, "Choose another folder" in ran.err) == (1, True)


def test_the_checkpoint_of_an_interrupted_training_is_not_lost_without_a_word(
    run: Command, pair: tuple[str, ...]
) -> None:
    Path("a.safetensors.checkpoint").write_bytes(b"precious")
    ran = run("train", *pair, "--output", "a.safetensors", *QUICK, "--checkpoint-seconds", 0)
    assert (ran.code, "--resume" in ran.err) == (1, True)
    assert Path("a.safetensors.checkpoint").read_bytes() == b"precious"
    assert run("train", *pair, "--output", "a.safetensors", *QUICK, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--image", "image.tif"), 2, "labels"),
        (
            ("--image", "image.tif", "--labels", "image_labels.tif", "--image", "image.tif"),
            2,
            "each one needs its --labels",
        ),
        (("--image", "image.tif", "--labels", "image.tif"), 1, "whole numbers"),
        (("--image", "gone.tif", "--labels", "image_labels.tif"), 1, "gone.tif"),
        (
            ("--image", "image.tif", "--labels", "image_labels.tif", "--task", "instances"),
            1,
            "can not be learnt yet",
        ),
        (
            ("--image", "image.tif", "--labels", "image_labels.tif", "--minutes", 1),
            2,
            "minutes or steps",
        ),
        (
            ("--image", "image.tif", "--labels", "image_labels.tif", "--from", "nothing"),
            1,
            "no model",
        ),
        (
            ("--image", "image.tif", "--labels", "image_labels.tif", "--loss", "nonsense"),
            2,
            "--loss",
        ),
        (
            ("--image", "image.tif", "--labels", "image_labels.tif", "--augment-scale", 0),
            2,
            "--augment-scale",
        ),
    ],
)
def test_what_can_not_be_is_reported_in_one_sentence(
    run: Command, pair: tuple[str, ...], words: tuple[object, ...], code: int, said: str
) -> None:
    ran = run("train", *words, "--output", "a.safetensors", *QUICK)
    assert ran.code == code
    assert said in ran.err
    assert not Path("a.safetensors").exists()


def test_labels_of_another_scale_are_refused(run: Command, pair: tuple[str, ...]) -> None:
    data = tifffile.imread("image.tif")
    labels = tifffile.imread("image_labels.tif")
    for name, array, size in (("fine.tif", data, 10000), ("coarse.tif", labels, 5000)):
        tifffile.imwrite(name, array, resolution=(size, size), resolutionunit="CENTIMETER")
    ran = run(
        "train",
        "--image",
        "fine.tif",
        "--labels",
        "coarse.tif",
        "--output",
        "a.safetensors",
        *QUICK,
    )
    assert ran.code == 1
    assert "voxels of" in ran.err


def test_a_second_training_into_one_output_is_refused(
    run: Command, models: Models, pair: tuple[str, ...]
) -> None:
    words = ("train", *pair, "--from", models["two"], "--output", "m.safetensors", *QUICK)
    with only_writer(Path("m.safetensors")):
        ran = run(*words)
    assert ran.code != 0
    assert "m.safetensors is being written by another run at this moment" in ran.err
    assert not Path("m.safetensors").exists()
    assert run(*words).code == 0
    assert not [path.name for path in Path().iterdir() if path.name.endswith(".lock")]


def test_what_came_into_its_place_meanwhile_is_not_replaced(
    run: Command, models: Models, pair: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*given: Any, **options: Any) -> Any:
        result = train(*given, **options)
        Path("m.safetensors").write_text("somebody's")
        return result

    monkeypatch.setattr(train_model, "train", slow)
    ran = run("train", *pair, "--from", models["two"], "--output", "m.safetensors", *QUICK)
    assert ran.code != 0
    assert "m.safetensors exists" in ran.err
    assert "The model is in " in ran.err
    assert Path("m.safetensors").read_text() == "somebody's"
