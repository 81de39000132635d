"""How many threads a training takes, on a machine whose steps take as long as the test says."""

from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from napari_unet.learn.optimise.threads import FIRST_TRIAL, TRIED, Threads
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.torch_import import torch

MOST = 4
BY_TIME = TrainSettings(minutes=1)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(MOST)
    yield
    torch.set_num_threads(before)


def run(threads: Threads, seconds: Callable[[int, int], float], steps: int = 200) -> list[int]:
    """The number of threads of each step, which takes `seconds(step, threads)`."""
    numbers = []
    for step in range(steps):
        threads.set_for(step)
        numbers.append(torch.get_num_threads())
        threads.count(seconds(step, numbers[-1]))
    threads.restore()
    assert torch.get_num_threads() == MOST
    return numbers


def test_on_a_quiet_machine_one_thread_is_tried_for_three_steps() -> None:
    numbers = run(Threads(BY_TIME, "cpu"), lambda _, number: 1.0 if number == 1 else 0.4)
    begin = FIRST_TRIAL + TRIED
    assert numbers == [MOST] * begin + [1] * TRIED + [MOST] * (200 - begin - TRIED)


def test_beside_a_busy_program_one_thread_stays() -> None:
    numbers = run(Threads(BY_TIME, "cpu"), lambda _, number: 0.24 if number == 1 else 2.6)
    assert numbers[FIRST_TRIAL + TRIED :] == [1] * (200 - FIRST_TRIAL - TRIED)


def test_where_steps_grow_slow_it_is_looked_at_again() -> None:
    def seconds(step: int, number: int) -> float:
        if step < 100:
            return 1.0 if number == 1 else 0.4
        return 1.0 if number == 1 else 2.6

    numbers = run(Threads(BY_TIME, "cpu"), seconds)
    assert numbers[99] == MOST
    assert numbers[115:] == [1] * 85


def test_with_one_hiccup_it_is_not() -> None:
    def seconds(step: int, number: int) -> float:
        return 9.0 if step in (3, 60, 61, 62) else 1.0 if number == 1 else 0.4

    assert run(Threads(BY_TIME, "cpu"), seconds)[FIRST_TRIAL + 2 * TRIED :] == [MOST] * 190


def test_it_is_repeated_step_by_step() -> None:
    first = Threads(BY_TIME, "cpu")
    numbers = run(first, lambda step, number: 0.2 * number if step < 50 else 1 / number)
    assert len(set(numbers)) == 2
    again = BY_TIME.model_copy(update={"minutes": None, "steps": 200, **first.replay()})
    again = TrainSettings.model_validate_json(again.model_dump_json())
    assert run(Threads(again, "cpu"), lambda _, number: 1.0) == numbers


def test_resumed_it_stays_as_it_was() -> None:
    first = Threads(BY_TIME, "cpu")
    run(first, lambda _, number: float(number), 50)
    resumed = Threads(BY_TIME, "cpu")
    resumed.set_state(first.state())
    resumed.set_for(50)
    assert torch.get_num_threads() == 1
    resumed.restore()


@pytest.mark.parametrize(
    ("settings", "device"), [(TrainSettings(steps=200), "cpu"), (BY_TIME, "cuda")]
)
def test_where_time_does_not_decide_nothing_is_tried(settings: TrainSettings, device: str) -> None:
    threads = Threads(settings, device)
    assert run(threads, lambda _, number: float(number)) == [MOST] * 200
    assert threads.replay() == {"threads": None}


@pytest.mark.parametrize("threads", [(), (0,), (1, 2), (0, 0), (0, 2, 0, 1), (0, 2, 5)])
def test_what_is_no_list_of_changes_is_refused(threads: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="threads holds pairs"):
        TrainSettings(threads=threads)


def test_a_trial_that_was_interrupted_has_no_say() -> None:
    first = Threads(BY_TIME, "cpu")
    run(first, lambda _, number: 1.0, FIRST_TRIAL + TRIED + 1)
    resumed = Threads(BY_TIME, "cpu")
    resumed.set_state(first.state())
    resumed.set_for(FIRST_TRIAL + TRIED + 1)
    assert torch.get_num_threads() == MOST
    resumed.restore()
