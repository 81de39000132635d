"""Segmenting on two cores: ours with each engine against MONAI's sliding window, the same weights, the same image, one run.

    pip install --no-deps -r benchmarks/requirements.txt           # MONAI, to compare with
    python benchmarks/engine.py 2d --data ISBI2012 --model isbi32.safetensors         # 2048 x 2048, width 32, 4 poolings
    python benchmarks/engine.py 3d --data HIPPOCAMPUS --model hippocampus.safetensors # 256 x 256 x 256, width 16, 3 poolings

The models are those that `isbi2012.py --width 32 --save` and `learn_hippocampus.py --save` made. The image is made of test
sections, or of test volumes, side by side. Label differences are counted against the network run once over the whole image.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import store
from learn_hippocampus import volume
from learning import binary, names

import napari_unet as nu
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import scan_of
from napari_unet.segment.job import plan_job
from napari_unet.segment.normalize import frame_statistics, normalize
from napari_unet.segment.stream import Focus, stream

Labels = np.ndarray
Way = Callable[[], Labels]


@dataclass(frozen=True)
class Case:
    """An image, the model for it, and how MONAI's window goes over it."""

    image: np.ndarray
    model: Model
    window: tuple[int, ...]


def main() -> None:
    """Time each way in turn, several rounds, and compare its labels with the whole image's."""
    options = _options()
    case = two(options) if options.case == "2d" else three(options)
    ways, times, labels = ways_of(case), dict[str, list[float]](), dict[str, Labels]()
    for number in range(options.rounds):
        for name, way in ways.items():
            if name.startswith("MONAI") and number >= options.peer_rounds:
                continue
            begin = time.perf_counter()
            labels[name] = way()
            times.setdefault(name, []).append(time.perf_counter() - begin)
            print(name, round(times[name][-1], 2), flush=True)
    shape = " x ".join(map(str, case.image.shape))
    figures = {"image": shape, "foreground": round(float((labels["whole image, torch eager"] > 0).mean()), 3), **table(times, labels)}
    store.save(f"engine-{options.case}", f"python benchmarks/engine.py {options.case} --data FOLDER --model MODEL", figures)


def ways_of(case: Case) -> dict[str, Way]:
    """Each way by its name; the first of ours that is timed has what it compiles in its cache from a run before."""
    scan = scan_of(case.image)
    dimensions = case.image.ndim
    part, _ = normalize(case.image[None], frame_statistics(scan, dimensions, (), case.model.spec.normalization))
    tensor = torch.from_numpy(part)[None]
    engines = [name for name in ("openvino", "torch") if name == "torch" or _usable(case, name)]
    ways: dict[str, Way] = {"whole image, torch eager": lambda: _whole(case.model.network, tensor)}
    for name in engines:
        ways[f"napari-unet, {name}"] = lambda name=name: nu.segment(case.image, case.model, settings=nu.SegmentSettings(engine=name))  # type: ignore[misc]
    ways[f"napari-unet, {engines[0]}, from the middle of the view"] = lambda: _viewed(case, engines[0])
    ways[f"MONAI, {case.window[0]}, overlap 0.5, gaussian"] = lambda: _monai(case, tensor)
    return ways


def table(times: dict[str, list[float]], labels: dict[str, Labels]) -> dict[str, Any]:
    """Seconds, throughput against MONAI's, and how many labels differ."""
    whole = labels["whole image, torch eager"]
    peer = float(np.median(next(seconds for name, seconds in times.items() if name.startswith("MONAI"))))
    return {
        name: {
            "seconds": store.spread(seconds, 2),
            "times MONAI's throughput": store.spread([peer / s for s in seconds], 2),
            "labels that differ, share": float(f"{(labels[name] != whole).mean():.2g}"),
        }
        for name, seconds in times.items()
    }


def two(options: argparse.Namespace) -> Case:
    """Test sections of ISBI 2012, four by four."""
    tests = [np.asarray(binary(options.data, f"{20 + number % 10:02}")[0].data) for number in range(16)]
    return Case(np.block([tests[row : row + 4] for row in range(0, 16, 4)]), nu.load_model(options.model), (256, 256))


def three(options: argparse.Namespace) -> Case:
    """Test volumes of the hippocampus, mirrored to 64³ each, four by four by four."""
    volumes = [np.asarray(volume(options.data, name)[0].data, np.float32) for name in names(options.data, "test")]
    tests = [np.pad(one, [(0, max(0, 64 - n)) for n in one.shape], mode="reflect")[:64, :64, :64] for one in volumes]
    blocks = [[[tests[(16 * z + 4 * y + x) % len(tests)] for x in range(4)] for y in range(4)] for z in range(4)]
    return Case(np.block(blocks), nu.load_model(options.model), (96, 96, 96))


def _usable(case: Case, engine: str) -> bool:
    """Whether an engine is installed; what it compiles for this model is kept in its cache by this."""
    try:
        nu.segment(case.image, case.model, settings=nu.SegmentSettings(engine=engine))
    except nu.NapariUNetError as error:
        print(error)
        return False
    return True


def _viewed(case: Case, engine: str) -> Labels:
    """As the window does it: the tiles nearest to the middle of the view first."""
    scan = scan_of(case.image)
    job = plan_job(case.model.spec, scan, nu.SegmentSettings(engine=engine))
    labels = np.zeros(case.image.shape, np.uint8)
    for tile in stream(case.model, job, focus=Focus((), tuple(n / 2 for n in case.image.shape))):
        labels[scan.place(tile.frame, tile.region)] = tile.labels
    return labels


def _whole(network: torch.nn.Module, tensor: torch.Tensor) -> Labels:
    with torch.inference_mode():
        return _decide(network(tensor))


def _monai(case: Case, tensor: torch.Tensor) -> Labels:
    from monai.inferers import sliding_window_inference

    with torch.inference_mode():
        return _decide(sliding_window_inference(tensor, case.window, 4, case.model.network, overlap=0.5, mode="gaussian"))


def _decide(scores: torch.Tensor) -> Labels:
    found = (scores[0, 0] >= 0) if scores.shape[1] == 1 else scores[0].argmax(dim=0)
    return found.to(torch.uint8).numpy()  # type: ignore[no-any-return]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=("2d", "3d"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-rounds", type=int, default=3, help="of MONAI, which is slow")
    return parser.parse_args()


if __name__ == "__main__":
    main()
