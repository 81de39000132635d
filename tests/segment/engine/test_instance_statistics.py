"""Networks that normalise by instance: the statistics are the frame's, so tiles are exact, and
small frames are what the network says.
"""

import math
from pathlib import Path

import numpy as np
import pytest

from helpers.failing import failing_over
from helpers.laws import WHOLE, Case, assert_same, run
from helpers.resumable import Counting, Killed, run_resumable, values
from helpers.tiny import smooth, smooth_image, tiny_model, tiny_spec
from napari_unet import segment
from napari_unet.errors import Cancelled
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine.instance_statistics import with_fixed_statistics
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.part import Part, ResumePolicy
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import frame_statistics
from napari_unet.segment.stream import Focus, stream
from napari_unet.segment.tiles import instance_sample
from napari_unet.segment.tiles.instance_sample import (
    SAMPLE_BYTES,
    SIDE,
    most_voxels,
    sample_bytes,
    sample_windows,
)
from napari_unet.segment.tiles.lattice import exact_lattice
from napari_unet.segment.tiles.normalize import normalize

NETS = [{"norm": "instance"}, {"norm": "instance", "residual": True}]
SHAPES = {2: (100, 130), 3: (24, 40, 33)}


def case_of(dimensions: int, shape: tuple[int, ...], **net: object) -> Case:
    spec = tiny_spec(dimensions, classes=3, depth=4 - dimensions, **net)
    return Case(spec, scan_of(smooth_image(shape)), 32, Focus((), tuple(n / 2 for n in shape)))


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("net", NETS)
def test_fixed_statistics_change_nothing_for_the_windows_they_are_of(
    dimensions: int, net: dict[str, object]
) -> None:
    network = tiny_model(tiny_spec(dimensions, classes=3, **net)).network
    window = torch.from_numpy(smooth((1, *(48, 32, 16)[:dimensions]), 1))[None]
    flat = with_fixed_statistics(network, window)
    assert not any(
        isinstance(part, (torch.nn.InstanceNorm2d, torch.nn.InstanceNorm3d))
        for part in flat.modules()
    )
    with torch.inference_mode():
        torch.testing.assert_close(flat(window), network(window), atol=1e-4, rtol=1e-4)
        other = window.flip(2) * 3
        assert not torch.allclose(flat(other), network(other), atol=1e-2)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("net", NETS)
def test_in_tiles_the_labels_are_those_of_the_whole_frame(
    dimensions: int, net: dict[str, object]
) -> None:
    case = case_of(dimensions, SHAPES[dimensions], **net)
    tiled, labels, tiles = run(case, case.tile_px, case.focus)
    assert tiles > 2
    part, _ = normalize(
        case.scan.data[None], frame_statistics(case.scan, dimensions, (), case.spec.normalization)
    )
    with torch.inference_mode():
        whole = case.model.network(torch.from_numpy(part)[None]).softmax(dim=1)[0].numpy()
    assert_same(tiled, whole, labels, whole.argmax(axis=0), 1e-3)


def test_twin_statistics_of_each_tile_break_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    case = case_of(2, SHAPES[2], norm="instance")
    _, labels, _ = run(case, WHOLE)
    assert (run(case, 32)[1] == labels).all()
    monkeypatch.setattr(TorchEngine, "fix_statistics", lambda self, windows, control: None)
    assert (run(case, 32)[1] != labels).mean() > 0.01


