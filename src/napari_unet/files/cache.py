"""Where measurements are kept that later runs use, and that can be lost without harm."""

import os
from pathlib import Path

FOLDER_VARIABLE = "NAPARI_UNET_CACHE"


def measurements_folder() -> Path:
    """A folder in the user's cache; the variable NAPARI_UNET_CACHE names another."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return Path(folder)
    from platformdirs import user_cache_path

    return user_cache_path("napari-unet-loop", appauthor=False)
