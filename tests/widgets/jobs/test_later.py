from qtpy.QtCore import QCoreApplication, QEvent, QObject

from napari_unet.widgets.jobs.later import later


def test_it_comes_after_a_turn_of_the_event_loop_and_once(qtbot):
    owner = QObject()
    called = []
    later(owner, lambda: called.append(1))
    assert called == []
    qtbot.waitUntil(lambda: called == [1])
    qtbot.waitUntil(lambda: not owner.children())
    assert called == [1]


def test_it_does_not_outlive_its_owner(qtbot):
    owner = QObject()
    other = QObject()
    called = []
    later(owner, lambda: called.append("deleted"))
    later(other, lambda: called.append("alive"), 20)
    owner.deleteLater()
    QCoreApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete)
    qtbot.waitUntil(lambda: bool(called))
    assert called == ["alive"]
