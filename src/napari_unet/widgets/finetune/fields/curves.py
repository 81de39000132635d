"""Live curves of a training: the loss, and Dice on what is held out. pyqtgraph is imported by the
first training.
"""

from importlib import import_module
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.widgets.fields.rows import plain_tip
from napari_unet.widgets.fields.values import Colours
from napari_unet.widgets.jobs.later import later

REDRAW_MS = 1500  # drawing takes tens of milliseconds, which the window should not feel
MOST_POINTS = 500
HEIGHT_PX = 100
SMOOTH = 0.9  # the share of the mean so far in each point of a smooth curve
AXIS_PX = 42
LEAST_RANGE = 0.01  # of a vertical axis, so that noise does not fill a plot
LOSS_TIP = "How wrong the model is on what it learns from, after each step: lower is better."
DICE_TIP = (
    "Dice on regions that you called right and that did not teach: higher is better. The "
    "dashed line is the old model."
)
LOSS_COLOUR = "#e0872b"
DICE_COLOUR = "#3aa76d"


class Series:
    """Points of a curve, of which every second goes when there are many; `smooth` is the share of
    the running mean in each point.
    """

    def __init__(self, smooth: float = 0.0) -> None:
        self._smooth = smooth
        self._mean: float | None = None
        self._every = 1
        self._count = 0
        self.x: list[float] = []
        self.y: list[float] = []

    def add(self, x: float, y: float) -> None:
        """Add a point at the end."""
        self._mean = y if self._mean is None else self._smooth * self._mean + (1 - self._smooth) * y
        self._count += 1
        if self._count % self._every == 0:
            self.x.append(x)
            self.y.append(self._mean)
        if len(self.x) > MOST_POINTS:
            self._every *= 2
            self.x = self.x[::2]
            self.y = self.y[::2]


class Curves(QWidget):
    """Draws two curves, every second and a half at most."""

    def __init__(self, parent: QWidget | None = None, redraw_ms: int = REDRAW_MS) -> None:
        super().__init__(parent)
        self._colours = Colours()
        self._plots: list[Any] = []
        self._lines: list[Any] = []
        self._limit: Any = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(redraw_ms)
        self._timer.timeout.connect(self._draw)
        self.loss = Series(SMOOTH)
        self.dice = Series()

    def set_colours(self, colours: Colours) -> None:
        """Follow the window's theme."""
        self._colours = colours
        for plot in self._plots:
            self._paint(plot)

    def begin(self) -> None:
        """Empty the curves; the first time the plots are made, one in each turn of the event loop,
        since each takes a while.
        """
        self.loss = Series(SMOOTH)
        self.dice = Series()
        if not self._plots:
            self._make_plot("Loss", LOSS_COLOUR, LOSS_TIP)
            later(self, self._make_dice)
        if self._limit is not None:
            self._limit.hide()
            self._plots[1].hide()
        self._draw()

    def add_loss(self, step: int, loss: float) -> None:
        """Add the loss of a step."""
        self.loss.add(step, loss)
        self._draw_soon()

    def add_dice(self, step: int, dice: float) -> None:
        """Add a score on what is held out."""
        self.dice.add(step, dice)
        if self._plots:
            self._make_dice()
            self._plots[1].show()
        self._draw_soon()

    def set_old_dice(self, dice: float) -> None:
        """Draw the old model's score as a dashed line."""
        if self._plots:
            self._make_dice()
            self._limit.setValue(dice)
            self._limit.show()
            self.add_dice(0, dice)

    def _draw_soon(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _draw(self) -> None:
        for line, series in zip(self._lines, (self.loss, self.dice), strict=False):
            line.setData(series.x, series.y)

    def _make_plot(self, title: str, colour: str, tip: str) -> Any:
        plot = make_plot(title, self)
        plot.setToolTip(plain_tip(tip))
        self._lines.append(
            plot.plot(
                pen={"color": colour, "width": 2}, symbol="o" if self._lines else None, symbolSize=5
            )
        )
        self._layout.addWidget(plot)
        self._plots.append(plot)
        self._paint(plot)
        return plot

    def _make_dice(self) -> None:
        """Make the second plot, hidden until there is something to show, unless it is there."""
        if len(self._plots) > 1:
            return
        plot = self._make_plot("Dice, held out", DICE_COLOUR, DICE_TIP)
        plot.hide()
        plot.getPlotItem().setXLink(self._plots[0].getPlotItem())
        pen = {"color": "#9aa0aa", "width": 1, "style": Qt.PenStyle.DashLine}
        self._limit = plot.addLine(y=0.0, pen=pen)
        self._limit.hide()
        self._lines[1].setSymbolBrush(DICE_COLOUR)
        self._lines[1].setSymbolPen(None)

    def _paint(self, plot: Any) -> None:
        item = plot.getPlotItem()
        text = QColor(self._colours.text)
        plot.setBackground(QColor(self._colours.background))
        item.setTitle(item.titleLabel.text, color=self._colours.text, size="9pt")
        for side in ("left", "bottom"):
            item.getAxis(side).setTextPen(text)
            item.getAxis(side).setPen(QColor("#9aa0aa"))


def make_plot(title: str, parent: QWidget) -> Any:
    """A small plot that does not take the mouse."""
    graph = import_module("pyqtgraph")
    plot = graph.PlotWidget(parent, enableMenu=False)
    plot.setFixedHeight(HEIGHT_PX)
    plot.setFrameShape(plot.Shape.NoFrame)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
    item = plot.getPlotItem()
    item.setTitle(title, size="9pt")
    item.hideButtons()
    item.setMouseEnabled(x=False, y=False)
    item.getAxis("left").setWidth(AXIS_PX)
    item.getAxis("left").setTickDensity(0.6)
    item.getViewBox().setLimits(minYRange=LEAST_RANGE)
    return plot
