"""The measures beside those of MONAI and scikit-image, on blobs of two classes."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import contingency_table, hausdorff_distance
from skimage.segmentation import find_boundaries

from helpers.surfaces import surface_distances
from napari_unet.measure.evaluate import evaluate
from napari_unet.measure.metrics import confusion
from napari_unet.measure.surface import surface
from napari_unet.model.torch_import import torch

with warnings.catch_warnings():
    # what MONAI imports tells of its own future; nothing of ours is imported here
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    from monai import metrics as monai

# MONAI calls its own function with an argument that it calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")

SCANS = [
    ((40, 50), (1.0, 1.0)),
    ((40, 50), (0.3, 2.0)),
    ((14, 24, 20), (2.0, 0.5, 0.7)),
    ((14, 24, 20), (1.0, 1.0, 1.0)),
]
FLOAT32 = 1e-5  # MONAI's distances are float32


def blobs(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Labels 0, 1 and 2, some of them at the edge of the image."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2.5)
    return np.digitize(noise, np.quantile(noise, [0.5, 0.8])).astype(np.uint8)


def pair(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    truth = blobs(shape, 0)
    return np.where(blobs(shape, 1) == 2, blobs(shape, 2), np.roll(truth, 1, axis=-1)).astype(
        np.uint8
    ), truth


def one_hot(labels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(
        np.stack([labels == label for label in range(3)])[None].astype(np.float32)
    )


@pytest.mark.parametrize(("shape", "spacing"), SCANS)
def test_monai_measures_the_same(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    found, truth = (one_hot(labels) for labels in pair(shape))
    matrix = monai.get_confusion_matrix(found, truth, include_background=False)
    theirs = {
        "dice": monai.compute_dice(found, truth, include_background=False),
        "iou": monai.compute_iou(found, truth, include_background=False),
        "precision": monai.compute_confusion_matrix_metric("precision", matrix),
        "recall": monai.compute_confusion_matrix_metric("recall", matrix),
        "hd95": monai.compute_hausdorff_distance(
            found, truth, percentile=95, spacing=list(spacing)
        ),
        "average_surface_distance": monai.compute_average_surface_distance(
            found, truth, symmetric=True, spacing=list(spacing)
        ),
    }
    ours = evaluate(*pair(shape), spacing=spacing)
    for key, values in theirs.items():
        assert [ours[key]["1"], ours[key]["2"]] == pytest.approx(values[0].tolist(), rel=FLOAT32), (
            key
        )
        assert ours[key]["mean"] == pytest.approx(float(values.mean()), rel=FLOAT32)
    assert ours["hd95"]["mean"] > ours["average_surface_distance"]["mean"] > 0


def test_monai_has_no_number_for_a_missing_class_and_we_do() -> None:
    nothing, (found, truth) = np.zeros((40, 50), np.uint8), pair((40, 50))
    with pytest.warns(UserWarning, match="all 0"):
        theirs = monai.compute_hausdorff_distance(one_hot(nothing), one_hot(truth), percentile=95)
    assert not torch.isfinite(theirs).any()
    ours = evaluate(nothing, truth)
    for key in ("hd95", "average_surface_distance"):
        assert list(ours[key].values()) == pytest.approx([np.hypot(40, 50)] * 3)
    assert torch.isnan(
        monai.compute_dice(one_hot(found), one_hot(nothing), include_background=False)
    ).all()
    assert set(evaluate(found, nothing)["dice"].values()) == {0.0}


@pytest.mark.parametrize("shape", [(40, 50), (14, 24, 20)])
def test_scikit_image_measures_the_same_between_surfaces(shape: tuple[int, ...]) -> None:
    found, truth = (labels == 1 for labels in pair(shape))
    surfaces = (surface(found), surface(truth))
    ours = surface_distances(found, truth)
    assert ours.percentile(100) == pytest.approx(hausdorff_distance(*surfaces))
    means = ours.from_prediction.mean(), ours.from_truth.mean()
    assert max(means) == pytest.approx(hausdorff_distance(*surfaces, method="modified"))


def test_scikit_image_compares_whole_sets_where_we_compare_surfaces() -> None:
    whole, hollow = np.zeros((2, 11, 11), bool)
    whole[1:10, 1:10] = hollow[1:10, 1:10] = True
    hollow[5, 5] = False
    ours = surface_distances(whole, hollow).percentile(100)
    assert ours == 3, "the wall of the hole lies three behind the outer surface"
    assert hausdorff_distance(whole, hollow) == 1, "the hole itself lies beside its wall"


@pytest.mark.parametrize("shape", [(40, 50), (14, 24, 20)])
def test_scikit_image_finds_the_same_surface_away_from_the_edge(shape: tuple[int, ...]) -> None:
    mask = np.pad(
        blobs(shape, 3) == 1, 1
    )  # at the edge, it takes what lies beyond to be as what lies before
    np.testing.assert_array_equal(
        surface(mask), find_boundaries(mask, connectivity=1, mode="inner")
    )


def test_scikit_image_counts_the_same() -> None:
    found, truth = pair((14, 24, 20))
    np.testing.assert_array_equal(
        confusion(found, truth)[:3, :3], contingency_table(found, truth).toarray()
    )
