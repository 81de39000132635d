import time
from itertools import pairwise

import pytest

from napari_unet.widgets.jobs.redraw import SHORTEST_S, Redraw


@pytest.mark.alone
def test_many_requests_are_one_drawing(qtbot):
    drawn = []
    redraw = Redraw(lambda: drawn.append(1))
    for _ in range(50):
        redraw.request()
    qtbot.waitUntil(lambda: bool(drawn))
    qtbot.wait(150)
    assert len(drawn) == 1


@pytest.mark.alone
def test_at_most_ten_a_second(qtbot):
    times = []
    redraw = Redraw(lambda: times.append(time.monotonic()))
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        redraw.request()
        qtbot.wait(5)
    assert len(times) <= 6
    assert min(b - a for a, b in pairwise(times)) >= SHORTEST_S * 0.9


@pytest.mark.alone
def test_slow_drawings_take_a_fifth_of_the_time(qtbot):
    times = []

    def draw():
        times.append(time.monotonic())
        time.sleep(0.06)

    redraw = Redraw(draw)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        redraw.request()
        qtbot.wait(5)
    assert len(times) <= 4


def test_nothing_is_drawn_after_the_end(qtbot):
    drawn = []
    redraw = Redraw(lambda: drawn.append(1))
    redraw.request()
    redraw.stop()
    redraw.request()
    qtbot.wait(150)
    assert drawn == []
