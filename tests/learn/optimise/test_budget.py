from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.errors import SettingsError
from napari_unet.learn.optimise.budget import Budget, WorkClock, has_levelled
from napari_unet.learn.settings import TrainSettings
from napari_unet.progress import Control


class Hand:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def run(
    settings: TrainSettings,
    lap: Callable[[int], float],
    loss: Callable[[int], float] = lambda step: 1.0,
) -> tuple[Budget, list[float], float]:
    """A training whose steps take `lap(number)` seconds: its budget, its rates, and the seconds it
    took.
    """
    hand = Hand()
    budget = Budget(settings, None, WorkClock(hand))
    rates = []
    while not budget.over():
        rates.append(budget.rate())
        hand.now += lap(budget.done)
        budget.count(loss(budget.done))
    return budget, rates, hand.now - 1000.0


@pytest.mark.parametrize("lap", [0.004, 0.15, 1.1, 4.0])
def test_a_minute_is_used_and_not_overrun(lap: float) -> None:
    budget, rates, seconds = run(TrainSettings(minutes=1), lambda step: lap)
    assert 60 * 0.9 < seconds <= 60
    assert budget.total == budget.done == len(rates)
    assert rates[-1] < 0.1 or budget.done < 40


def test_slow_first_steps_and_hiccups_do_not_spoil_the_plan() -> None:
    _, _, seconds = run(
        TrainSettings(minutes=1), lambda step: 2.0 if step < 2 else 0.9 if step in (7, 12) else 0.1
    )
    assert 60 * 0.95 < seconds <= 60


def test_on_a_machine_that_grows_slower_the_rate_still_falls_to_the_end() -> None:
    budget, rates, seconds = run(TrainSettings(minutes=1), lambda step: 0.1 if step < 100 else 0.3)
    assert 57 < seconds <= 60
    assert budget.done == budget.total
    assert budget.replay()["planned_steps"] > 2 * budget.done
    assert rates[-1] < 0.01
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_a_slow_start_does_not_waste_the_rest() -> None:
    budget, rates, seconds = run(TrainSettings(minutes=1), lambda step: 1.0 if step < 40 else 0.1)
    assert 55 < seconds <= 60
    assert budget.done > 150
    assert rates[-1] < 0.01
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_one_that_grows_slower_at_the_very_end_ends_in_time() -> None:
    _, rates, seconds = run(TrainSettings(minutes=1), lambda step: 0.1 if step < 575 else 0.3)
    assert 58 < seconds <= 60
    assert rates[-1] < 0.05


def test_one_step_is_always_done() -> None:
    budget, _, _ = run(TrainSettings(minutes=0.01), lambda step: 10.0)
    assert budget.done == 1


@given(st.floats(0.02, 3.0), st.floats(0.2, 4.0), st.integers(5, 60))
def test_minutes_can_be_repeated_with_their_steps(lap: float, slower: float, warmup: int) -> None:
    settings = TrainSettings(minutes=1, warmup_steps=warmup)
    budget, rates, _ = run(settings, lambda step: lap if step < 30 else lap * slower)
    again = settings.model_copy(update=budget.replay())
    _, repeated, _ = run(TrainSettings.model_validate(again.model_dump()), lambda step: 0.7)
    assert repeated == rates


def test_the_rate_rises_and_falls() -> None:
    _, rates, _ = run(TrainSettings(steps=200, warmup_steps=10), lambda step: 0.1)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) == 1.0
    assert rates[-1] < 1e-3


def test_pauses_take_no_time() -> None:
    hand = Hand()
    clock = WorkClock(hand)
    budget = Budget(TrainSettings(minutes=1), None, clock)
    answers = iter([Control.CONTINUE, Control.PAUSE, Control.PAUSE, Control.CONTINUE])
    ask = clock.watching(lambda: next(answers))
    for _ in range(4):
        ask()
        hand.now += 100
    assert clock.paused_s == 200
    assert budget.spent_s == 200
    assert clock() == hand.now - 200


def test_steps_are_done_however_long_they_take() -> None:
    budget, _, _ = run(TrainSettings(steps=7), lambda step: 1e6)
    assert budget.done == 7


def test_it_stops_improving_and_then_the_rate_falls() -> None:
    settings = TrainSettings()
    budget, rates, _ = run(settings, lambda step: 0.1, lambda step: 1 / (1 + min(step, 400) / 50))
    assert budget.levelled
    assert 500 < budget.done < 1500
    assert rates[-1] < 0.01
    assert rates[20 : budget.fall_from] == [1.0] * (budget.fall_from - 20)
    _, repeated, _ = run(settings.model_copy(update=budget.replay()), lambda step: 0.1)
    assert repeated == rates


def test_stopped_before_anything_was_planned_it_can_be_repeated() -> None:
    budget = Budget(TrainSettings(), None, WorkClock(Hand()))
    rates = []
    for _ in range(90):
        rates.append(budget.rate())
        budget.count(1.0)
    _, repeated, _ = run(TrainSettings().model_copy(update=budget.replay()), lambda step: 0.1)
    assert repeated == rates


@pytest.mark.parametrize("limit", [{"most_steps": 1000}, {"most_minutes": 2.0}])
def test_what_improves_for_ever_ends_at_a_limit(limit: dict[str, float]) -> None:
    budget, rates, seconds = run(TrainSettings(**limit), lambda step: 0.12, lambda step: 0.99**step)  # type: ignore[arg-type]
    assert not budget.levelled
    assert 900 <= budget.done <= 1000
    assert rates[-1] < 0.05
    assert seconds <= 120.5


def test_the_loss_decides_when_it_is_checked() -> None:
    assert not has_levelled([1 / (1 + step) for step in range(600)])
    assert has_levelled([1.0] * 600)
    assert not has_levelled([1.0] * 610)


def test_a_state_goes_on_with_its_plan() -> None:
    budget, _, _ = run(TrainSettings(minutes=1), lambda step: 0.1)
    on = Budget(TrainSettings(minutes=1), None, WorkClock(Hand()))
    on.set_state(budget.state(), budget.losses)
    assert on.over()
    assert (on.total, on.done, on.losses) == (budget.total, budget.done, budget.losses)
    with pytest.raises(SettingsError, match="planned for"):
        Budget(TrainSettings(steps=3), None, WorkClock(Hand())).set_state(
            budget.state(), budget.losses
        )


def test_both_ends_are_refused() -> None:
    with pytest.raises(ValueError, match="either minutes or steps"):
        TrainSettings(minutes=1, steps=3)
    with pytest.raises(ValueError, match="planned_steps"):
        TrainSettings(steps=3, planned_steps=2)
