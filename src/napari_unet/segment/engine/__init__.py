"""Engines: what runs a network on a window. Torch is always there; OpenVINO is imported when it is
chosen.
"""

from napari_unet.segment.engine.choice import choose_device as choose_device
from napari_unet.segment.engine.choice import make_engine as make_engine
from napari_unet.segment.engine.fallback import FallbackEngine as FallbackEngine
from napari_unet.segment.engine.protocol import Engine as Engine
from napari_unet.segment.engine.protocol import EngineFacts as EngineFacts
from napari_unet.segment.engine.protocol import KnownEngine as KnownEngine
from napari_unet.segment.engine.timed_engine import timed as timed
from napari_unet.segment.engine.torch_engine import TorchEngine as TorchEngine
from napari_unet.segment.engine.torch_engine import folded as folded
