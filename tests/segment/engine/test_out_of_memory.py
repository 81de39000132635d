"""Which errors mean that memory was not enough, by the words of each library."""

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from helpers.failing import MEMORY_ERRORS
from napari_unet.errors import EngineError, NapariUNetError, NotEnoughMemoryError
from napari_unet.model.torch_import import torch
from napari_unet.segment.engine.out_of_memory import (
    is_out_of_memory,
    memory_errors_explained,
    not_enough_memory,
)

OTHERS = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
    RuntimeError("CUDA error: device-side assert triggered"),
    # these come where a card is full, and as often where an input or a driver does not fit
    RuntimeError(
        "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a "
        "non-contiguous input."
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasLtMatmul(...)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError("Exception from src/inference/src/cpp/core.cpp:117:\nUnsupported processor.\n"),
    ValueError("a label out of memory lane"),
    OSError(2, "No such file or directory"),
    EngineError("OpenVINO failed (no such instruction)."),
    KeyboardInterrupt(),
]


@pytest.mark.parametrize("failure", MEMORY_ERRORS.values(), ids=MEMORY_ERRORS)
def test_the_words_of_each_library_are_known(failure: Callable[[], Exception]) -> None:
    assert is_out_of_memory(failure())
    with pytest.raises(NotEnoughMemoryError) as caught, memory_errors_explained("cuda:1"):
        raise failure()
    sentence = str(caught.value)
    assert sentence.startswith("The memory of cuda:1 was not enough (")
    assert sentence.endswith("). Choose the processor, or a smaller part of the image.")
    assert "\n" not in sentence
    assert "Exception from" not in sentence
    assert len(sentence) < 350


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_other_errors_stay_what_they_are(error: BaseException) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(type(error)) as caught, memory_errors_explained():
        raise error
    assert caught.value is error
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "ask", [lambda: torch.empty(2**46), lambda: np.empty(2**46), lambda: bytearray(2**46)]
)
def test_what_the_libraries_raise_here_is_known(ask: Callable[[], object]) -> None:
    with pytest.raises(NotEnoughMemoryError, match="this computer was not enough"):  # noqa: SIM117
        with memory_errors_explained("cpu"):
            ask()


def test_an_error_of_ours_is_passed_on_as_it_is() -> None:
    error = not_enough_memory(MemoryError(), "mps", "Buy more.")
    assert isinstance(error, NapariUNetError)
    assert str(error) == "The memory of the Apple GPU was not enough (MemoryError). Buy more."
    with pytest.raises(NotEnoughMemoryError) as caught, memory_errors_explained("cuda:0"):
        raise error
    assert caught.value is error


def test_a_paging_file_of_windows_that_is_too_small_is_known() -> None:
    error = OSError(22, "The paging file is too small for this operation to complete")
    error.winerror = 1455  # type: ignore[attr-defined]
    assert is_out_of_memory(error)


def test_the_list_needs_no_torch() -> None:
    code = "import sys, napari_unet.segment.engine.out_of_memory; print('torch' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert ran.stdout == "False\n"
