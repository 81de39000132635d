"""Segmenting on two cores: ours with each engine against MONAI's and nnU-Net's sliding windows, the
same weights and image, one run.

    # MONAI, to compare with
    pip install --no-deps -r benchmarks/requirements.txt
    # 2048 x 2048, width 32, 4 poolings
    python benchmarks/engine.py 2d --data ISBI2012 --model isbi32.safetensors
    # 256 x 256 x 256, width 16, 3 poolings
    python benchmarks/engine.py 3d --data NEURONS --model neurons.safetensors
    # a minute or two: this checkout's engines beside those of another, without peers
    python benchmarks/engine.py --quick --against CHECKOUT

The models are those that `isbi2012.py --width 32 --save` and `learn_neurons.py --save` made. The
image is made of test sections side by side, or of the block of neurons, mirrored at its ends. Label
differences are counted against the network run once over the whole image. `--nnunet PYTHON` adds
nnU-Net, in an environment of its own (see requirements-nnunet.txt).
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import store
import tifffile
from engine_quick import quick
from learning import binary
from options import command_line

import napari_unet as nu
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.job import plan_job
from napari_unet.segment.statistics.frame import frame_statistics
from napari_unet.segment.stream import Focus, stream
from napari_unet.segment.tasks.registry import task_of
from napari_unet.segment.tiles.normalize import normalize

Labels = np.ndarray
# labels, and seconds where they are not those of the call
Way = Callable[[], tuple[Labels, float | None]]
WHOLE = "whole image, torch eager"
PEERS = ("MONAI", "nnU-Net")


@dataclass(frozen=True)
class Case:
    """An image, the model for it, and how the windows of others go over it."""

    image: np.ndarray
    model: Model
    window: tuple[int, ...]
    file: Path
    patch: int  # of nnU-Net


def main() -> None:
    """Time each way in turn, several rounds, and compare its labels with the whole image's."""
    if "--quick" in sys.argv:
        quick(_quick_options().against)
        return
    options = _options()
    case = two(options) if options.case == "2d" else three(options)
    ways = ways_of(case, options.nnunet)
    times = dict[str, list[float]]()
    labels = dict[str, Labels]()
    for number in range(options.rounds):
        for name, way in ways.items():
            if name.startswith(PEERS) and number >= options.peer_rounds:
                continue
            begin = time.perf_counter()
            labels[name], seconds = way()
            times.setdefault(name, []).append(seconds or time.perf_counter() - begin)
            print(name, round(times[name][-1], 2), flush=True)
    shape = " x ".join(map(str, case.image.shape))
    figures = {
        "image": shape,
        "foreground": round(float((labels[WHOLE] > 0).mean()), 3),
        **table(times, labels),
    }
    store.save(
        f"engine-{options.case}",
        f"python benchmarks/engine.py {options.case} --data FOLDER --model MODEL --nnunet PYTHON",
        figures,
    )


def ways_of(case: Case, nnunet: Path | None) -> dict[str, Way]:
    """Each way by its name; ours have had a first run before."""
    scan = scan_of(case.image)
    dimensions = case.image.ndim
    part, _ = normalize(
        case.image[None], frame_statistics(scan, dimensions, (), case.model.spec.normalization)
    )
    tensor = torch.from_numpy(part)[None]
    engines = [name for name in ("openvino", "torch") if name == "torch" or _usable(case, name)]
    ways: dict[str, Way] = {WHOLE: lambda: (_whole(case.model.network, tensor), None)}
    if engines[0] == "openvino":
        ways["OpenVINO, one whole tile"] = lambda: _one_tile(case, part)
    for name in engines:
        ways[f"napari-unet, {name}"] = partial(_ours, case, engine=name)
    for name in engines:
        ways[f"napari-unet, {name}, half"] = partial(_ours, case, engine=name, precision="half")
    if case.model.spec.halo is not None:
        ways[f"napari-unet, {engines[0]}, exact"] = partial(
            _ours, case, engine=engines[0], halo="exact"
        )
    ways[f"napari-unet, {engines[0]}, from the middle of the view"] = lambda: (
        _viewed(case, engines[0]),
        None,
    )
    ways[f"MONAI, {case.window[0]}, overlap 0.5, gaussian"] = lambda: (_monai(case, tensor), None)
    if nnunet is not None:
        ways[f"nnU-Net, {case.patch}, without mirroring"] = lambda: _nnunet(case, part[0], nnunet)
    return ways


