"""Build hook: an editable install does not see force-included files, so it gets a copy of the
manifest.
"""

import shutil
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ManifestHook(BuildHookInterface):
    """Copies the one napari.yaml of the root into the package for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Copy the manifest where npe2 looks for it; a wheel has it by force-include."""
        if version == "editable":
            root = Path(self.root)
            shutil.copyfile(root / "napari.yaml", root / "src" / "napari_unet" / "napari.yaml")
