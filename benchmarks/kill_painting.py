"""kill -9 while strokes are painted in the real window: whatever the journal's thread had reported
as saved has to come back when the image is opened again and Restore is clicked.

scripts/with_display.sh --virtual python benchmarks/kill_painting.py [--kills 20] [--strokes 1000]

Each session is a process with a napari window: it clicks Restore in the Fine-tune dock, checks what
came back, and paints on with mouse events on the canvas, until it is killed at a random moment.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import store
from options import command_line

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

SIDE_PX = 560
CELL_PX = 14  # a stroke has a cell of the image of its own
IN_A_ROW = SIDE_PX // CELL_PX
CLASSES = 3
MOST_WAIT_S = 0.4  # after the last stroke of a session that is waited for
PATIENCE_S = 120


@dataclass
class Session:
    """What one process said before it was killed."""

    painted: int = 0
    saved: int = 0
    restored: int = 0
    lost: list[int] = field(default_factory=list)
    offers: int = 0
    delays_s: list[float] = field(default_factory=list)


def main() -> None:
    """The parent starts and kills; with --session, this is a process that paints."""
    parser = command_line(__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--strokes", type=int, default=1000, help="in all sessions together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--session", type=int, metavar="SAVED")
    options = parser.parse_args()
    if options.session is not None:
        paint_until_killed(options.session)
    sessions = run_sessions(options.kills, options.strokes, random.Random(options.seed))
    store.save(
        "kill-painting" if options.kills >= 20 else "kill-painting-quick",
        f"python benchmarks/kill_painting.py --kills {options.kills} --strokes {options.strokes}",
        figures_of(sessions),
        {"seed": options.seed, "sessions": [vars(each) for each in sessions]},
    )


def figures_of(sessions: list[Session]) -> dict[str, Any]:
    """Strokes and kills of all sessions; the last one only restores."""
    delays = [delay for session in sessions for delay in session.delays_s]
    return {
        "kills": len(sessions) - 1,
        "strokes painted": sum(session.painted for session in sessions),
        "strokes reported as saved": sessions[-1].saved,
        "of these lost": len({number for session in sessions for number in session.lost}),
        "seconds from the mouse's release to saved": store.spread(delays),
    }


def run_sessions(kills: int, strokes: int, chance: random.Random) -> list[Session]:
    """So many sessions that are killed, and one more that checks what the last one saved."""
    sessions: list[Session] = []
    saved = 0
    with tempfile.TemporaryDirectory() as folder:
        for left in range(kills, -1, -1):
            share = chance.uniform(0.7, 1.3) if left > 1 else 1.1
            wanted = round(share * (strokes - saved) / left) if left else 0
            wait_s = chance.uniform(0, MOST_WAIT_S)
            session = run_session(Path(folder), saved, wanted, wait_s)
            sessions.append(session)
            saved = session.saved
            print(left, vars(session) | {"delays_s": len(session.delays_s)}, flush=True)
    return sessions


def run_session(folder: Path, saved: int, wanted: int, wait_s: float) -> Session:
    """Start a process, wait until it has painted so many strokes and a while more, and kill it."""
    command = [sys.executable, __file__, "--session", str(saved)]
    journals = {"NAPARI_UNET_JOURNALS": str(folder / "strokes")}
    config = {"NAPARI_CONFIG": str(folder / "settings.yaml")}
    session = Session(saved=saved)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **journals, **config}
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            note(session, line)
            if line.startswith("checked") and not wanted:
                break
            if line.startswith("painted") and session.painted >= wanted:
                time.sleep(wait_s)
                break
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:
            if line.endswith("\n"):  # the last one may be torn
                note(session, line)
    if child.returncode != -signal.SIGKILL:
        raise SystemExit(f"A session ended by itself, with {child.returncode}.")
    return session


def note(session: Session, line: str) -> None:
    """Take what a process said."""
    kind, _, rest = line.partition(" ")
    if kind == "painted":
        session.painted = int(rest)
    elif kind == "saved":
        number, delay = rest.split()
        session.saved = int(number)
        session.delays_s.append(float(delay))
    elif kind == "checked":
        said = json.loads(rest)
        session.restored, session.lost, session.offers = (
            said["restored"],
            said["lost"],
            said["offers"],
        )


def say(*words: object) -> None:
    """Tell the parent a line, at once and whole, from any thread."""
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def cell_of(stroke: int) -> tuple[int, int]:
    """Row and column of the first voxel of a stroke's cell."""
    row, column = divmod(stroke, IN_A_ROW)
    return row * CELL_PX, column * CELL_PX


