"""What every test stands on: a Qt that can start, settings and models of its own, hypothesis
without a stopwatch.
"""

import gc
import math
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from helpers.side_by_side import runs_beside_others, take_own_display, take_share_of_cores
from napari_unet.segment.engine.auto import decision

if runs_beside_others():
    take_share_of_cores()
    take_own_display()
os.environ.setdefault("QT_API", "pyqt6")
os.environ.setdefault("PYTEST_QT_API", os.environ["QT_API"])
os.environ["NAPARI_CONFIG"] = ""  # napari keeps its settings in memory
if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

settings.register_profile("quick", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("thorough", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_finish() -> None:
    """What has been imported stays: to collect garbage, as napari and some tests do after each
    layer, is then to look through what came later.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the models of the person who runs the tests out of them, and the tests' models out of
    theirs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAPARI_UNET_MODELS", str(tmp_path_factory.mktemp("models")))
        patch.setenv("NAPARI_UNET_JOURNALS", str(tmp_path_factory.mktemp("strokes")))
        patch.setenv("NAPARI_UNET_CACHE", str(tmp_path_factory.mktemp("cache")))
        # which engine runs does not hang on how fast the machine is at that moment
        patch.setattr(decision, "TRIED_FROM_S", math.inf)
        patch.setattr(decision, "TRIAL_SHARE", 0.0)
        yield
