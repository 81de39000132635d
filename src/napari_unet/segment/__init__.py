"""Floor 3: a scan and a model in, exact tiles out.

The room is named after its verb, and the public interface has the verb: `napari_unet.segment(image,
model)`. Both are this module, which can be called; see `napari_unet.segment.run.segment` for what
it takes.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """A package that can be called like the function it is named after."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        from napari_unet.segment.run import segment

        return segment(*args, **options)

    def __reduce__(self) -> tuple[Any, ...]:
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Room
