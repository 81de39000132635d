import pytest
from qtpy.QtCore import QLocale, Qt
from qtpy.QtTest import QTest

from napari_unet.widgets.fields.spacing_field import UNKNOWN_TEXT, SpacingField


def make(qtbot, axes="yx", lengths=(0.13, 0.13)) -> SpacingField:
    field = SpacingField()
    qtbot.addWidget(field)
    field.set_value(axes, lengths)
    return field


@pytest.mark.parametrize(
    ("axes", "lengths", "boxes"),
    [
        ("yx", (0.13, 0.13), ["yx"]),
        ("zyx", (2.0, 0.5, 0.5), ["z", "yx"]),
        ("yx", (0.1, 0.2), ["y", "x"]),
    ],
)
def test_equal_axes_share_a_box(qtbot, axes, lengths, boxes):
    field = make(qtbot, axes, lengths)
    assert list(field._boxes) == boxes
    assert field.value() == pytest.approx(lengths)


def test_unknown_is_shown_as_a_word(qtbot):
    field = make(qtbot, "yx", None)
    assert field.value() is None
    assert field._boxes["yx"].text() == UNKNOWN_TEXT


def test_numbers_have_no_needless_zeros(qtbot):
    field = make(qtbot)
    assert field._boxes["yx"].text() == "0.13 µm"


def test_what_is_entered_is_reported(qtbot):
    field = make(qtbot, "zyx", None)
    with qtbot.waitSignal(field.value_changed):
        field._boxes["z"].setValue(2.0)
    assert field.value() is None
    field._boxes["yx"].setValue(0.5)
    assert field.value() == (2.0, 0.5, 0.5)


def test_setting_a_value_tells_nobody(qtbot):
    field = make(qtbot)
    with qtbot.assertNotEmitted(field.value_changed):
        field.set_value("yx", (0.2, 0.2))


@pytest.fixture(params=["de_DE", "en_US", "fr_CH"])
def _language(request):
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield
    QLocale.setDefault(before)


@pytest.mark.usefixtures("_language")
@pytest.mark.parametrize("length", [0.25, 0.123456, 1e-5, 1234.5, 20.0])
def test_a_length_that_is_only_looked_at_stays_in_every_language(qtbot, length):
    field = make(qtbot, "yx", (length, length))
    box = field._boxes["yx"]
    assert float(box.cleanText()) == length
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == length


@pytest.mark.usefixtures("_language")
@pytest.mark.parametrize("typed", ["0.5", "0,5"])
def test_a_point_and_a_comma_begin_the_decimals(qtbot, typed):
    field = make(qtbot)
    box = field._boxes["yx"]
    box.selectAll()
    QTest.keyClicks(box, typed)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert field.value() == (0.5, 0.5)
