"""What runs in a child process of the window, which imports no torch for it: a model is tried on a
part of a scan that a file holds, and the advice is printed as JSON.

python -m napari_unet.segment.suitability.child MODEL PART.npz
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from napari_unet.model.library import load_model
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.suitability.assess import assess_part
from napari_unet.segment.suitability.part_file import load_part

# the processor: a card takes longer to begin than the part takes
PROCESSOR = SegmentSettings(device="cpu")


def print_advice(words: Sequence[str]) -> None:
    """Write the advice on a model and a part to standard output."""
    model, part = words
    advice = assess_part(load_model(Path(model)), load_part(Path(part)), PROCESSOR)
    sys.stdout.write(json.dumps(advice.as_dict()))


if __name__ == "__main__":
    print_advice(sys.argv[1:])
