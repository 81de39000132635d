"""When a training is over, and how fast it learns until then: after some time or steps, or when it
stops getting better.

The rate rises over the warm-up, stays, and falls along a half cosine to the last planned step.
During the warm-up it does not depend on the number of steps, which is planned at its end from the
speed seen so far. Where the machine turns out slower or faster, the plan is renewed: what is left
of the fall is spread over the steps that are left. Each plan is recorded with its step, so that a
training of some minutes can be repeated to the same bits.
"""

import math
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, Literal

from napari_unet.errors import SettingsError
from napari_unet.learn.settings import TrainSettings
from napari_unet.progress import Control, GetControl

UNTIMED = 4  # first steps, which are slower: caches fill, threads start
FEWEST_TIMED = 4
EARLY_SHARE = 0.15  # of the time: where steps are slow, the plan is made before the warm-up is over
RENEWED_EVERY = 8  # steps between two looks at the speed
RENEWED_FROM = 0.05  # share of the steps by which a plan has to be wrong
RENEWED_UNTIL = 0.9  # of the fall: steps that are added later would be too small to matter
RECENT = 12  # steps that show the speed of now
SPARE = 0.03  # of the time left when the plan is made, for steps that turn out slower
FALL_SHARE = 0.25  # of the steps until it stopped improving: so many more, in which the rate falls
FEWEST_STEPS = 300  # before the losses can show that it stopped improving
EVERY = 50  # steps between two checks of the losses
LESS_LOSS = 0.02  # share by which the loss has to fall from one third of the steps to the next

Ended = Literal["done", "stopped", "plateau", "nan"]


