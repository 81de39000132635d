"""The only module that imports dask.distributed."""

from typing import Any

from napari_unet.errors import ClusterError

try:
    import distributed as _distributed
except (ImportError, OSError) as error:
    raise ClusterError(f"dask.distributed is installed but does not start ({error}).") from error

__all__ = ["distributed"]

distributed: Any = _distributed
