"""Scans of any size for the benchmarks of segmenting, made of real ones side by side, and the
program run on them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import tifffile
import zarr

CHUNK = {2: 1024, 3: 128}


@dataclass(frozen=True)
class Ended:
    """A run of the program: its status, the values of `--json`, and its peak of memory in bytes."""

    status: int
    values: dict[str, Any]
    peak_bytes: int


def source(data: Path, dimensions: int) -> np.ndarray:
    """Four test sections of ISBI 2012 two by two, or the block of FIB-25 neurons; mirrored, so that
    copies of it meet without a step.
    """
    if dimensions == 2:
        sections = [
            np.asarray(iio.imread(data / "images" / f"{number}.png")) for number in range(20, 24)
        ]
        one = np.block([sections[:2], sections[2:]])
    else:
        one = np.asarray(tifffile.imread(data / "raw.tif"))
    for axis in range(dimensions):
        one = np.concatenate([one, np.flip(one, axis)], axis)
    return one


def write_scan(path: Path, one: np.ndarray, side: int) -> Path:
    """A zarr of that side along each axis, chunk by chunk."""
    chunk = min(side, CHUNK[one.ndim])
    array = zarr.create_array(
        path, shape=(side,) * one.ndim, chunks=(chunk,) * one.ndim, dtype=one.dtype
    )
    for corner in product(range(0, side, chunk), repeat=one.ndim):
        ranges = [np.arange(start, min(start + chunk, side)) for start in corner]
        part = one[
            np.ix_(*(indices % length for indices, length in zip(ranges, one.shape, strict=True)))
        ]
        array[tuple(slice(indices[0], indices[-1] + 1) for indices in ranges)] = part
    return path


def command(scan: Path, model: Path, output: Path, *more: str) -> list[str]:
    """The command line of one run."""
    axes = "zyx"[-zarr.open_array(scan, mode="r").ndim :]
    options = (
        ("--axes", axes, "--overwrite", "--json")
        if "--resume" not in more and "--part" not in more
        else ("--axes", axes, "--json")
    )
    return [
        sys.executable,
        "-m",
        "napari_unet",
        "segment",
        str(scan),
        "--model",
        str(model),
        "--output",
        str(output),
        *options,
        *more,
    ]


def run(line: Sequence[str]) -> Ended:
    """Run the program to its end."""
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Ended(
        process.returncode, json.loads(text) if text.strip() else {}, usage.ru_maxrss * 1024
    )
