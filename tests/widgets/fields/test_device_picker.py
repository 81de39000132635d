from qtpy.QtCore import Qt

from napari_unet.devices import Device
from napari_unet.widgets.fields.device_picker import DevicePicker

CPU = Device("cpu", "Processor (2 cores)", memory_bytes=8 * 2**30)
CARD = Device("cuda:0", "NVIDIA H200", False, "The driver is too old.")


def make(qtbot, *devices) -> DevicePicker:
    picker = DevicePicker()
    qtbot.addWidget(picker)
    if devices:
        picker.set_devices(devices)
    return picker


def test_automatic_comes_first(qtbot):
    picker = make(qtbot, CARD, CPU)
    assert [picker._combo.itemText(n) for n in range(3)] == [
        "Automatic",
        "NVIDIA H200",
        "Processor (2 cores)",
    ]
    assert picker.value() == "auto"


def test_what_can_not_be_used_is_grey_and_says_why(qtbot):
    picker = make(qtbot, CARD, CPU)
    assert not picker._combo.model().item(1).isEnabled()
    assert "The driver is too old." in picker._combo.itemData(1, Qt.ItemDataRole.ToolTipRole)
    picker.set_value("cuda:0")
    assert picker.value() == "auto"


def test_a_remembered_device_holds_before_it_is_found(qtbot):
    picker = make(qtbot)
    picker.set_value("cpu")
    assert picker.value() == "cpu"
    with qtbot.assertNotEmitted(picker.value_changed):
        picker.set_devices([CARD, CPU])
    assert picker.value() == "cpu"
    assert [picker._combo.itemText(n) for n in range(3)] == [
        "Automatic",
        "NVIDIA H200",
        "Processor (2 cores)",
    ]


def test_a_remembered_device_that_is_not_there_gives_way_and_says_so(qtbot):
    picker = make(qtbot)
    picker.set_value("cuda:0")
    with qtbot.waitSignal(picker.value_changed):
        picker.set_devices([CARD, CPU])
    assert picker.value() == "auto"


def test_the_users_choice_outlives_a_second_finding(qtbot):
    picker = make(qtbot, CPU)
    picker._combo.setCurrentIndex(1)
    picker._combo.activated.emit(1)
    picker.set_devices([CARD, CPU])
    assert picker.value() == "cpu"


def test_it_says_which_device_a_run_would_take(qtbot):
    picker = DevicePicker()
    qtbot.addWidget(picker)
    assert picker.taken() is None
    card = Device("cuda:0", "Card", memory_bytes=8)
    processor = Device("cpu", "Processor")
    picker.set_devices([card, processor])
    assert picker.taken() == card
    picker.set_value("cpu")
    assert picker.taken() == processor
