"""How long until one can begin: import, the command line's help, the widget opened in a viewer.

python benchmarks/startup.py [--rounds 5]
"""

import subprocess
import sys
import time

import store
from options import command_line

IMPORT = """
import time
begin = time.perf_counter()
import napari_unet
print((time.perf_counter() - begin) * 1000)
"""
WIDGET = """
import time
from napari import Viewer
from qtpy.QtWidgets import QApplication
viewer = Viewer()
QApplication.processEvents()
begin = time.perf_counter()
from napari_unet.widgets.segment.dock import SegmentWidget
viewer.window.add_dock_widget(SegmentWidget(viewer), name="Segment")
QApplication.processEvents()
print((time.perf_counter() - begin) * 1000)
import sys
assert "torch" not in sys.modules
viewer.close()
"""


def main() -> None:
    """Each figure in fresh processes, after one round that is not counted."""
    parser = command_line(__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = range(parser.parse_args().rounds + 1)
    figures = {
        "import napari_unet, ms": store.spread([_printed_by(IMPORT) for _ in rounds][1:], 1),
        "napari-unet --help, ms": store.spread([_help() for _ in rounds][1:], 1),
        "opening the widget, ms": store.spread([_printed_by(WIDGET) for _ in rounds][1:], 1),
    }
    store.save("startup", "python benchmarks/startup.py", figures)


def _printed_by(code: str) -> float:
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return float(out.split()[0])


def _help() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "napari_unet", "--help"], capture_output=True, check=True)
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    main()
