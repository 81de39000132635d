"""What the laws of tiles are tested with: any network and scan, run in one piece or in tiles, by
any engine.
"""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.model.head import head_of
from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Scan, Slices, scan_of
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import Focus, stream

WHOLE = 4096
CLOSE = 1e-5


@dataclass(frozen=True)
class Case:
    """A network, a scan, the engine that runs one on the other, and how it is tiled."""

    spec: ModelSpec
    scan: Scan
    tile_px: int
    focus: Focus
    engine: str = "torch"
    precision: str = "float32"
    device: str = "cpu"

    @property
    def model(self) -> Model:
        """The network."""
        return tiny_model(self.spec)


NETS: dict[int, list[dict[str, object]]] = {
    2: [
        *({"depth": depth} for depth in range(4)),
        {"norm": "instance"},
        {"strides": ((1, 2), (2, 2))},
        {"head_levels": "every", "depth": 3},
        {"head_levels": "every", "strides": ((1, 3), (2, 4))},
    ],
    3: [
        {"depth": 0},
        {"depth": 1},
        {"depth": 1, "strides": ((1, 2, 2),)},
        {"depth": 1, "norm": "instance"},
        {"head_levels": "every", "strides": ((1, 2, 2), (2, 2, 2))},
    ],
}
SPACINGS = {
    2: [None, *((ratio,) * 2 for ratio in (0.4, 0.77, 1.6, 3.1)), (2.0, 0.5)],
    3: [None, *((ratio,) * 3 for ratio in (0.4, 0.77, 1.6, 3.1)), (2.0, 0.5, 0.5)],
}
DTYPES = ("u1", ">u2", "<u4", "<i2", ">i4", "<f4", ">f8")


SPOILT = (None, None, "empty borders", "hot pixels", "not finite")


def spoilt(image: np.ndarray, how: str | None, dimensions: int) -> np.ndarray:
    """An image (frames, *shape, *channels) with what may be wrong in one."""
    rng = np.random.default_rng(image.shape[1])
    if how == "empty borders":
        image = (image.astype(np.float64) / 2 + 60).astype(image.dtype)
        for axis in range(1, dimensions + 1):
            band = [slice(None)] * image.ndim
            band[axis] = slice(0, image.shape[axis] // 6)
            image[tuple(band)] = 0
    if how == "hot pixels":
        hot = 1e6 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
        image.flat[rng.choice(image.size, image.size // 100, replace=False)] = hot
    if how == "not finite" and image.dtype.kind == "f":
        image.flat[rng.choice(image.size, image.size // 50, replace=False)] = np.nan
    return image


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A network and a scan: any dimensions, shape, depth, strides, classes, channels, colours,
    spacing, dtype and order of axes.
    """
    dimensions = draw(st.sampled_from([2, 3]))
    net = draw(st.sampled_from(NETS[dimensions]))
    spacing = draw(st.sampled_from(SPACINGS[dimensions]))
    colours = draw(st.sampled_from([None, None, "channels", "rgb"]))
    channels = 2 if colours == "channels" else 1
    trained = spacing and (1.0,) * dimensions
    spec = tiny_spec(
        dimensions, classes=draw(st.sampled_from([2, 3])), channels=channels, spacing=trained, **net
    )
    longest = {2: 150, 3: 26}[dimensions]
    shape = tuple(
        draw(st.integers(1, int(longest / max(ratio, 1))))
        for ratio in spacing or (1.0,) * dimensions
    )
    frames = draw(st.integers(1, 2))
    more = {None: (), "channels": (2,), "rgb": (3,)}[colours]
    image = np.round(smooth_image((frames, *shape, *more), draw(st.integers(0, 5))) * 250).astype(
        draw(st.sampled_from(DTYPES))
    )
    image = spoilt(image, draw(st.sampled_from(SPOILT)), dimensions)
    axes = "t" + "zyx"[-dimensions:] + "c" * len(more)
    order = draw(st.permutations(range(len(axes))))
    scan = scan_of(
        image.transpose(order), "".join(axes[n] for n in order), spacing, rgb=colours == "rgb"
    )
    focus = Focus((frames - 1,), tuple(draw(st.floats(0, n)) for n in shape))
    return Case(spec, scan, draw(st.sampled_from([16, 32, 48])), focus)


def run(
    case: Case, tile_px: int, focus: Focus | None = None, region: Slices | None = None
) -> tuple[np.ndarray, np.ndarray, int]:
    """Probabilities (channels, frames, *frame; NaN where nothing was computed), labels (frames,
    *frame; 255 likewise), tiles.
    """
    how = {"engine": case.engine, "precision": case.precision, "device": case.device}
    settings = SegmentSettings.model_validate(
        {"tile_px": tile_px, "keep_probabilities": True, **how}
    )
    job = plan_job(case.spec, case.scan, settings, region=region)
    shape = (*case.scan.grid_shape(job.dimensions), *case.scan.frame_shape(job.dimensions))
    channels = head_of(case.spec.architecture).channels
    probabilities = np.full((channels, *shape), np.nan, np.float32)
    labels = np.full(shape, 255, np.uint8)
    tiles = 0
    for tile in stream(case.model, job, focus=focus):
        assert tile.probabilities is not None
        probabilities[(slice(None), *tile.frame, *tile.region)] = tile.probabilities
        labels[(*tile.frame, *tile.region)] = tile.labels
        tiles += 1
        assert tile.done == tiles
        assert tile.engine.startswith(case.engine)
        assert f" on {case.device}" in tile.engine
        assert tile.engine.endswith("float16" if case.device != "cpu" else "bfloat16") == (
            case.precision == "half"
        )
    assert tiles == tile.total
    return probabilities, labels, tiles


def assert_same(
    one: np.ndarray,
    other: np.ndarray,
    labels_one: np.ndarray,
    labels_other: np.ndarray,
    close: float = CLOSE,
) -> None:
    """Probabilities alike, and labels equal wherever the two best classes are further apart than
    that.
    """
    assert not np.isnan(one).any()
    np.testing.assert_allclose(one, other, rtol=0, atol=close)
    both = np.concatenate([1 - one, one]) if len(one) == 1 else one
    best = np.sort(both, axis=0)
    clear = best[-1] - best[-2] > 2 * close
    assert (labels_one == labels_other)[clear].all()
