import pytest

from helpers.leaves import layer
from helpers.tiny import tiny_spec
from napari_unet.widgets.fields.input_picker import InputPicker
from napari_unet.widgets.fields.values import InputChoice


def make(qtbot, *layers, spec=None) -> InputPicker:
    picker = InputPicker()
    qtbot.addWidget(picker)
    picker.set_model(spec or tiny_spec())
    picker.set_layers(layers)
    return picker


@pytest.mark.parametrize(
    ("facts", "axes"),
    [
        ({"shape": (64, 48)}, "yx"),
        ({"shape": (9, 64, 48)}, "zyx"),
        ({"shape": (64, 48, 3), "rgb": True}, "yxc"),
        ({"shape": (4, 64, 48, 3), "rgb": True}, "zyxc"),
        ({"shape": (9, 64, 48), "axis_labels": ("t", "y", "x")}, "tyx"),
        ({"shape": (2, 9, 64, 48)}, "tzyx"),
    ],
)
def test_axes_are_guessed(qtbot, facts, axes):
    assert make(qtbot, layer(**facts)).value().axes == axes


def test_nothing_is_chosen_without_an_image(qtbot):
    assert make(qtbot).value() == InputChoice()


def test_the_first_axis_is_shown_and_can_be_changed(qtbot):
    picker = make(qtbot, layer(shape=(9, 64, 48)))
    combo = picker._axes._combos[0]
    with qtbot.waitSignal(picker.value_changed):
        combo.setCurrentIndex(combo.findData("t"))
    picker.set_layers([layer(shape=(9, 64, 48), name="renamed")])
    assert picker.value().axes == "tyx"


def test_the_pixel_size_is_asked_for_where_it_matters(qtbot):
    assert make(qtbot, layer())._size_row.isHidden()
    assert not make(qtbot, layer(), spec=tiny_spec(spacing=(0.13, 0.13)))._size_row.isHidden()


def test_a_known_pixel_size_that_differs_is_matched_and_said(qtbot):
    picker = make(
        qtbot, layer(spacing=(0.07, 0.07), unit="um"), spec=tiny_spec(spacing=(0.13, 0.13))
    )
    assert not picker._match_row.isHidden()
    assert picker._match_note.text() == "Resampled from 0.07 µm to 0.13 µm"
    assert picker.value() == InputChoice((1,), "yx", (0.07, 0.07), "um")


def test_matching_can_be_switched_off(qtbot):
    picker = make(
        qtbot, layer(spacing=(0.07, 0.07), unit="um"), spec=tiny_spec(spacing=(0.13, 0.13))
    )
    with qtbot.waitSignal(picker.value_changed):
        picker._match.click()
    assert not picker.value().resample
    assert picker._match_note.text() == "Left at 0.07 µm; trained at 0.13 µm"


@pytest.mark.parametrize("own", [None, (0.125, 0.125)])
def test_nothing_is_said_of_an_unknown_or_equal_pixel_size(qtbot, own):
    facts = {"spacing": own, "unit": "um"} if own else {}
    assert make(qtbot, layer(**facts), spec=tiny_spec(spacing=(0.13, 0.13)))._match_row.isHidden()


def test_an_unknown_pixel_size_can_be_entered(qtbot):
    picker = make(qtbot, layer(), spec=tiny_spec(spacing=(0.13, 0.13)))
    assert picker.value().unit == "pixel"
    picker._spacing._boxes["yx"].setValue(0.26)
    assert picker.value() == InputChoice((1,), "yx", (0.26, 0.26), "um")
    assert not picker._match_row.isHidden()


def test_channels_in_one_layer_are_found(qtbot):
    picker = make(qtbot, layer(shape=(2, 64, 48)), spec=tiny_spec(channels=2))
    picker._layers._source.setCurrentIndex(1)
    assert picker.value().axes == "cyx"


@pytest.mark.parametrize(
    ("channels", "numbers", "rgb", "colours"),
    [
        (1, 3, True, 0),
        (1, 4, True, 0),
        (2, 3, False, 3),
        (3, 3, False, 3),
        (3, 4, False, 3),
        (4, 4, False, 4),
        (4, 3, False, 3),
    ],
)
def test_colours_are_channels_of_a_model_with_several(qtbot, channels, numbers, rgb, colours):
    picker = make(
        qtbot, layer(shape=(64, 48, numbers), rgb=True), spec=tiny_spec(channels=channels)
    )
    picker._layers._source.setCurrentIndex(int(channels > 1))
    value = picker.value()
    assert (value.axes, value.rgb, value.colours) == ("yxc", rgb, colours)


def test_channels_in_a_layer_each_are_chosen_in_order(qtbot):
    picker = make(qtbot, layer(1), layer(2), spec=tiny_spec(channels=2))
    assert picker.value().layers == (1, 2)


def test_axes_set_by_hand_give_way_when_the_image_changes_its_dimensions(qtbot):
    picker = make(qtbot, layer(shape=(9, 64, 48)))
    combo = picker._axes._combos[0]
    combo.setCurrentIndex(combo.findData("t"))
    for shape, axes in [((2, 9, 64, 48), "tzyx"), ((64, 48), "yx"), ((9, 64, 48), "tyx")]:
        with qtbot.waitSignal(picker.value_changed):
            picker.set_layers([layer(shape=shape)])
        assert picker.value().axes == axes


def test_layers_that_stay_as_they_are_tell_nothing(qtbot):
    picker = make(qtbot, layer())
    with qtbot.assertNotEmitted(picker.value_changed):
        picker.set_layers([layer()])


@pytest.mark.parametrize(
    "facts", [{"shape": (1,) * 7}, {"shape": (2,) * 10, "axis_labels": tuple("abdefghwyx")}]
)
def test_too_many_axes_are_a_problem_not_a_crash(qtbot, facts):
    picker = make(qtbot, layer())
    with qtbot.waitSignal(picker.value_changed):
        picker.set_layers([layer(**facts)])
    assert picker.value().layers == ()
    assert "axes" in picker.value().problem
    picker.set_layers([layer()])
    assert picker.value() == InputChoice((1,), "yx")


@pytest.mark.parametrize(
    ("labels", "spacing"), [(("z", "y", "x"), ()), (("t", "y", "x"), (0.5, 0.5))]
)
def test_a_pixel_size_is_unknown_while_one_of_its_axes_is(qtbot, labels, spacing):
    assert (
        make(
            qtbot, layer(shape=(9, 64, 48), axis_labels=labels, spacing=(0.0, 0.5, 0.5), unit="um")
        )
        .value()
        .spacing
        == spacing
    )
