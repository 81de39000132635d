import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import Cancelled, CheckpointError, SettingsError
from napari_unet.learn.data.example import Example
from napari_unet.learn.optimise import checkpoint, checkpoint_file
from napari_unet.learn.optimise.checkpoint import Checkpoints
from napari_unet.learn.optimise.checkpoint_file import KEY, read_checkpoint
from napari_unet.learn.optimise.fit import FitRun, FitStep, fit
from napari_unet.learn.settings import TrainSettings
from napari_unet.progress import Control

SPEC = tiny_spec(depth=1, dropout=0.1)
SETTINGS = TrainSettings(steps=8, batch=1, patch_px=32, checkpoint_seconds=0)

CHILD = """
import os, signal, sys
from pathlib import Path
from napari_unet.files import atomic
from napari_unet.learn.optimise.fit import FitRun, fit
from learn.optimise.test_checkpoint import SETTINGS, SPEC, example

path = Path(sys.argv[1])
resume = sys.argv[2] == "resume"
where = sys.argv[3]
last = int(sys.argv[4])
calls = 0
real = getattr(atomic, where)

def die_at_last(*arguments):
    global calls
    calls += 1
    if calls == last:
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments)

setattr(atomic, where, die_at_last)
fit([example()], SPEC, SETTINGS, run=FitRun(checkpoint=path, resume=resume))
"""


def example(seed: int = 3) -> Example:
    image = smooth_image((40, 40), seed)[None]
    return Example(image, (image[0] > 0.5).astype(np.uint8))


class CrashError(Exception):
    pass


def ticking() -> Callable[[], float]:
    """A clock that goes on by 10 ms whenever it is read, however fast the machine is."""
    ticks = count()
    return lambda: next(ticks) / 100


def crashed(
    path: Path,
    at: int = 4,
    settings: TrainSettings = SETTINGS,
    start: Any = None,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """A checkpoint left by a training that broke off."""

    def crash(step: FitStep) -> None:
        if step.done == at:
            raise CrashError

    with pytest.raises(CrashError):
        fit(
            [example()],
            SPEC,
            settings,
            start=start,
            run=FitRun(checkpoint=path, clock=clock),
            on_step=crash,
        )
    return path


def resumed(
    path: Path, settings: TrainSettings = SETTINGS, seed: int = 3, start: Any = None
) -> str:
    return fit(
        [example(seed)], SPEC, settings, start=start, run=FitRun(checkpoint=path, resume=True)
    ).model.weights_sha256


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_killed_while_writing_and_between_it_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    path = tmp_path / "run.ckpt"

    def killed(resume: str, where: str, last: int) -> None:
        command = [sys.executable, "-c", CHILD, str(path), resume, where, str(last)]
        tests = str(Path(__file__).parents[2])
        run = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([tests, *sys.path])},
            capture_output=True,
            text=True,
        )
        assert run.returncode == -signal.SIGKILL, run.stderr

    killed(
        "new", "flush", 3
    )  # in the middle of the third checkpoint: the second is the one that counts
    assert len(list(tmp_path.iterdir())) == 3  # the second, and a part of the third with its lock
    killed("resume", "_flush_folder", 3)  # the fifth was just renamed
    assert resumed(path) == fit([example()], SPEC, SETTINGS).model.weights_sha256
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("change", [{}, {"norm_statistics": "learnt", "frozen_levels": 1}])
def test_a_fine_tune_is_resumed_to_the_same_bits(tmp_path: Path, change: dict[str, Any]) -> None:
    start = tiny_model(SPEC).network
    settings = SETTINGS.model_copy(update=change)
    whole = fit([example()], SPEC, settings, start=start).model.weights_sha256
    assert (
        resumed(crashed(tmp_path / "c", settings=settings, start=start), settings, start=start)
        == whole
    )


def test_minutes_go_on_with_the_steps_that_were_planned(tmp_path: Path) -> None:
    settings = TrainSettings(
        minutes=0.1, batch=1, patch_px=32, checkpoint_seconds=0, warmup_steps=5
    )
    path = crashed(tmp_path / "c", at=40, settings=settings, clock=ticking())
    budget = json.loads(_head(path.read_bytes())["__metadata__"][KEY])["numbers"]["budget"]
    total = budget["renewals"][-1][1] if budget["renewals"] else budget["total"]
    longer = TrainSettings(**{**settings.model_dump(), "minutes": 10})
    fitted = fit(
        [example()], SPEC, longer, run=FitRun(checkpoint=path, resume=True, clock=ticking())
    )
    assert total > 40
    assert fitted.steps == total


