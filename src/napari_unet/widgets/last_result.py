"""The last result of a dock: its threshold can be moved while its probabilities are kept."""

import weakref
from functools import partial
from typing import Any

from napari_unet.model.header import ModelHeader
from napari_unet.widgets.block_grid import whole
from napari_unet.widgets.rethreshold import Rethreshold
from napari_unet.widgets.viewer_bridge.focus import slice_shown
from napari_unet.widgets.viewer_bridge.layer_facts import MARK
from napari_unet.widgets.viewer_bridge.result_layer import ResultLayer
from napari_unet.widgets.viewer_bridge.trust import tracked, trust_array


class LastResult:
    """Follows the threshold for a result with two classes and kept probabilities, until its layer is deleted."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._result: ResultLayer | None = None
        self._mover: Rethreshold | None = None
        self._model: ModelHeader | None = None

    def take(self, result: ResultLayer | None, model: ModelHeader | None) -> None:
        """Follow this result of this model from now on."""
        self.forget()
        arrays = result.arrays if result is not None else None
        if result is None or arrays is None or arrays.probabilities is None:
            return
        if arrays.probabilities.shape == arrays.labels.shape:
            self._result, self._model = result, model
            trust = partial(trust_array, weakref.ref(result.labels)) if result.labels is not None else lambda: None
            self._mover = Rethreshold(arrays.labels, arrays.prediction, arrays.probabilities, result.refresh, trust)
            self._mover.moved.connect(self._note)
            result.gone.connect(self.forget)

    def forget(self) -> None:
        """Follow nothing, and let go of the arrays."""
        if self._mover is not None:
            self._mover.stop()
        if self._result is not None:
            self._result.gone.disconnect(self.forget)
        self._result, self._mover = None, None

    def set_threshold(self, threshold: float, model: ModelHeader | None) -> None:
        """Move the threshold of the result if this model made it, what is shown first."""
        viewer = self._viewer()
        labels = self._result.labels if self._result is not None else None
        if self._mover is not None and labels is not None and viewer is not None and model == self._model:
            self._note(None)  # there are two thresholds until all of it has moved
            self._mover.start(threshold, slice_shown(viewer, labels))

    def _note(self, threshold: float | None) -> None:
        if self._result is not None and (labels := self._result.labels) is not None:
            if threshold is not None and (trust := tracked(labels)) is not None:
                trust.rewritten(whole(labels.data.shape))
            settings = labels.metadata.get(MARK, {}).get("settings", {})
            self._result.note({"threshold": threshold, "settings": {**settings, "threshold": threshold}})
