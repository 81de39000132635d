from helpers.leaves import layer
from napari_unet.widgets.fields.layer_combos import NO_IMAGE, LayerCombos


def make(qtbot, *layers, channels=("image",)) -> LayerCombos:
    combos = LayerCombos()
    qtbot.addWidget(combos)
    combos.set_channels(channels)
    combos.set_layers(layers)
    return combos


def test_nothing_to_choose_from(qtbot):
    combos = make(qtbot)
    assert combos.value() == ()
    assert combos._rows[0][1].currentText() == NO_IMAGE


def test_the_first_image_is_chosen_and_told(qtbot):
    combos = make(qtbot)
    with qtbot.waitSignal(combos.value_changed):
        combos.set_layers([layer(7)])
    assert combos.value() == (7,)


def test_a_new_image_is_chosen(qtbot):
    combos = make(qtbot, layer(1))
    combos.set_layers([layer(1), layer(2)])
    assert combos.value() == (2,)


def test_a_choice_outlives_renaming_and_the_removal_of_others(qtbot):
    combos = make(qtbot, layer(1), layer(2))
    combos.set_value((1,))
    combos.set_layers([layer(1, "renamed")])
    assert combos.value() == (1,)


def test_a_deleted_layer_gives_way(qtbot):
    combos = make(qtbot, layer(1), layer(2))
    combos.set_layers([layer(1)])
    assert combos.value() == (1,)


def test_one_combo_for_each_channel(qtbot):
    combos = make(qtbot, layer(1), layer(2), channels=("membrane", "stain"))
    assert [label.text() for label, _ in combos._rows] == ["membrane", "stain"]
    assert combos.value() == (1, 2)


def test_one_layer_with_a_channel_axis(qtbot):
    combos = make(qtbot, layer(1), layer(2), channels=("membrane", "stain"))
    combos._source.setCurrentIndex(1)
    assert combos.in_one_layer()
    assert len(combos.value()) == 1


def test_channels_are_asked_for_only_where_there_are_several(qtbot):
    assert make(qtbot)._source.isHidden()
    assert not make(qtbot, channels=("a", "b"))._source.isHidden()


def test_channels_that_are_opened_one_after_the_other_are_told_apart(qtbot):
    combos = make(qtbot, layer(1), channels=("membrane", "stain"))
    combos.set_layers([layer(1), layer(2)])
    assert combos.value() == (1, 2)


def test_a_layer_chosen_twice_by_hand_stays(qtbot):
    combos = make(qtbot, layer(1), channels=("membrane", "stain"))
    combos._rows[1][1].activated.emit(0)
    combos.set_layers([layer(1), layer(2)])
    assert combos.value() == (1, 1)
