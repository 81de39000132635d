import pytest
from napari.layers import Layer

from napari_unet.widgets import sample_data
from napari_unet.widgets.viewer.layer_facts import layer_facts_of


@pytest.mark.parametrize("name", ["open_nuclei", "open_nuclei_3d", "open_timelapse", "open_axons"])
def test_a_sample_is_an_image_and_its_hidden_truth(name):
    image, truth = (Layer.create(*data) for data in getattr(sample_data, name)())
    assert (type(image).__name__, type(truth).__name__) == ("Image", "Labels")
    assert truth.data.shape == image.data.shape
    assert tuple(truth.scale) == tuple(image.scale)
    assert not truth.visible
    assert layer_facts_of(image).unit == "um"


def test_the_stack_has_its_true_spacing():
    image = Layer.create(*sample_data.open_nuclei_3d()[0])
    assert layer_facts_of(image).spacing == (1.5, 0.5, 0.5)
