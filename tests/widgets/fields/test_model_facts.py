from dataclasses import replace

import pytest

from helpers.leaves import broken, entry
from helpers.tiny import tiny_spec
from napari_unet.model.spec import Provenance
from napari_unet.widgets.fields.model_facts import (
    NARROW,
    full_text,
    headline,
    lineage,
    scores,
    trained_pixel_size,
)


def test_a_headline_says_what_a_model_is():
    model = entry(
        summary="Finds cells.",
        licence="CC0-1.0",
        provenance=Provenance(scores={"dice_cell": 0.917}),
    )
    text = headline(model).replace("\N{NO-BREAK SPACE}", " ")
    assert (
        text
        == "Finds cells.\n2D · any pixel size · 1 k parameters · CC0-1.0\nScores: dice cell 0.92"
    )


def test_what_was_left_out_of_a_file_is_said():
    model = entry()
    model = replace(model, header=replace(model.header, notes=("A newer program made it.",)))
    assert headline(model).endswith("\nA newer program made it.")
    assert full_text(model).endswith("\nA newer program made it.")


def test_a_broken_model_says_what_is_wrong():
    assert headline(broken()) == "broken is cut off. Copy it again."
    assert "broken.safetensors" in full_text(broken())


@pytest.mark.parametrize(
    ("spacing", "text"),
    [(None, "any pixel size"), ((0.13, 0.13), "0.13 µm"), ((2.0, 0.5, 0.5), "2 × 0.5 × 0.5 µm")],
)
def test_pixel_sizes(spacing, text):
    assert (
        trained_pixel_size(tiny_spec(3 if spacing and len(spacing) == 3 else 2, spacing=spacing))
        == text
    )


def test_scores_of_the_test_images_come_before_those_of_the_validation():
    known = {"dice cell, validation": 0.9, "dice cell, test": 0.8}
    spec = tiny_spec().model_copy(update={"provenance": Provenance(scores=known)})
    assert scores(spec).replace("\N{NO-BREAK SPACE}", " ") == "Tested: dice cell 0.80"


def test_at_most_three_scores_are_shown():
    spec = tiny_spec().model_copy(
        update={"provenance": Provenance(scores={f"s{n}": 0.5 for n in range(9)})}
    )
    assert scores(spec).count("0.50") == 3


def test_a_model_says_what_it_was_made_from():
    parent = entry("old")
    child = entry(
        "new",
        provenance=Provenance(
            parent="ab" * 32, date="2026-01-02", scores={"dice nucleus, held out": 0.9}
        ),
    )
    assert lineage(parent, [parent, child]) == []
    assert lineage(child, [parent]) == ["Learnt from old · 2026-01-02"]
    assert lineage(child, []) == ["Learnt from abababab… · 2026-01-02"]
    assert scores(child.header.spec) == f"Held out: dice nucleus{NARROW}0.90"
