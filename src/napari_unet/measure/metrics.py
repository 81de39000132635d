"""How well labels agree with the truth, voxel by voxel, in the field's own measures."""

from dataclasses import dataclass

import numpy as np

from napari_unet.errors import ScanError

LABEL_VALUES = 256  # numbers that a label can have: background and 255 classes
BLOCK = 2**22


@dataclass(frozen=True)
class Overlap:
    """How many voxels of one class are in both, in the prediction, and in the truth.

    Where neither has the class they agree, and every measure is 1. Where one alone has it every
    measure is 0, those that would be 0/0 too (precision without a prediction, recall without a
    truth), so that a class that was missed altogether never raises a mean.
    """

    both: int
    found: int
    wanted: int

    @property
    def dice(self) -> float:
        """Twice the common part by the sum of the sizes (Dice, Ecology 26:297, 1945)."""
        return self._ratio(2 * self.both, self.found + self.wanted)

    @property
    def iou(self) -> float:
        """The common part by what either has (Jaccard, New Phytologist 11:37, 1912)."""
        return self._ratio(self.both, self.found + self.wanted - self.both)

    @property
    def precision(self) -> float:
        """The right share of the prediction."""
        return self._ratio(self.both, self.found)

    @property
    def recall(self) -> float:
        """The share of the truth that was found."""
        return self._ratio(self.both, self.wanted)

    def _ratio(self, part: int, whole: int) -> float:
        if self.found == self.wanted == 0:
            return 1.0
        return part / whole if whole else 0.0


def overlap(prediction: np.ndarray, truth: np.ndarray, label: int = 1) -> Overlap:
    """Count the voxels of one label; raises `ScanError` where the arrays differ in shape."""
    if prediction.shape != truth.shape:
        raise ScanError(
            f"The prediction's shape is {prediction.shape} and the truth's {truth.shape}. "
            "Compare labels of one grid."
        )
    found = prediction == label
    wanted = truth == label
    counted = (np.count_nonzero(mask) for mask in (found & wanted, found, wanted))
    return Overlap(*map(int, counted))


def confusion(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many voxels have each pair of labels, (256 predicted, 256 true); both are uint8 arrays of
    one shape.
    """
    matrix = np.zeros(LABEL_VALUES * LABEL_VALUES, np.int64)
    found = prediction.reshape(-1)
    wanted = truth.reshape(-1)
    for start in range(0, found.size, BLOCK):  # bincount needs 8 bytes a voxel
        part = slice(start, start + BLOCK)
        pairs = found[part].astype(np.uint16) * LABEL_VALUES + wanted[part]
        matrix += np.bincount(pairs, minlength=matrix.size)
    return matrix.reshape(LABEL_VALUES, LABEL_VALUES)


def overlap_of(matrix: np.ndarray, label: int) -> Overlap:
    """One label's `Overlap`, from the matrix of `confusion`."""
    return Overlap(int(matrix[label, label]), int(matrix[label].sum()), int(matrix[:, label].sum()))
