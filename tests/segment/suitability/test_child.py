"""The process that tries a model on a part in a file says what this one says."""

import json
from pathlib import Path

import numpy as np
import pytest

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.model.library import save_model
from napari_unet.progress import always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment.suitability import child
from napari_unet.segment.suitability.assess import assess_fit
from napari_unet.segment.suitability.part import read_part
from napari_unet.segment.suitability.part_file import load_part, write_part


def test_a_part_comes_back_from_its_file_and_gives_the_same_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model(tiny_spec(classes=3, spacing=(1.0, 1.0)))
    path = save_model(model, tmp_path / "tiny.safetensors")
    scan = scan_of(smooth_image((48, 64)), spacing=(0.5, 0.5))
    part = read_part(scan, model.spec, child.PROCESSOR, None, always_continue)
    write_part(tmp_path / "part.npz", part)
    loaded = load_part(tmp_path / "part.npz")
    assert loaded.statistics == part.statistics
    assert (loaded.scan.axes, loaded.scan.spacing, loaded.scan.unit) == ("cyx", (0.5, 0.5), "um")
    assert np.array_equal(loaded.scan.data, part.scan.data)
    child.print_advice([str(path), str(tmp_path / "part.npz")])
    advice = assess_fit(scan, model, settings=child.PROCESSOR)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(advice.as_dict()))