def test_another_training_is_refused_and_named(tmp_path: Path) -> None:
    path = crashed(tmp_path / "run.ckpt")
    with pytest.raises(CheckpointError, match="with other data"):
        resumed(path, seed=4)
    with pytest.raises(CheckpointError, match="with other settings"):
        resumed(path, SETTINGS.model_copy(update={"batch": 2}))
    with pytest.raises(CheckpointError, match="with other network"):
        resumed(path, start=tiny_model(SPEC).network)
    with pytest.raises(SettingsError, match="planned for 8 steps, not 9"):
        resumed(path, SETTINGS.model_copy(update={"steps": 9}))
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        resumed(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="none was named"):
        fit([example()], SPEC, SETTINGS, run=FitRun(resume=True))


def test_a_checkpoint_of_before_a_setting_had_its_name_is_of_the_same_training(
    tmp_path: Path,
) -> None:
    path = crashed(tmp_path / "run.ckpt")
    hashes = json.loads(_head(path.read_bytes())["__metadata__"][KEY])["prints"]
    settings = SETTINGS.chosen_for(fine_tuning=False)
    text = settings.model_dump_json(exclude=checkpoint.ABOUT_THE_RUN | checkpoint.SEEN_ELSEWHERE)
    before = text.replace("guard_drawn_images", "guard_pictures")
    assert before != text
    precisions = ("float32", "bfloat16")
    assert hashes["settings"] in {checkpoint._sha256(before + each) for each in precisions}


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    whole = crashed(tmp_path / "run.ckpt").read_bytes()
    hashes = json.loads(_head(whole)["__metadata__"][KEY])["prints"]
    bad = tmp_path / "bad.ckpt"
    flips = [
        whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        for at in range(len(whole) // 2, len(whole), len(whole) // 7)
    ]
    for data in [
        b"",
        b"x" * 20,
        *(whole[:n] for n in range(5, len(whole), len(whole) // 9)),
        *flips,
    ]:
        bad.write_bytes(data)
        with pytest.raises(CheckpointError, match=r"bad\.ckpt"):
            read_checkpoint(bad, hashes)


def test_it_holds_tensors_and_plain_numbers(tmp_path: Path) -> None:
    head = _head(crashed(tmp_path / "run.ckpt").read_bytes())
    values = json.loads(head.pop("__metadata__")[KEY])
    assert set(values) == {"format", "prints", "numbers", "tensors"}
    assert values["numbers"]["budget"]["done"] == 3
    assert {entry["dtype"] for entry in head.values()} <= {"F32", "F64", "I64", "U8"}


def test_a_full_disk_is_said_and_the_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = crashed(tmp_path / "run.ckpt").read_bytes()

    def full(path: Path, payload: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint_file, "_write_bytes", full)
    fitted = fit([example()], SPEC, SETTINGS, run=FitRun(checkpoint=tmp_path / "run.ckpt"))
    assert fitted.steps == 8
    assert "No space left" in fitted.sentence
    assert (tmp_path / "run.ckpt").read_bytes() == old


def test_cancel_leaves_none_of_its_own(tmp_path: Path) -> None:
    answer = [Control.CONTINUE]

    def cancel(step: FitStep) -> None:
        answer[0] = Control.CANCEL if step.done == 3 else Control.CONTINUE

    path = tmp_path / "run.ckpt"
    with pytest.raises(Cancelled):
        fit(
            [example()],
            SPEC,
            SETTINGS,
            run=FitRun(checkpoint=path),
            on_step=cancel,
            control=lambda: answer[0],
        )
    assert not path.exists()


def test_writing_takes_a_fiftieth_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    writes = 0

    def write(*arguments: object) -> None:
        nonlocal writes
        now[0] += 2.0
        writes += 1

    monkeypatch.setattr(checkpoint, "write_checkpoint", write)
    monkeypatch.setattr(checkpoint, "_state_of", lambda *arguments: ({}, {}))
    checkpoints = Checkpoints(tmp_path / "c", 15.0, dict, lambda: now[0])
    while now[0] < 1000:
        now[0] += 0.1
        checkpoints.write_when_due(None, None)  # type: ignore[arg-type]
    assert 8 <= writes <= 11


def _head(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    head: dict[str, Any] = json.loads(data[8 : 8 + length])
    return head
