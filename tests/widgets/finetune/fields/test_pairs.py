from helpers.leaves import layer
from helpers.tiny import tiny_spec
from napari_unet.widgets.fields.values import InputChoice, LabelsFacts
from napari_unet.widgets.finetune.fields.pair_row import fits, likely_image, likely_labels
from napari_unet.widgets.finetune.fields.pairs import PairsPicker


def labels(key: int, name: str, shape=(64, 48), **facts) -> LabelsFacts:
    return LabelsFacts(key, name, shape, **facts)


def made_from(*keys: int, axes: str = "yx") -> InputChoice:
    return InputChoice(keys, axes, (1.0,) * len(axes), "um")


def picker_with(qtbot, images, labels_layers) -> PairsPicker:
    picker = PairsPicker()
    qtbot.addWidget(picker)
    picker.set_model(tiny_spec())
    picker.set_layers(images, labels_layers)
    return picker


def test_shapes_agree_without_channels_and_colours():
    assert fits(layer(shape=(64, 48, 3), rgb=True), labels(2, "l"))
    assert fits(layer(shape=(2, 64, 48)), labels(2, "l"))
    assert not fits(layer(shape=(64, 49)), labels(2, "l"))


def test_the_image_is_what_the_labels_were_made_from():
    images = [layer(1, "a"), layer(2, "b")]
    assert likely_image(labels(9, "x", source=made_from(1)), images).key == 1
    assert likely_image(labels(9, "a: truth"), images).key == 1
    assert likely_image(labels(9, "x"), images).key == 2


def test_a_shown_result_is_learnt_from_first():
    images = [layer(1, "a")]
    hidden = labels(5, "truth", visible=False)
    result = labels(6, "result", source=made_from(1))
    plain = labels(7, "plain")
    assert likely_labels([hidden, result, plain], images) is result
    assert likely_labels([hidden], images) is hidden
    assert likely_labels([labels(8, "other", shape=(3, 3))], images) is None


def test_the_obvious_pair_is_found(qtbot):
    picker = picker_with(
        qtbot, [layer(1, "a"), layer(2, "b")], [labels(5, "a · tiny", source=made_from(1))]
    )
    (pair,) = picker.value()
    assert (pair.image.layers, pair.image.axes, pair.labels) == ((1,), "yx", 5)


def test_axes_and_spacing_are_those_of_the_segmentation(qtbot):
    picker = picker_with(qtbot, [layer(1, "a", (7, 64, 48))], [])
    picker.set_layers(
        [layer(1, "a", (7, 64, 48))],
        [labels(5, "l", (7, 64, 48), source=InputChoice((1,), "tyx", (0.3, 0.4), "um"))],
    )
    (pair,) = picker.value()
    assert (pair.image.axes, pair.image.spacing) == ("tyx", (0.3, 0.4))


def test_a_new_result_takes_the_place_of_an_older_choice(qtbot):
    images = [layer(1, "a")]
    old = labels(5, "old")
    picker = picker_with(qtbot, images, [old])
    with qtbot.waitSignal(picker.value_changed):
        picker.set_layers(images, [old, labels(6, "new", source=made_from(1))])
    assert picker.value()[0].labels == 6


def test_what_a_hand_has_chosen_stays(qtbot):
    images = [layer(1, "a")]
    old = [labels(5, "old"), labels(4, "older")]
    picker = picker_with(qtbot, images, old)
    combo = picker.rows[0]._combo
    combo.setCurrentIndex(combo.findData(4))
    combo.activated.emit(combo.currentIndex())
    picker.set_layers(images, [*old, labels(6, "new", source=made_from(1))])
    assert picker.value()[0].labels == 4


def test_pairs_are_added_and_taken_away(qtbot):
    images = [layer(1, "a"), layer(2, "b", (30, 30))]
    picker = picker_with(
        qtbot,
        images,
        [labels(5, "la", source=made_from(1)), labels(6, "lb", (30, 30), source=made_from(2))],
    )
    assert picker.value()[0].labels == 6
    with qtbot.waitSignal(picker.value_changed):
        picker._add.click()
    assert [(pair.image.layers, pair.labels) for pair in picker.value()] == [((2,), 6), ((1,), 5)]
    assert picker._add.isHidden()
    picker.rows[0]._remove.click()
    assert [pair.labels for pair in picker.value()] == [5]
    assert not picker._add.isHidden()


def test_a_pair_whose_labels_are_gone_goes_too(qtbot):
    images = [layer(1, "a")]
    both = [labels(5, "one", source=made_from(1)), labels(6, "two", source=made_from(1))]
    picker = picker_with(qtbot, images, both)
    picker._add.click()
    picker.set_layers(images, both[1:])
    assert [pair.labels for pair in picker.value()] == [6]
    picker.set_layers(images, [])
    assert [pair.labels for pair in picker.value()] == [None]


def test_a_new_image_does_not_take_the_place_of_the_labels_own(qtbot):
    picker = picker_with(qtbot, [layer(1, "a")], [labels(5, "one", source=made_from(1))])
    picker.set_layers(
        [layer(1, "a"), layer(2, "long", (600, 64, 48))], [labels(5, "one", source=made_from(1))]
    )
    assert picker.value()[0].image.layers == (1,)
