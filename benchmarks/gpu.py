"""Segmenting on an NVIDIA card: ours in float32 and half against MONAI's and nnU-Net's sliding
windows, the same weights and image.

    # MONAI; nnU-Net (requirements-nnunet.txt) goes into the same environment
    pip install --no-deps -r benchmarks/requirements.txt
    python benchmarks/gpu.py 2d --data ISBI2012 --model isbi32.safetensors
    python benchmarks/gpu.py 3d --data NEURONS --model neurons.safetensors

Everything is timed from an image in the machine's memory to labels there. The others get the image
normalised; ours normalises. "the whole call" has, beside the tiles, the statistics of the image and
the making of the engine. Label differences are counted against the network run once over the whole
image, in float32. The shares are of what the card reaches in a large copy and in a product of large
matrices of the same number format, by what a pass through the network has to move and to compute.
"""

import time
from collections.abc import Callable
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import store
from engine import PEERS, WHOLE, Case, Labels, decided, parser_of, three, two

import napari_unet as nu
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine.torch_engine import TorchEngine, folded
from napari_unet.segment.job import plan_job
from napari_unet.segment.statistics.frame import frame_statistics
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.normalize import normalize

nn = torch.nn
CARD = "cuda:0"
Way = Callable[[], Labels]


def main() -> None:
    """Time each way in turn, several rounds, and compare its labels with the whole image's."""
    options = parser_of(__doc__, 5).parse_args()
    torch.backends.cudnn.allow_tf32 = False  # float32 means float32 for the others too
    case = two(options) if options.case == "2d" else three(options)
    ways = ways_of(case)
    times = dict[str, list[float]]()
    labels = dict[str, Labels]()
    for number in range(options.rounds + 1):
        for name, way in ways.items():
            torch.cuda.synchronize()
            begin = time.perf_counter()
            labels[name] = way()
            if number:  # the first warms up
                times.setdefault(name, []).append(time.perf_counter() - begin)
    shape = " x ".join(map(str, case.image.shape))
    figures = {
        "image": shape,
        "card": torch.cuda.get_device_name(),
        **table(times, labels),
        **shares(case),
    }
    command = f"python benchmarks/gpu.py {options.case} --data FOLDER --model MODEL"
    store.save(f"gpu-{options.case}", command, figures, {"torch": torch.__version__})


def ways_of(case: Case) -> dict[str, Way]:
    """Each way by its name."""
    scan = scan_of(case.image)
    dimensions = case.image.ndim
    statistics = frame_statistics(scan, dimensions, (), case.model.spec.normalization)
    part, _ = normalize(case.image[None], statistics)
    tensor = torch.from_numpy(part)[None]
    network = case.model.network.to(CARD).eval()
    ways: dict[str, Way] = {WHOLE: lambda: _whole(network, tensor)}
    halos = ("exact",) if case.model.spec.halo is None else ("measured", "exact")
    for precision in ("float32", "half"):
        engine = TorchEngine(case.model.network, CARD, precision=precision)
        for halo in halos:
            settings = nu.SegmentSettings(device=CARD, precision=precision, halo=halo)
            job = plan_job(case.model.spec, scan, settings)
            job = type(job)(**{**vars(job), "statistics": {(): statistics}})
            ways[f"napari-unet, {precision}, {halo}"] = lambda job=job, engine=engine: _tiles(
                case, job, engine
            )
        settings = nu.SegmentSettings(device=CARD, precision=precision)
        ways[f"napari-unet, {precision}, the whole call"] = lambda settings=settings: nu.segment(
            case.image, case.model, settings=settings
        )
    ways[f"MONAI, {case.window[0]}, overlap 0.5, gaussian, float32"] = lambda: _monai(
        case, network, tensor, half=False
    )
    ways[f"MONAI, {case.window[0]}, overlap 0.5, gaussian, float16"] = lambda: _monai(
        case, network, tensor, half=True
    )
    if (predict := _nnunet(case, network)) is not None:
        ways[f"nnU-Net, {case.patch}, without mirroring, float16"] = lambda: predict(tensor)
    return ways


def table(times: dict[str, list[float]], labels: dict[str, Labels]) -> dict[str, Any]:
    """Seconds, throughput against that of others in the same number format, and how many labels
    differ.
    """
    found: dict[str, Any] = {}
    for name, seconds in times.items():
        numbers = "float16" if "half" in name or "float16" in name else "float32"
        others = {
            peer.split(",")[0]: median(times[peer])
            for peer in times
            if peer.startswith(PEERS) and peer.endswith(numbers)
        }
        ratios = {
            f"times {peer}'s throughput": store.spread([took / s for s in seconds], 2)
            for peer, took in others.items()
        }
        differ = float(f"{(labels[name] != labels[WHOLE]).mean():.2g}")
        found[name] = {
            "milliseconds": store.spread([s * 1e3 for s in seconds], 1),
            **ratios,
            "labels that differ, share": differ,
        }
    return found