@pytest.mark.parametrize("dimensions", [2, 3])
def test_of_a_large_frame_a_sample_is_taken_that_is_the_same_for_all_tiles(
    dimensions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(dimensions, SHAPES[dimensions], norm="instance")
    most = {2: 3000, 3: 9000}[dimensions]
    monkeypatch.setattr(instance_sample, "most_voxels", lambda config: most)
    monkeypatch.setattr(instance_sample, "SIDE", {2: 32, 3: 16})
    whole, labels, _ = run(case, WHOLE)
    tiled, tiled_labels, _ = run(case, 32, case.focus)
    assert_same(tiled, whole, tiled_labels, labels)


@pytest.mark.parametrize("shape", [(1500, 3000), (20, 700_000), (150, 160, 170), (5, 3000, 300)])
def test_a_sample_is_bounded_seeded_and_within_the_frame(shape: tuple[int, ...]) -> None:
    spec = tiny_spec(len(shape), depth=2, width=32, norm="instance")
    config = spec.architecture
    lattice = exact_lattice(spec, scan_of(np.broadcast_to(np.uint8(0), shape)), SegmentSettings())
    windows = sample_windows(config, lattice)
    assert windows == sample_windows(config, lattice)
    sides = {tuple(part.stop - part.start for part in window) for window in windows}
    assert len(sides) == 1
    assert all(
        0 < side <= SIDE[len(shape)] and side % step == 0
        for side, step in zip(sides.pop(), lattice.strides, strict=True)
    )
    voxels = sum(math.prod(part.stop - part.start for part in window) for window in windows)
    assert most_voxels(config) / 2 <= voxels <= most_voxels(config)
    assert sample_bytes(config, lattice) <= SAMPLE_BYTES[len(shape)]
    assert sample_bytes(tiny_spec(len(shape)).architecture, lattice) == 0
    assert all(
        part.stop <= side
        for window in windows
        for part, side in zip(window, lattice.padded, strict=True)
    )


def test_every_frame_has_its_own_and_the_engine_that_takes_over_has_them_too() -> None:
    model = tiny_model(tiny_spec(classes=3, norm="instance"))
    stack = smooth_image((3, 60, 70)) * np.array([1, 5, 20], np.float32)[:, None, None] ** 2
    labels = np.zeros(stack.shape, np.uint8)
    job = plan_job(model.spec, scan_of(stack, "tyx"), SegmentSettings(device="cpu", tile_px=32))
    engines = set()
    for tile in stream(model, job, engine=failing_over(model, 3)):
        labels[(*tile.frame, *tile.region)] = tile.labels
        engines.add(tile.engine)
    assert len(engines) == 2
    for frame, expected in zip(stack, labels, strict=True):
        part, _ = normalize(
            frame[None], frame_statistics(scan_of(frame), 2, (), model.spec.normalization)
        )
        with torch.inference_mode():
            whole = model.network(torch.from_numpy(part)[None])[0].argmax(dim=0).numpy()
        assert (whole != expected).mean() < 1e-3


def test_control_is_read_within_and_nothing_is_computed_twice() -> None:
    model = tiny_model(tiny_spec(classes=3, norm="instance"))
    engine = TorchEngine(model.network)
    windows = torch.rand(2, 1, 32, 32)
    control = []
    engine.fix_statistics(windows, lambda: control.append(1) or Control.CONTINUE)
    assert (
        len(control) == len(model.spec.architecture.widths) * 2 + model.spec.architecture.depth * 2
    )
    engine.fix_statistics(windows.clone(), lambda: Control.CANCEL)
    with pytest.raises(Cancelled):
        engine.fix_statistics(windows + 1, lambda: Control.CANCEL)


def test_a_run_that_is_killed_or_in_parts_has_the_same_statistics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_sample, "most_voxels", lambda config: 3000)
    monkeypatch.setattr(instance_sample, "SIDE", {2: 32})
    model = tiny_model(tiny_spec(classes=3, norm="instance"))
    scan = scan_of(smooth_image((2, 90, 100)))
    expected = segment(scan, model, settings=SegmentSettings(device="cpu", engine="torch"))
    killed = Outputs(tmp_path / "killed.zarr")
    parts = Outputs(tmp_path / "parts.zarr")
    with pytest.raises(Killed):
        run_resumable(model, scan, killed, engine=Counting(model, 13))
    run_resumable(model, scan, killed, ResumePolicy(resume=True))
    for number in (2, 1):
        run_resumable(model, scan, parts, ResumePolicy(part=Part(number, 2)))
    run_resumable(model, scan, parts, ResumePolicy(merge=True))
    for outputs in (killed, parts):
        np.testing.assert_array_equal(values(outputs.labels), expected)
