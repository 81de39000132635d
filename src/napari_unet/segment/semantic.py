"""From scores to probabilities and labels."""

import numpy as np

BLOCK = 2**20  # voxels decided at once: the places that argmax gives take 8 bytes each


def decide(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Labels (*region) uint8 of probabilities (K, *region).

    One channel: 1 where the foreground's probability is at least the threshold. Several: the most
    probable class, the first of equals.
    """
    if len(probabilities) == 1:
        foreground: np.ndarray = probabilities[0] >= threshold
        return foreground.view(np.uint8)
    flat = probabilities.reshape(len(probabilities), -1)
    labels = np.empty(flat.shape[1], np.uint8)
    for start in range(0, labels.size, BLOCK):
        labels[start : start + BLOCK] = flat[:, start : start + BLOCK].argmax(axis=0)
    return labels.reshape(probabilities.shape[1:])
