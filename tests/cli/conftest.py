"""Models and images in files, and the command line in this process."""

from pathlib import Path

import pytest
import tifffile
from typer.testing import CliRunner

from helpers.command_line import Command, Ran
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.cli.app import app
from napari_unet.model.library import save_model


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run `napari-unet` with these words, in the test's own folder."""
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> Ran:
        ended = CliRunner().invoke(app, [str(word) for word in words], prog_name="napari-unet")
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Ran(ended.exit_code, ended.stdout, ended.stderr)

    return command


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of tiny models: two classes, three classes, volumes, two channels."""
    folder = tmp_path_factory.mktemp("cli-models")
    specs = {
        "two": tiny_spec(),
        "three": tiny_spec(classes=3),
        "volumes": tiny_spec(3),
        "channels": tiny_spec(channels=2),
    }
    return {
        name: save_model(tiny_model(spec), folder / f"{name}.safetensors")
        for name, spec in specs.items()
    }


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A small calibrated image."""
    path = tmp_path / "image.tif"
    tifffile.imwrite(
        path,
        smooth_image((40, 50)),
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "YX", "unit": "um"},
    )
    return path


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A small stack of slices."""
    path = tmp_path / "stack.tif"
    metadata = {"axes": "ZYX", "unit": "um", "spacing": 2.0}
    tifffile.imwrite(
        path, smooth_image((4, 40, 50)), imagej=True, resolution=(4, 2), metadata=metadata
    )
    return path
