import numpy as np
import pytest

from helpers.tiny import smooth_image
from napari_unet.errors import SettingsError
from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.data import centres
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.data.patches import PatchSampler, mirrored, patch_shape, take_window
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.torch_import import torch

STEADY = AugmentSettings(contrast=1, brightness=0, gamma=1, noise=0, blur_px=0)
CUT = STEADY.model_copy(update={"warped_share": 0.0})


def settings(
    patch_px: int = 16, augment: AugmentSettings = CUT, **changes: object
) -> TrainSettings:
    return TrainSettings.model_validate(
        {"steps": 1, "patch_px": patch_px, "augment": augment, **changes}
    )


def labelled(
    *shape: int, spacing: tuple[float, ...] | None = None, labels: np.ndarray | None = None
) -> Example:
    image = smooth_image(shape)
    return Example(
        image[None], (image > 0.5).astype(np.uint8) if labels is None else labels, spacing=spacing
    )


@pytest.mark.parametrize("shape", [(40, 40), (24, 24, 24)])
def test_patches_that_are_not_warped_are_voxels_of_the_frame(shape: tuple[int, ...]) -> None:
    example = labelled(*shape)
    batch = PatchSampler([example], settings()).batch(6)
    assert batch.images.shape == (6, 1, *(16,) * len(shape))
    known = np.sort(example.image.ravel())
    nearest = known[np.searchsorted(known, batch.images.numpy().ravel()).clip(1, known.size - 1)]
    below = known[np.searchsorted(known, batch.images.numpy().ravel()).clip(1, known.size - 1) - 1]
    found = batch.images.numpy().ravel()
    assert np.minimum(abs(nearest - found), abs(below - found)).max() < 1e-4
    sure = (batch.images[:, 0] - 0.5).abs() > 1e-3
    assert ((batch.images[:, 0] > 0.5).long() == batch.labels)[sure].all()


@pytest.mark.parametrize(
    ("shape", "spacing"), [((60, 60), None), ((24, 48, 48), (1.5, 1, 1)), ((12, 48, 48), (5, 1, 1))]
)
def test_labels_targets_and_weight_go_the_way_of_the_image(
    shape: tuple[int, ...], spacing: tuple[float, ...] | None
) -> None:
    image = smooth_image(shape)
    example = Example(
        image[None],
        (image > 0.5).astype(np.uint8),
        (1 - image[None]).astype(np.float16),
        image * 2,
        spacing,
    )
    strong = STEADY.model_copy(update={"elastic_px": 6.0, "warped_share": 1.0})
    batch = PatchSampler([example], settings(32, strong), multiple=(4,) * len(shape)).batch(4)
    assert batch.parent_targets is not None
    assert batch.weight is not None
    sure = (batch.images[:, 0] - 0.5).abs() > 0.1
    assert ((batch.images[:, 0] > 0.5).long() == batch.labels)[sure].float().mean() > 0.99
    assert torch.allclose(batch.parent_targets, 1 - batch.images, atol=1e-3)
    assert torch.allclose(batch.weight, 2 * batch.images[:, 0], atol=1e-5)


def test_what_only_some_examples_have_is_unknown_in_the_others() -> None:
    one = labelled(20, 20)
    two = Example(
        one.image, one.labels, np.zeros((3, 20, 20), np.float16), np.full((20, 20), 2, np.float32)
    )
    batch = PatchSampler([one, two], settings(trusted_share=1.0)).batch(12)
    assert batch.parent_targets is not None
    assert batch.weight is not None
    unknown = batch.parent_targets.isnan().flatten(1).all(1)
    assert 0 < unknown.sum() < 12
    assert (batch.weight[unknown] == 1).all()
    assert (batch.weight[~unknown] == 2).all()
    assert (batch.parent_targets[~unknown] == 0).all()


def test_a_state_goes_on_with_the_same_patches() -> None:
    sampler = PatchSampler([labelled(40, 40)], settings(augment=AugmentSettings(), seed=3))
    sampler.batch(2)
    state = sampler.state()
    wanted = sampler.batch(2)
    other = PatchSampler([labelled(40, 40)], settings(augment=AugmentSettings(), seed=3))
    other.set_state(state)
    again = other.batch(2)
    assert torch.equal(wanted.images, again.images)
    assert torch.equal(wanted.labels, again.labels)
    assert not torch.equal(again.images, other.batch(2).images)
    assert all(type(value) is int for value in state.values())


def test_slices_are_not_mixed_where_voxels_are_deep() -> None:
    image = np.broadcast_to(np.arange(8, dtype=np.float32)[:, None, None], (8, 40, 40))[None]
    labels = image[0].astype(np.uint8)
    warp = STEADY.model_copy(update={"warped_share": 1.0})
    deep = PatchSampler(
        [Example(image, labels, spacing=(4.0, 1.0, 1.0))], settings(24, warp)
    ).batch(4)
    assert deep.images.shape[2:] == (6, 24, 24)
    steps = deep.images.amax((1, 3, 4)).diff(dim=1).abs()
    assert torch.allclose(deep.images.amax((1, 3, 4)), deep.images.amin((1, 3, 4)))
    assert torch.allclose(steps, torch.ones_like(steps))
    near = PatchSampler(
        [Example(image, labels, spacing=(2.0, 1.0, 1.0))], settings(24, warp)
    ).batch(4)
    assert not torch.allclose(near.images.amax((1, 3, 4)), near.images.amin((1, 3, 4)))


