import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_unet.widgets.finetune.fields.curves import MOST_POINTS, Colours, Curves, Series
from napari_unet.widgets.finetune.fields.preview import PreviewPart, PreviewWipe, blended_image
from napari_unet.widgets.finetune.fields.training_panel import TrainingPanel


def test_a_series_stays_short_and_covers_all():
    series = Series()
    for n in range(10 * MOST_POINTS):
        series.add(n, n)
    assert len(series.x) <= MOST_POINTS
    assert series.x[-1] > 9.9 * MOST_POINTS


def test_a_smooth_series_is_a_running_mean():
    series = Series(0.5)
    for y in (1.0, 0.0, 0.0):
        series.add(0, y)
    assert series.y == [1.0, 0.5, 0.25]


class Counted(Curves):
    drawn = 0

    def _draw(self) -> None:
        self.drawn += 1


def test_curves_are_drawn_once_for_many_steps(qtbot):
    curves = Counted(redraw_ms=1)
    qtbot.addWidget(curves)
    for seen in (1, 2):
        for step in range(200):
            curves.add_loss(step, 1.0)
        assert curves.drawn == seen - 1
        qtbot.waitUntil(lambda: curves.drawn > 0 and not curves._timer.isActive())
        assert curves.drawn == seen


def test_curves_hold_what_they_were_given(qtbot):
    curves = Curves()
    qtbot.addWidget(curves)
    curves.begin()
    curves.add_loss(1, 0.5)
    curves.set_old_dice(0.7)
    curves.add_dice(1, 0.8)
    curves._draw()
    assert list(curves._lines[0].getData()[1]) == [0.5]
    assert list(curves._lines[1].getData()[1]) == [0.7, 0.8]
    assert curves._limit.value() == 0.7
    curves.set_colours(Colours("#ffffff", "#000000"))
    curves.begin()
    assert curves.loss.x == []
    assert curves._plots[1].isHidden()


def test_labels_are_drawn_in_their_colours_over_the_image():
    image = np.ones((2, 3))
    labels = np.array([[0, 1, 1], [0, 0, 7]], np.uint8)
    drawn = blended_image(image, labels, np.array([[0, 0, 0], [255, 0, 0]], np.float32))
    colours = [drawn.pixelColor(column, 0).getRgb()[:3] for column in range(3)]
    assert colours == [(255, 255, 255), (255, 127, 127), (255, 127, 127)]
    assert drawn.pixelColor(2, 1).getRgb()[:3] == (255, 127, 127)


def test_the_line_follows_slider_and_mouse(qtbot):
    wipe = PreviewWipe()
    qtbot.addWidget(wipe)
    wipe.set_colours(["#000000", "#ff0000"])
    empty = np.zeros((20, 40), np.uint8)
    full = np.ones((20, 40), np.uint8)
    wipe.set_part(PreviewPart(np.zeros((20, 40)), empty, full))
    wipe.resize(240, 200)
    wipe.show()
    wipe.slider.setValue(0)
    assert reds(wipe) == (True, True)
    wipe.slider.setValue(wipe.slider.maximum())
    assert reds(wipe) == (False, False)
    frame = wipe.canvas.frame()
    QTest.mouseClick(
        wipe.canvas,
        Qt.MouseButton.LeftButton,
        pos=QPoint(round(frame.center().x()), round(frame.center().y())),
    )
    assert reds(wipe) == (False, True)


def reds(wipe: PreviewWipe) -> tuple[bool, bool]:
    frame = wipe.canvas.frame()
    image = wipe.canvas.grab().toImage()
    row = round(frame.center().y())
    columns = (round(frame.left() + frame.width() * share) for share in (0.2, 0.8))
    return tuple(image.pixelColor(column, row).red() > 60 for column in columns)


def test_without_a_model_before_there_is_no_line(qtbot):
    wipe = PreviewWipe()
    qtbot.addWidget(wipe)
    wipe.set_part(PreviewPart(np.zeros((4, 4)), None, np.zeros((4, 4), np.uint8)))
    assert not wipe.slider.isEnabled()


def test_the_panel_comes_and_goes(qtbot):
    panel = TrainingPanel()
    qtbot.addWidget(panel)
    assert panel.isHidden()
    panel.begin("a → a-1", ["#000000", "#ff0000"])
    assert not panel.isHidden()
    assert panel.preview.isHidden()
    panel.end()
    assert panel.isHidden()
