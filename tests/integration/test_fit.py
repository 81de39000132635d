"""Both docks say whether the chosen model may fit the image, before a run."""

import pytest

from helpers.tiny import smooth_image
from napari_unet.widgets.docks import fit_probe

pytestmark = pytest.mark.viewer
PATIENCE_MS = 60_000


@pytest.fixture
def _tried_soon(_models_are_tried_when_a_test_says_so, monkeypatch):
    monkeypatch.setattr(fit_probe, "REST_MS", 10)


@pytest.mark.usefixtures("_tried_soon")
def test_the_segment_dock_says_it_and_is_silent_in_a_run(viewer, dock, click, qtbot):
    viewer.add_image(smooth_image((80, 100)), name="cells")
    widget = dock()
    qtbot.waitUntil(lambda: "fit" in widget.form.fit.text(), timeout=PATIENCE_MS)
    assert not widget.form.fit.isHidden()
    said = []
    widget.form.bar.run_requested.connect(lambda: said.append(widget.form.fit.text()))
    click(widget)
    assert said == [""]
    viewer.layers.remove("cells")
    qtbot.waitUntil(widget.form.fit.isHidden)


@pytest.mark.usefixtures("_tried_soon")
def test_the_fine_tune_dock_says_it_of_the_model_to_start_from(corrected, qtbot):
    qtbot.waitUntil(lambda: "fit" in corrected.form.fit.text(), timeout=PATIENCE_MS)


def test_the_question_follows_the_view(viewer, dock, qtbot, monkeypatch):
    viewer.add_image(smooth_image((800, 1000)), name="cells")
    dock()
    put = []
    monkeypatch.setattr(
        fit_probe.FitProbe, "answer", lambda probe, question: put.append(question) or ""
    )
    viewer.scene.camera.center = (0, 100, 300)
    qtbot.waitUntil(lambda: bool(put), timeout=PATIENCE_MS)
    assert put[-1].view.point == (100, 300)
