from dataclasses import dataclass

import pytest

from napari_unet.learn.judging.chance import CERTAINTY
from napari_unet.widgets.finetune.fields.verdict_card import VerdictCard, difference_of, parted


@dataclass(frozen=True)
class Row:
    name: str
    parent: float | None
    child: float
    low: float | None = None
    high: float | None = None
    kind: str = "tie"


@dataclass(frozen=True)
class Found:
    kind: str
    sentence: str = "The new model is better: on 12 held-out blocks."
    classes: tuple[Row, ...] = (Row("nucleus", 0.81, 0.88, 0.03, 0.09, "child"),)


def card_with(qtbot, found: Found, old: str = "old-model") -> VerdictCard:
    card = VerdictCard()
    qtbot.addWidget(card)
    card.set_verdict(found, old, "new-model")
    return card


def shown(card: VerdictCard) -> list[str]:
    return [button.text() for button in card.buttons() if not button.isHidden()]


@pytest.mark.parametrize(
    ("kind", "old", "buttons"),
    [
        ("child", "old", ["Segment with it", "Go back", "Show changes"]),
        ("parent", "old", ["Use anyway", "Show changes"]),
        ("tie", "old", ["Use anyway", "Show changes"]),
        ("not judged", "old", ["Use anyway", "Show changes"]),
        ("not judged", "", ["Segment with it"]),
        ("not learnt", "old", ["Use anyway", "Show changes"]),
        ("not learnt", "", ["Use anyway"]),
    ],
)
def test_each_verdict_has_its_buttons(qtbot, kind, old, buttons):
    assert shown(card_with(qtbot, Found(kind), old)) == buttons


@pytest.mark.parametrize(("kind", "old"), [("child", "old"), ("tie", "old"), ("not judged", "")])
def test_what_could_not_be_saved_can_be_saved_again(qtbot, kind, old):
    card = card_with(qtbot, Found(kind), old)
    card.set_verdict(Found(kind), old, "new", lost=True)
    assert shown(card) == ["Save again", "Save elsewhere…", "Show changes"][: 2 + bool(old)]
    card.set_verdict(Found("tie"), "old", "new")
    assert shown(card) == ["Use anyway", "Show changes"]


def test_numbers_per_class_are_shown(qtbot):
    card = card_with(qtbot, Found("child"))
    texts = [card._grid.itemAtPosition(1, column).widget().text() for column in range(3)]
    assert texts == ["nucleus", "0.810", "0.880"]
    card.set_verdict(Found("tie", classes=()), "a", "b")
    assert card._table.isHidden()


def test_the_sentence_is_parted_into_what_and_why():
    assert parted("The new model is better: on 12 blocks.") == (
        "The new model is better.",
        "On 12 blocks.",
    )
    assert parted("Nothing to say.") == ("Nothing to say.", "")


def test_an_interval_is_reported_where_there_is_one():
    assert f"+0.030 to +0.090 ({100 * CERTAINTY:.0f} % interval)" in difference_of(
        Row("a", 0.8, 0.9, 0.03, 0.09)
    )
    assert "Too few" in difference_of(Row("a", 0.8, 0.9))


@pytest.mark.parametrize(
    ("button", "signal"),
    [("segment", "segment"), ("back", "back"), ("anyway", "anyway"), ("changes", "changes")],
)
def test_the_buttons_ask(qtbot, button, signal):
    card = card_with(qtbot, Found("child"))
    with qtbot.waitSignal(getattr(card, f"{signal}_requested")):
        getattr(card, f"{button}_button").click()