def test_a_scribble_is_seen_by_every_patch_wherever_it_lies() -> None:
    for voxel in [(0, 0), (0, 150), (199, 199), (90, 100)]:
        labels = np.full((200, 200), IGNORE, np.uint8)
        labels[voxel] = 1
        for augment in (CUT, STEADY):
            sampler = PatchSampler([labelled(200, 200, labels=labels)], settings(32, augment))
            assert ((sampler.batch(30).labels == 1).flatten(1).any(1)).float().mean() > 0.6


def test_untrusted_frames_are_seen_only_with_a_guard() -> None:
    nothing = np.full((40, 40), IGNORE, np.uint8)
    teaching = labelled(40, 40)
    other = labelled(40, 40, labels=nothing)
    assert (
        (PatchSampler([teaching, other], settings()).batch(40).labels != IGNORE)
        .flatten(1)
        .any(1)
        .all()
    )
    guarded = [
        Example(e.image, e.labels, np.zeros((1, 40, 40), np.float16)) for e in (teaching, other)
    ]
    seen = (
        (PatchSampler(guarded, settings(trusted_share=0.5)).batch(80).labels != IGNORE)
        .flatten(1)
        .any(1)
    )
    assert 40 < seen.sum() < 78
    with pytest.raises(SettingsError, match="no voxel of the labels is trusted"):
        PatchSampler([other], settings())


def test_rare_classes_are_seen_in_whichever_example_they_are() -> None:
    labels = np.zeros((200, 200), np.uint8)
    labels[150:153, 20:23] = 2
    many = [labelled(200, 200, labels=np.zeros((200, 200), np.uint8)) for _ in range(5)]
    sampler = PatchSampler(
        [*many, labelled(200, 200, labels=labels)], settings(32, foreground_share=1.0)
    )
    assert (sampler.batch(40).labels == 2).flatten(1).any(1).sum() >= 10


def test_voxels_to_centre_on_are_any_of_their_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centres, "BLOCK", 100)
    labels = (np.arange(10_000).reshape(100, 100) % 3).astype(np.uint8)
    labels[50:] = IGNORE
    found = centres._trusted_voxels(labels, np.random.default_rng(0))
    assert found.number == {0: 1667, 1: 1667, 2: 1666}
    for label, voxels in found.candidates.items():
        assert len(np.unique(voxels, axis=0)) == len(voxels) == centres.MOST_CANDIDATES
        assert (labels[tuple(voxels.T)] == label).all()
        assert abs(voxels[:, 0].mean() - 24.5) < 2


@pytest.mark.parametrize(
    ("shape", "spacing", "wanted", "multiple", "expected"),
    [
        ((100, 100), None, {"patch_px": 64}, None, (64, 64)),
        ((100, 40), None, {"patch_px": 64}, (16, 16), (64, 48)),
        ((5, 7), None, {"patch_px": 64}, (4, 4), (16, 16)),
        ((100, 200, 200), (4.0, 1.0, 1.0), {"patch_px": 64}, (4, 8, 8), (16, 64, 64)),
        ((35, 51, 36), (1.0, 1.0, 1.0), {"patch_px": 64}, (8, 8, 8), (40, 56, 40)),
        ((35, 51, 36), None, {"patch_shape": (20, 30, 40)}, (8, 8, 8), (24, 32, 40)),
    ],
)
def test_the_patch_fits_the_frames_and_the_network(
    shape: tuple[int, ...],
    spacing: tuple[float, ...] | None,
    wanted: dict[str, object],
    multiple: tuple[int, ...] | None,
    expected: tuple,
) -> None:
    example = labelled(*shape, spacing=spacing)
    assert patch_shape([example], settings(**wanted), multiple) == expected  # type: ignore[arg-type]
    assert (
        PatchSampler([example], settings(**wanted), multiple=multiple).batch(1).images.shape[2:]
        == expected
    )  # type: ignore[arg-type]


def test_a_patch_of_other_dimensions_is_refused() -> None:
    with pytest.raises(SettingsError, match="2D"):
        patch_shape([labelled(20, 20)], settings(patch_shape=(8, 8, 8)))


def test_frames_of_any_size_make_patches_of_one() -> None:
    shapes = [(1, 1), (3, 70), (100, 100)]
    sampler = PatchSampler(
        [labelled(*shape, labels=np.zeros(shape, np.uint8)) for shape in shapes],
        settings(48, AugmentSettings()),
    )
    batch = sampler.batch(20)
    assert batch.images.shape == (20, 1, 48, 48)
    assert torch.isfinite(batch.images).all()


def test_windows_are_slices_or_mirrored() -> None:
    assert mirrored(np.arange(-3, 7), 4).tolist() == [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]
    assert mirrored(np.arange(-2, 2), 1).tolist() == [0] * 4
    array = np.arange(60).reshape(1, 6, 10)
    rows = np.array([3, 2, 1, 0, 1])
    columns = np.arange(4, 8)
    np.testing.assert_array_equal(
        take_window(array, [rows, columns]), array[:, rows][:, :, columns]
    )
    assert np.shares_memory(take_window(array, [np.arange(2, 5), columns]), array)
