from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_unet.widgets.fields.snug_area import snug_area


def test_nothing_is_cut_off_beside_the_scroll_bar(qtbot):
    dock = QWidget()
    qtbot.addWidget(dock)
    buttons = [QPushButton(f"a button with a long text {number}") for number in range(12)]
    area = snug_area(buttons, dock)
    QVBoxLayout(dock).addWidget(area)
    dock.resize(dock.minimumSizeHint().width(), 150)
    with qtbot.waitExposed(dock):
        dock.show()
    qtbot.waitUntil(area.verticalScrollBar().isVisible, timeout=2000)
    assert area.widget().width() <= area.viewport().width()
