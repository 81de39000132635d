"""Neurons' borders in the FIB-25 block (Takemura et al., PNAS 2015), in 3D from scratch in five
minutes: the model of the tables in 3D.

    # report slices 165-195
    python benchmarks/learn_neurons.py --data FOLDER --save neurons.safetensors
    # report slices 200-249
    python benchmarks/learn_neurons.py --data FOLDER --final --save neurons.safetensors

A voxel belongs to a border where one beside it belongs to another neuron. Slices 0-159 teach; the
halo is measured on them too.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import tifffile
from learning import Figures, Pair, add_run, over_runs, pooled
from options import command_line

import napari_unet as nu
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.halo import measured_halo, with_halo
from napari_unet.learn.halo_regions import halo_regions
from napari_unet.learn.optimise.fit import fit
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import exact_halo
from napari_unet.model.model import Model
from napari_unet.model.spec import ClassSpec, ModelSpec, TrainedSpacing
from napari_unet.progress import always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment.engine.torch_engine import TorchEngine

SPACING_UM = (0.008,) * 3
LEARN = slice(0, 160)
CHOOSE = slice(165, 196)
FINAL = slice(200, 250)


def main() -> None:
    """Train, measure and score once for each seed, and store the row."""
    options = _options()
    row = f"learn-neurons-{'test' if options.final else 'validation'}"
    command = (
        f"python benchmarks/learn_neurons.py --data FOLDER{' --final' if options.final else ''}"
    )
    for seed in options.seeds:
        add_run(row, command, str(seed), run(options, seed), over_runs)


def run(options: argparse.Namespace, seed: int) -> Figures:
    """One training, and what `nu.train` does after it: measuring the halo."""
    scan, labels = block(options.data, LEARN)
    spec = ModelSpec(
        name="neurons",
        architecture=UNetConfig(dimensions=3, width=16, depth=3),
        channels=("electron micrograph",),
        classes=(
            ClassSpec(name="inside", colour="#000000"),
            ClassSpec(name="border", colour="#ff9f1c"),
        ),
        spacing=TrainedSpacing(size=SPACING_UM),
    )
    since = time.monotonic()
    found = fit(
        examples_of(scan, labels, spec),
        spec,
        nu.TrainSettings(seed=seed, minutes=options.minutes, patch_px=64, batch=2),
    )
    trained = time.monotonic()
    halo = measured_halo(
        found.model, TorchEngine(found.model.network), halo_regions(spec, [scan]), always_continue
    )
    model = Model(
        with_halo(found.model.spec, halo), found.model.network, found.model.weights_sha256
    )
    measured = time.monotonic()
    if options.save:
        nu.save_model(model, options.save)
    report = block(options.data, FINAL if options.final else CHOOSE)
    return {
        "border Dice": round(pooled(model, [report])[0], 4),
        "seconds": round(trained - since, 1),
        "steps": found.steps,
        "seconds to measure the halo": round(measured - trained, 1),
        "exact halo, voxels": exact_halo(spec.architecture)[0],
        "measured halo, voxels": halo.voxels[0] if halo else None,
        "voxels compared": halo.compared if halo else None,
        "labels that it changes, share": float(f"{halo.changed:.2g}") if halo else None,
    }


def block(folder: Path, slices: slice) -> Pair:
    """Some slices of the block, and the borders in them."""
    raw, ids = (
        np.asarray(tifffile.imread(folder / f"{name}.tif"))[slices]
        for name in ("raw", "neuron_ids")
    )
    border = np.zeros(ids.shape, bool)
    for axis in range(3):
        here, there = (
            tuple(part if n == axis else slice(None) for n in range(3))
            for part in (slice(None, -1), slice(1, None))
        )
        differs = ids[here] != ids[there]
        border[here] |= differs
        border[there] |= differs
    return scan_of(raw, axes="zyx", spacing=SPACING_UM), border.astype(np.uint8)


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--save", type=Path, help="where to save the model of the last seed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