def table(times: dict[str, list[float]], labels: dict[str, Labels]) -> dict[str, Any]:
    """Seconds, throughput against the others', and how many labels differ."""
    peers = {
        peer: float(np.median(seconds))
        for name, seconds in times.items()
        for peer in PEERS
        if name.startswith(peer)
    }
    return {
        name: {
            "seconds": store.spread(seconds, 2),
            **{
                f"times {peer}'s throughput": store.spread([of_peer / s for s in seconds], 2)
                for peer, of_peer in peers.items()
            },
            "labels that differ, share": float(f"{(labels[name] != labels[WHOLE]).mean():.2g}"),
        }
        for name, seconds in times.items()
    }


def two(options: argparse.Namespace) -> Case:
    """Test sections of ISBI 2012, four by four."""
    tests = [
        np.asarray(binary(options.data, f"{20 + number % 10:02}")[0].data) for number in range(16)
    ]
    image = np.block([tests[row : row + 4] for row in range(0, 16, 4)])
    return Case(image, nu.load_model(options.model), (256, 256), options.model, 512)


def three(options: argparse.Namespace) -> Case:
    """The block of neurons, mirrored at its ends to 256³."""
    raw = np.asarray(tifffile.imread(options.data / "raw.tif"))
    image = np.pad(raw, [(0, 256 - n) for n in raw.shape], mode="reflect")
    return Case(image, nu.load_model(options.model), (96, 96, 96), options.model, 128)


def _usable(case: Case, engine: str) -> bool:
    """Whether an engine is installed; this first run also does what is done only once."""
    try:
        nu.segment(case.image, case.model, settings=nu.SegmentSettings(engine=engine))
    except nu.NapariUNetError as error:
        print(error)
        return False
    return True


def _ours(case: Case, **settings: str) -> tuple[Labels, None]:
    return nu.segment(
        case.image, case.model, settings=nu.SegmentSettings.model_validate(settings)
    ), None


def _one_tile(case: Case, part: np.ndarray) -> tuple[Labels, float]:
    """The whole image as one window; compiling for it is not counted."""
    engine = make_engine(case.model, nu.SegmentSettings(engine="openvino"))
    window = torch.from_numpy(part)
    engine.run(window)
    begin = time.perf_counter()
    labels = task_of(case.model.spec).decide(engine.run(window), case.model.spec.threshold)
    return labels.numpy(), time.perf_counter() - begin


def _nnunet(case: Case, part: np.ndarray, python: Path) -> tuple[Labels, float]:
    """Predict in nnU-Net's environment; only its prediction is counted."""
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder, "image.npy")
        labels = Path(folder, "labels.npy")
        np.save(image, part)
        script = Path(__file__).with_name("peer_nnunet.py")
        command = [
            str(python),
            str(script),
            str(case.file),
            str(image),
            str(labels),
            str(case.patch),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return np.load(labels), float(done.stdout.split()[-1])


def _viewed(case: Case, engine: str) -> Labels:
    """As the window does it: the tiles nearest to the middle of the view first."""
    scan = scan_of(case.image)
    job = plan_job(case.model.spec, scan, nu.SegmentSettings(engine=engine))
    labels = np.zeros(case.image.shape, np.uint8)
    for tile in stream(case.model, job, focus=Focus((), tuple(n / 2 for n in case.image.shape))):
        labels[scan.result_index(tile.frame, tile.region)] = tile.labels
    return labels


def _whole(network: torch.nn.Module, tensor: torch.Tensor) -> Labels:
    with torch.inference_mode():
        return decided(network(tensor))


def _monai(case: Case, tensor: torch.Tensor) -> Labels:
    from monai.inferers import sliding_window_inference

    with torch.inference_mode():
        return decided(
            sliding_window_inference(
                tensor, case.window, 4, case.model.network, overlap=0.5, mode="gaussian"
            )
        )


def decided(scores: torch.Tensor) -> Labels:
    """Labels of scores (1, K, *space), as the others' predictors give them."""
    found = (scores[0, 0] >= 0) if scores.shape[1] == 1 else scores[0].argmax(dim=0)
    return found.to(torch.uint8).cpu().numpy()  # type: ignore[no-any-return]


def parser_of(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options that every comparison of these cases has."""
    parser = command_line(description)
    parser.add_argument("case", choices=("2d", "3d"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=rounds)
    return parser


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__, 3)
    parser.add_argument(
        "--peer-rounds", type=int, default=3, help="of MONAI and nnU-Net, which are slow"
    )
    parser.add_argument("--nnunet", type=Path, help="the python of an environment with nnU-Net")
    return parser.parse_args()


def _quick_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--against", type=Path, help="another checkout of this project")
    return parser.parse_args()


if __name__ == "__main__":
    main()