class WorkClock:
    """A clock in seconds that stands still while the user pauses."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = 0.0
        self._pausing = False
        self.paused_s = 0.0

    def __call__(self) -> float:
        """Seconds, pauses left out."""
        now = self._since if self._pausing else self._clock()
        return now - self.paused_s

    def watching(self, control: GetControl) -> GetControl:
        """The same control; its answers stop and start this clock."""

        def ask() -> Control:
            answer = control()
            self._note(answer is Control.PAUSE)
            return answer

        return ask

    def _note(self, pausing: bool) -> None:
        if pausing and not self._pausing:
            self._since = self._clock()
        if self._pausing and not pausing:
            self.paused_s += self._clock() - self._since
        self._pausing = pausing


class Budget:
    """Counts the steps of one training, plans how many there are, and sets the rate of each.

    `ends_at` is the time, on the clock, at which the steps have to be over; `minutes` count from
    here where it is not given. Where the machine grows slower at the very end, the training ends at
    that time with fewer steps than planned.
    """

    def __init__(self, settings: TrainSettings, ends_at: float | None, clock: WorkClock) -> None:
        self._settings = settings
        self._clock = clock
        self.losses: list[float] = []
        self.done = 0
        self.levelled = False
        self._first_total = settings.planned_steps or settings.steps
        given = settings.renewed_plans or ()
        # steps after which the plan was renewed, and how many were planned then
        self._renewals = list(zip(given[::2], given[1::2], strict=True))
        self._renews = settings.minutes is not None
        self.fall_from = max(settings.fall_from or 0, settings.warmup_steps)
        self._start = clock()
        self._last = self._start
        self._spent_s = 0.0
        self._laps: list[float] = []
        seconds = 60 * (settings.minutes or settings.most_minutes)
        self.deadline = ends_at if ends_at is not None or settings.steps else self._start + seconds

    @property
    def total(self) -> int | None:
        """How many steps are planned; None before the first plan."""
        begun = [total for at, total in self._renewals if at <= self.done]
        return begun[-1] if begun else self._first_total

    @property
    def spent_s(self) -> float:
        """Seconds of work so far, those before a resume counted in."""
        return self._spent_s + self._clock() - self._start

    @property
    def last_step_s(self) -> float:
        """Seconds of the last step."""
        return self._laps[-1]

    def over(self) -> bool:
        """Whether the last step is done, or the next one would end too late; there is always one
        step.
        """
        if self.done >= (self._settings.steps or self.total or math.inf):
            return True
        if self.deadline is None or not self.done:
            return False
        return self._clock() + self._lap() > self.deadline

    def begin(self) -> None:
        """The first step begins now: what came before is no part of its time."""
        self._last = self._clock()

    def rate(self) -> float:
        """The share of the highest learning rate for the next step."""
        if self.done < self._settings.warmup_steps:
            return (self.done + 1) / (self._settings.warmup_steps + 1)
        if self.total is None or self.done < self.fall_from:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * min(self._fallen(), 1.0)))

    def count(self, loss: float) -> None:
        """Count a step that is done, and its loss; its time is that since the step before."""
        self.done += 1
        now = self._clock()
        self._laps.append(now - self._last)
        self._last = now
        self.losses.append(loss)
        if self.total is None:
            self._plan(now)
        elif self._renews and self.done % RENEWED_EVERY == 0:
            self._renew(now)

    def expected(self) -> int:
        """The number of steps; a guess until it is planned."""
        if self.total is not None or self.deadline is None:
            return self._settings.steps or self.total or self._settings.most_steps
        affordable = int((self.deadline - self._clock()) / max(self._lap(), 1e-6))
        return min(self._settings.most_steps, self.done + max(1, affordable))

    def seconds_left(self) -> float | None:
        """Seconds until the last step; None while that is not known."""
        if self.total is None or not self._laps:
            return None
        return (self.expected() - self.done) * self._lap()

    def replay(self) -> dict[str, Any]:
        """The settings with which a training takes the same steps at the same rates."""
        ahead = self.total is not None and self.total > self.done
        planned = self._first_total if ahead or self._renewals else None
        fell_from = self.done if self.total is None else self.fall_from
        fall = fell_from if fell_from > self._settings.warmup_steps else None
        return {
            "minutes": None,
            "steps": max(1, self.done),
            "planned_steps": planned,
            "fall_from": fall,
            "renewed_plans": tuple(number for plan in self._renewals for number in plan) or None,
        }

    def state(self) -> dict[str, Any]:
        """All but the losses, as plain values."""
        return {
            "done": self.done,
            "total": self._first_total,
            "renewals": self._renewals,
            "fall_from": self.fall_from,
            "levelled": self.levelled,
            "spent_s": self.spent_s,
        }

    def set_state(self, state: dict[str, Any], losses: Sequence[float]) -> None:
        """Resume from a `state`; raises `SettingsError` where another number of steps is set than
        was planned.
        """
        wanted = self.total
        self._first_total = state["total"]
        self._renewals = [(int(at), int(total)) for at, total in state.get("renewals", [])]
        self._renews = False  # to the same bits as if it had never been interrupted
        planned = self.total
        if wanted is not None and wanted != planned:
            raise SettingsError(
                f"The checkpoint's training was planned for {planned} steps, not {wanted}. "
                "Ask for the same, or for no number."
            )
        self.done = int(state["done"])
        self.fall_from = int(state["fall_from"])
        self.levelled = bool(state["levelled"])
        self._spent_s = float(state["spent_s"])
        self.losses = list(losses)

    def _plan(self, now: float) -> None:
        if self._settings.minutes is not None:
            self._plan_for_time(now)
        elif self._stops_improving() or self._near_limit():
            self.fall_from = max(self.done, self._settings.warmup_steps)
            self._first_total = self.done + max(1, int(FALL_SHARE * self.done))

    def _plan_for_time(self, now: float) -> None:
        left = self.deadline - now if self.deadline is not None else 0.0
        spent = now - self._start
        slow = spent > EARLY_SHARE * (left + spent)
        early = slow and len(self._laps) >= UNTIMED + FEWEST_TIMED
        if early or self.done >= self._settings.warmup_steps:
            self._first_total = self.done + self._affordable(left)

    def _renew(self, now: float) -> None:
        """Plan anew where more or fewer steps can be done than were planned."""
        total = self.total or 0
        left = self.deadline - now if self.deadline is not None else 0.0
        now_total = self.done + self._affordable(left)
        more = now_total > (1 + RENEWED_FROM) * total and self._fallen() < RENEWED_UNTIL
        if more or now_total < (1 - RENEWED_FROM) * total:
            self._renewals.append((self.done, now_total))

    def _affordable(self, left_s: float) -> int:
        return max(0, int((1 - SPARE) * left_s / max(self._lap(), 1e-6)))

    def _fallen(self) -> float:
        """How much of the fall of the rate is over: each plan spreads what is left of it evenly."""
        fallen = 0.0
        start = self.fall_from
        total = self._first_total or 0
        for at, renewed in self._renewals:
            if at > self.done:
                break
            at = max(at, start)
            fallen += (1 - fallen) * (at - start) / max(1, total - start)
            start = at
            total = renewed
        return fallen + (1 - fallen) * (self.done - start) / max(1, total - start)

    def _lap(self) -> float:
        """Seconds of a step: the median of the last ones, which a hiccup does not move."""
        laps = self._laps[UNTIMED:] or self._laps
        return median(laps[-RECENT:]) if laps else 0.0

    def _stops_improving(self) -> bool:
        self.levelled = has_levelled(self.losses)
        return self.levelled

    def _near_limit(self) -> bool:
        of_steps = self.done / self._settings.most_steps
        of_time = self.spent_s / (60 * self._settings.most_minutes)
        return max(of_steps, of_time) * (1 + FALL_SHARE) >= 1


def has_levelled(losses: Sequence[float]) -> bool:
    """Whether the loss stops falling: at two checks in a row, the mean of the last third of the
    steps is as high as that before.

    Held-out scores have no say in it: what they choose they could not judge any more.
    """
    if len(losses) < FEWEST_STEPS or len(losses) % EVERY:
        return False
    return _level_losses(losses) and _level_losses(losses[:-EVERY])


def _level_losses(losses: Sequence[float]) -> bool:
    third = len(losses) // 3
    recent = losses[-third:]
    before = losses[-2 * third : -third]
    return sum(recent) > (1 - LESS_LOSS) * sum(before)
