"""nnU-Net's own predictor (Isensee et al. 2021) around our network, on this processor; run by
`engine.py` in nnU-Net's environment.

    PYTHON benchmarks/peer_nnunet.py MODEL IMAGE.npy LABELS.npy PATCH

IMAGE is normalised, float32. Steps of half a patch and gaussian weights, as nnU-Net does by
default; no mirroring. Prints seconds.
"""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

import napari_unet as nu


def main() -> None:
    """Predict once, keep the labels, print how long it took."""
    model = Path(sys.argv[1])
    image_file = sys.argv[2]
    labels_file = sys.argv[3]
    patch = int(sys.argv[4])
    network = nu.load_model(model).network
    image = torch.from_numpy(np.load(image_file))
    dimensions = image.ndim
    predictor = nnUNetPredictor(
        tile_step_size=0.5,
        use_gaussian=True,
        use_mirroring=False,
        device=torch.device("cpu"),
        verbose=False,
        allow_tqdm=False,
    )
    predictor.network = network
    predictor.configuration_manager = SimpleNamespace(patch_size=[patch] * dimensions)
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=network.config.out_channels)
    volume = image[None, None] if dimensions == 2 else image[None]
    begin = time.perf_counter()
    scores = predictor.predict_sliding_window_return_logits(volume)
    labels = (scores[0] >= 0) if scores.shape[0] == 1 else scores.argmax(0)
    seconds = time.perf_counter() - begin
    np.save(labels_file, labels.to(torch.uint8).numpy().reshape(image.shape))
    print(seconds)


if __name__ == "__main__":
    main()
