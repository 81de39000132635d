import pytest

from napari_unet.widgets.fields.name_field import NameField


@pytest.fixture
def field(qtbot) -> NameField:
    made = NameField()
    qtbot.addWidget(made)
    made.set_parent_name("nuclei-2d", ["nuclei-2d", "Cells"])
    return made


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cells", "There is a model called cells already"),
        ("NUL", "Windows takes the name NUL for a device"),
        ("com1.v2", "for a device"),
        ("a:b\\c", "can not contain : \\."),
        ("cells.", "can not begin or end with a point"),
        ("  ", "needs a name"),
    ],
)
def test_names_that_not_every_system_takes_are_refused(field, name, words):
    field.set_value(name)
    assert words in field.problem()


def test_other_names_are_fine(field):
    for name in ("nuclei-2d-1", "nuclei_v1.5", "µ cells (2)"):
        field.set_value(name)
        assert field.problem() == ""