def shares(case: Case) -> dict[str, Any]:
    """What the card reaches by itself, and how much of that a pass through the network does."""
    bandwidth = _bandwidth()
    features = case.image.size * case.model.spec.architecture.width
    found: dict[str, Any] = {"copy, TB/s": round(bandwidth / 1e12, 2)}
    for precision, numbers in (("float32", torch.float32), ("half", torch.float16)):
        square = torch.randn(8192, 8192, device=CARD, dtype=numbers)
        rate = 2 * 8192**3 / _seconds(lambda square=square: square @ square)
        window = torch.rand(1, *case.image.shape, device=CARD)
        engine = TorchEngine(case.model.network, CARD, precision=precision)  # type: ignore[arg-type]
        seconds = _seconds(lambda engine=engine, window=window: engine.run(window))
        operations, moved = _work(case, window.shape[1:], numbers.itemsize)
        found[f"one pass over the whole image, {precision}"] = {
            "milliseconds": round(seconds * 1e3, 1),
            "matrix product, TFLOP/s": round(rate / 1e12, 1),
            "share of the matrix rate": round(operations / seconds / rate, 3),
            "share of the copy bandwidth": round(moved / seconds / bandwidth, 3),
            "peak, bytes per voxel and feature": round(
                _peak(lambda engine=engine, window=window: engine.run(window)) / features, 1
            ),
        }
    return found


def _bandwidth() -> float:
    """Bytes read and written each second by a large copy."""
    copied = torch.randn(2**28, device=CARD)
    other = torch.empty_like(copied)
    return 2 * copied.nbytes / _seconds(lambda: other.copy_(copied))


def _work(case: Case, shape: tuple[int, ...], size: int) -> tuple[float, float]:
    """Operations of the convolutions, and bytes that each of them, and each pooling, has to read
    and write.
    """
    operations = 0.0
    moved = 0.0
    network = folded(case.model.network).to("meta")

    def count(part: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal operations, moved
        moved += (given[0].numel() + output.numel()) * size
        if isinstance(part, (nn.ConvTranspose2d, nn.ConvTranspose3d)):
            operations += 2 * part.weight.numel() * given[0][0, 0].numel()
        elif not isinstance(part, (nn.MaxPool2d, nn.MaxPool3d)):
            operations += 2 * part.weight.numel() * output[0, 0].numel()

    for part in network.modules():
        if not list(part.children()) and not isinstance(
            part, (nn.Identity, nn.Dropout2d, nn.Dropout3d)
        ):
            part.register_forward_hook(count)
    network(torch.empty(1, 1, *shape, device="meta"))
    return operations, moved


def _seconds(run: Callable[[], object]) -> float:
    """The median of five, by the card's own clock."""
    run()
    marks = [
        (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True))
        for _ in range(5)
    ]
    for begin, end in marks:
        begin.record()
        run()
        end.record()
    torch.cuda.synchronize()
    return float(np.median([begin.elapsed_time(end) for begin, end in marks])) / 1e3


def _peak(run: Callable[[], object]) -> int:
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    run()
    return torch.cuda.max_memory_allocated() - before


def _tiles(case: Case, job: Any, engine: TorchEngine) -> Labels:
    labels = np.zeros(case.image.shape, np.uint8)
    for tile in stream(case.model, job, engine=engine):
        labels[tile.region] = tile.labels
    return labels


def _whole(network: nn.Module, tensor: torch.Tensor) -> Labels:
    with torch.inference_mode():
        return decided(network(tensor.to(CARD)))


def _monai(case: Case, network: nn.Module, tensor: torch.Tensor, half: bool) -> Labels:
    from monai.inferers import sliding_window_inference

    with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=half):
        return decided(
            sliding_window_inference(
                tensor.to(CARD), case.window, 4, network, overlap=0.5, mode="gaussian"
            )
        )


def _nnunet(case: Case, network: nn.Module) -> Callable[[torch.Tensor], Labels] | None:
    """nnU-Net's own predictor around our network; None where it is not installed."""
    try:
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    except ImportError as error:
        print(f"without nnU-Net: {error}")
        return None
    options = {
        "tile_step_size": 0.5,
        "use_gaussian": True,
        "use_mirroring": False,
        "perform_everything_on_device": True,
    }
    predictor = nnUNetPredictor(
        **options, device=torch.device(CARD), verbose=False, allow_tqdm=False
    )
    predictor.network = network
    predictor.configuration_manager = SimpleNamespace(patch_size=[case.patch] * case.image.ndim)
    predictor.label_manager = SimpleNamespace(
        num_segmentation_heads=case.model.spec.architecture.out_channels
    )

    def predict(tensor: torch.Tensor) -> Labels:
        scores = predictor.predict_sliding_window_return_logits(
            tensor if case.image.ndim == 2 else tensor[0]
        )
        return decided(scores[None]).reshape(case.image.shape)

    return predict


if __name__ == "__main__":
    main()
