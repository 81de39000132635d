import subprocess
import sys

PROGRAM = """
import sys, numpy, napari.layers, napari.utils.colormaps
from napari_unet.widgets.viewer.class_colours import warm_up
warm_up()
before = set(sys.modules)
napari.layers.Labels(
    numpy.zeros((4, 4), numpy.uint8),
    colormap=napari.utils.colormaps.DirectLabelColormap(
        color_dict={0: "transparent", 1: "red", None: "magenta"}
    ),
    features={"index": [0], "class": ["a"]},
)
slow = ("pandas", "skimage.color", "numba")
late = {name for name in set(sys.modules) - before if name.startswith(slow)}
assert not late, late
"""


def test_the_first_labels_layer_finds_its_modules_loaded():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)
