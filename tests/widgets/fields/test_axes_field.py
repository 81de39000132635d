from napari_unet.widgets.fields.axes_field import AxesField


def make(qtbot, lengths=(5, 3), letters="tz") -> AxesField:
    field = AxesField()
    qtbot.addWidget(field)
    field.set_value(lengths, letters)
    return field


def test_it_shows_what_it_is_given(qtbot):
    field = make(qtbot)
    assert field.value() == "tz"
    assert [combo.currentText() for combo in field._combos] == ["time (5)", "stack (3)"]


def test_a_slice_has_no_rows(qtbot):
    field = make(qtbot, (), "")
    assert field.value() == ""
    assert field.isHidden()


def test_a_choice_is_reported(qtbot):
    field = make(qtbot, (5,), "z")
    with qtbot.waitSignal(field.value_changed):
        field._combos[0].setCurrentIndex(field._combos[0].findData("c"))
    assert field.value() == "c"


def test_two_axes_are_never_the_same(qtbot):
    field = make(qtbot)
    field._combos[0].setCurrentIndex(field._combos[0].findData("z"))
    assert field.value() == "zt"


def test_axes_of_another_kind_get_letters_of_their_own(qtbot):
    field = make(qtbot)
    for combo in field._combos:
        combo.setCurrentIndex(combo.findData("q"))
    assert field.value() == "qp"


def test_setting_a_value_tells_nobody(qtbot):
    field = make(qtbot)
    with qtbot.assertNotEmitted(field.value_changed):
        field.set_value((5, 3), "ct")
