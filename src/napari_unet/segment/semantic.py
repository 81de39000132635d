"""From scores to probabilities and labels."""

import numpy as np


def decide(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Labels (*region) uint8 of probabilities (K, *region).

    One channel: 1 where the foreground's probability is at least the threshold. Several: the most
    probable class, the first of equals.
    """
    labels: np.ndarray = probabilities[0] >= threshold if len(probabilities) == 1 else probabilities.argmax(axis=0)
    return labels.astype(np.uint8)
