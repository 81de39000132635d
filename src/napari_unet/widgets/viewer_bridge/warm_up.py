"""Does once what napari does for the first Labels layer, while the user is still choosing."""

from contextlib import suppress
from importlib import import_module

MODULES = ("pandas", "scipy.ndimage", "skimage.color.colorconv")


def warm_up() -> None:
    """Import modules and let napari compile how labels become colours, which takes seconds; meant for a thread of its own."""
    for name in MODULES:
        import_module(name)
    with suppress(ImportError, AttributeError):
        import_module("vispy.visuals.line.dash_atlas").DashAtlas()  # numbers that vispy then keeps for every line it draws
    _compile_colours()


def _compile_colours() -> None:
    """Colour a few labels as a result's are: with numba, napari compiles that at first use.

    Not by making a layer: napari would silence warnings meanwhile, for all threads.
    """
    import numpy as np
    from napari.utils.colormaps import DirectLabelColormap

    DirectLabelColormap(color_dict={0: "transparent", 1: "white", None: "magenta"}).map(np.zeros((2, 2), np.uint8))
