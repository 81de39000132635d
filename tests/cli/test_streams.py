"""Streams that are closed, full or read by nobody: a sentence or nothing, and never a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NAPARI_UNET = [sys.executable, "-m", "napari_unet"]
NEEDS_DEV_FULL = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="a device of Linux that is always full"
)


def shell(script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's line in which "$@" is the command."""
    return subprocess.run(
        ["sh", "-c", script, "sh", *NAPARI_UNET], capture_output=True, text=True, timeout=120
    )


needs_shell = pytest.mark.skipif(os.name != "posix", reason="streams are closed by a POSIX shell")


@needs_shell
def test_without_standard_error_results_are_printed() -> None:
    ended = shell('"$@" models list 2>&-')
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "nuclei-2d" in ended.stdout


@needs_shell
def test_a_failure_without_standard_error_has_its_exit_code() -> None:
    ended = shell('"$@" models show no-such-model 2>&-')
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", "")


@needs_shell
def test_with_all_streams_closed_the_command_ends_well() -> None:
    assert shell('"$@" models list <&- >&- 2>&-').returncode == 0


@needs_shell
@NEEDS_DEV_FULL
@pytest.mark.parametrize("words", ["models list", "models list --json", "--help"])
def test_a_full_standard_output_is_one_sentence(words: str) -> None:
    ended = shell(f'"$@" {words} > /dev/full')
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert ended.stderr.count("\n") == 1
    assert "No space left" in ended.stderr


@needs_shell
@NEEDS_DEV_FULL
def test_a_full_standard_error_ends_nothing() -> None:
    ended = shell('"$@" models show no-such-model --json 2> /dev/full')
    assert ended.returncode == 1
    assert "no-such-model" in ended.stdout


@needs_shell
@pytest.mark.parametrize("words", ["models list --json", "models list", "doctor --help"])
def test_a_reader_that_is_gone_is_no_traceback(words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [*NAPARI_UNET, *words.split()],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")