def label_of(stroke: int) -> int:
    """The label that a stroke paints."""
    return 1 + stroke % CLASSES


def paint_until_killed(saved: int) -> None:
    """Restore what was saved, say what of it is there, and paint on."""
    import napari
    import numpy as np

    from helpers.strokes import Hand
    from helpers.tiny import smooth_image
    from napari_unet.widgets.finetune.dock import FinetuneWidget

    times = count_strokes(saved)
    viewer = napari.Viewer()
    viewer.add_image(smooth_image((SIDE_PX, SIDE_PX)), name="cells")
    widget = FinetuneWidget(viewer)
    viewer.window.add_dock_widget(widget)
    if saved:
        layer = restored(viewer, widget, saved)
    else:
        layer = viewer.add_labels(np.zeros((SIDE_PX, SIDE_PX), np.uint8), name="mine")
        say("checked", json.dumps({"restored": 0, "lost": [], "offers": 0}))
    hand = Hand(viewer, layer)
    for stroke in range(saved, IN_A_ROW**2):
        row, column = cell_of(stroke)
        line = [(row + 6, column + 3), (row + 6, column + 9)]
        hand.use("paint", label_of(stroke), 3).drag(*line)
        times.append(time.monotonic())
        say("painted", len(times))
    raise SystemExit("All of the image is painted, and nobody has killed this process.")


def count_strokes(before: int) -> list[float]:
    """When each stroke was finished; the journal's thread reports those that it has saved."""
    from napari_unet.widgets.painting import trust
    from napari_unet.widgets.painting.layer_journal import LayerJournal

    times: list[float] = []
    reported = [0]

    class Reporting(LayerJournal):
        """A journal that says how many strokes are in it, each time that nothing is left over."""

        def send(self) -> bool:
            painted = len(times)  # before it looks for what is new
            more = super().send()
            if not more and not self.problem and painted > reported[0]:
                reported[0] = painted
                say("saved", before + painted, time.monotonic() - times[painted - 1])
            return more

    trust.LayerJournal = Reporting  # type: ignore[misc]
    return times


def restored(viewer: Any, widget: Any, saved: int) -> Any:
    """Click Restore until a layer holds all that was saved; say what no layer holds."""
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest
    from window import wait_until

    bar = widget.form.review
    missing = set(range(saved))
    offers = 0
    while missing:
        wait_until(lambda: not bar._offer.isHidden(), 10 if offers else PATIENCE_S)
        if bar._offer.isHidden():
            break
        count = len(viewer.layers)
        QTest.mouseClick(bar.restore_button, Qt.MouseButton.LeftButton)
        wait_until(lambda count=count: len(viewer.layers) > count, PATIENCE_S)
        offers += 1
        layer = next(each for each in reversed(viewer.layers) if "recovered" in each.name)
        missing = min(missing, lost_in(layer, saved), key=len)
    said = {"restored": saved - len(missing), "lost": sorted(missing), "offers": offers}
    say("checked", json.dumps(said))
    return layer


def lost_in(layer: Any, saved: int) -> set[int]:
    """The saved strokes that a layer does not hold, with their label and their trust."""
    from napari_unet.learn.data.corrections import PAINTED
    from napari_unet.widgets.painting.tracked_layers import trust_of_layer

    trust = trust_of_layer(layer).map.trust
    lost = set()
    for stroke in range(saved):
        row, column = cell_of(stroke)
        place = (row + 6, column + 6)
        if layer.data[place] != label_of(stroke) or trust[place] != PAINTED:
            lost.add(stroke)
    return lost


if __name__ == "__main__":
    main()
