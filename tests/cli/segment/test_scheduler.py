"""`napari-unet segment --scheduler`."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import dask
import numpy as np
import pytest

from helpers.command_line import Command
from helpers.dask_here import two_workers
from helpers.resumable import values
from napari_unet.cli.progress_line import ProgressLine
from napari_unet.progress import Progress
from napari_unet.segment.cluster import connect
from napari_unet.segment.cluster.workers import Workers

Models = dict[str, Path]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with two_workers() as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def words(models: Models, stack: Path) -> tuple[object, ...]:
    return (
        "segment",
        stack,
        "--model",
        models["three"],
        "--tile-px",
        16,
        "--device",
        "cpu",
        "--output",
        "a.zarr",
        "--scheduler",
    )


def ordinary(run: Command, words: tuple[object, ...]) -> np.ndarray:
    assert run(*words[:-2], "whole.tif").code == 0
    return values(Path("whole.tif"))


def test_workers_give_the_labels_of_an_ordinary_run(
    run: Command, words: tuple[object, ...], address: str
) -> None:
    ran = run(*words, address, "--probabilities", "p.zarr", "--json")
    (result,) = ran.json["results"]
    assert (ran.code, result["tiles"], result["resumed"], result["part"]) == (0, 48, False, None)
    assert ran.json["engine"].endswith("on cpu")
    assert (result["engine"], result["memory_bytes"]) == (ran.json["engine"], None)
    np.testing.assert_array_equal(values(Path("a.zarr")), ordinary(run, words))
    assert values(Path("p.zarr")).shape == (3, 4, 40, 50)
    assert ran.err.count("has no TLS: whoever reaches that port can run any program") == 1


def test_control_c_keeps_the_finished_tiles(
    run: Command, words: tuple[object, ...], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(line: ProgressLine, progress: Progress) -> None:
        if progress.unit == "tiles" and progress.done > 10:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ProgressLine, "show", show)
        ran = run(*words, address)
    assert ran.code == 130
    assert "of 48 tiles are kept in" in ran.err
    (result,) = run(*words[:-1], "--resume", "--json").json["results"]
    assert result["tiles_skipped"] > 10
    assert result["tiles"] + result["tiles_skipped"] == 48
    np.testing.assert_array_equal(values(Path("a.zarr")), ordinary(run, words))


def test_a_cluster_without_workers_is_waited_for(
    run: Command, words: tuple[object, ...], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workers, "hosts", Counter())
    ran = run(*words, address)
    assert (ran.code, ran.err.count("No worker has joined yet; waiting for one.")) == (0, 1)


@pytest.mark.slow
def test_local_starts_workers_and_ends_them(run: Command, words: tuple[object, ...]) -> None:
    before = dict(os.environ)
    ran = run(*words, "local")
    assert (ran.code, "TLS" in ran.err) == (0, False)
    assert dict(os.environ) == before
    np.testing.assert_array_equal(values(Path("a.zarr")), ordinary(run, words))


def test_where_dask_is_missing_the_extra_is_named(
    run: Command, words: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "distributed_version", lambda: None)
    ran = run(*words, "tls://host:8786")
    assert ran.code == 1
    assert ran.err == (
        "Error: dask.distributed is not installed. Install it with: pip install "
        "'napari-unet-loop[cluster]', or leave --scheduler out.\n"
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("tls://host:8786", "--part", "1/2"), "leave --part out"),
        (("host:8786",), "tls://host:port, tcp://host:port or local"),
    ],
)
def test_what_contradicts_itself_is_wrong_usage(
    run: Command, words: tuple[object, ...], given: tuple[str, ...], sentence: str
) -> None:
    ran = run(*words, *given)
    assert ran.code == 2
    assert sentence in " ".join(ran.err.replace("│", " ").split())


def test_a_tiff_is_refused_before_anything_is_reached(
    run: Command, words: tuple[object, ...]
) -> None:
    ran = run(*words[:-2], "a.tif", "--scheduler", "tls://host:8786")
    assert ran.code == 1
    assert (
        "a.tif is written in one go at the end, so there is nothing for --scheduler. "
        "Name the output .zarr." in ran.err
    )


@pytest.mark.parametrize(
    ("address", "advice"), [("tcp://127.0.0.1:9", False), ("tls://127.0.0.1:9", True)]
)
def test_a_scheduler_that_can_not_be_reached_is_an_error(
    run: Command, words: tuple[object, ...], address: str, advice: bool
) -> None:
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        ran = run(*words, address)
    assert ran.code == 1
    assert f"The dask scheduler {address} can not be reached" in ran.err
    assert ("under distributed.comm.tls" in ran.err) is advice
