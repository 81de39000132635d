"""The only module that imports OpenVINO: without its telemetry, which would write to the home
folder and send data.
"""

import sys
from typing import Any

from napari_unet.errors import EngineError

# None in its place makes its import fail, which OpenVINO takes for "not installed"
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

try:
    import openvino as _openvino
    from openvino import opset13 as _opset
except (ImportError, OSError) as error:
    raise EngineError(f"OpenVINO is installed but does not start ({error}).") from error

__all__ = ["openvino", "ops"]

openvino: Any = _openvino
ops: Any = _opset
