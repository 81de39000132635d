"""From probabilities to labels."""

from napari_unet.model.torch_import import torch


def decide(probabilities: torch.Tensor, threshold: float) -> torch.Tensor:
    """Labels (*region) uint8 of probabilities (K, *region), where these are.

    One channel: 1 where the foreground's probability is at least the threshold. Several: the most
    probable class, the first of equals.
    """
    if len(probabilities) == 1:
        return (probabilities[0] >= threshold).view(torch.uint8)
    most = probabilities[0].clone()
    labels = torch.zeros(most.shape, dtype=torch.uint8, device=most.device)
    for label, of_class in enumerate(probabilities[1:], start=1):  # argmax would take 8 bytes for each place
        labels[of_class > most] = label
        torch.maximum(most, of_class, out=most)
    return labels
