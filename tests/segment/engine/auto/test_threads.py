"""How many threads compute, by times that are given."""

from collections.abc import Callable, Iterable

import pytest

from napari_unet.model.torch_import import torch
from napari_unet.segment.engine.auto.crowding import LOOK_S, REMEMBERED_S, Crowding, threads_set
from napari_unet.segment.engine.auto.threads import (
    LEAST_APART,
    LOOK_AGAIN,
    ThreadChoice,
    thread_options,
)


def numbers(choice: ThreadChoice, seconds: Iterable[Callable[[int], float]]) -> list[int]:
    """With how many threads windows are computed that take so long with that number."""
    found = []
    for of in seconds:
        found.append(choice.next())
        choice.count(of(found[-1]))
    return found


def quiet(threads: int) -> float:
    return 1.0 / threads


def busy(threads: int) -> float:
    return 10.0 if threads > 1 else 1.2


def choice(crowded: bool = False, most: int = 2, expected: float | None = 0.5) -> ThreadChoice:
    return ThreadChoice(most, lambda: crowded, lambda number: expected)


def test_all_threads_run_as_long_as_windows_are_as_fast_as_known() -> None:
    assert numbers(choice(), [quiet] * 20) == [2] * 20


def test_slow_windows_are_tried_with_one_thread_which_stays_where_it_is_faster() -> None:
    assert numbers(choice(), [quiet, busy, busy, busy]) == [2, 2, 1, 1]


def test_where_one_thread_is_slower_all_run_again_and_it_is_not_tried_at_once() -> None:
    slower = [lambda threads: 3.0 / threads] * (LEAST_APART + 4)
    assert numbers(choice(), slower) == [2, 1, *[2] * (LEAST_APART + 2)]


def test_windows_that_grow_slow_later_are_tried_again() -> None:
    seconds = [*[lambda threads: 3.0 / threads] * (2 + LEAST_APART), busy, busy, busy]
    assert numbers(choice(), seconds)[-3:] == [2, 1, 1]


def test_a_busy_machine_begins_with_one_thread_and_gets_all_when_it_is_free() -> None:
    looks = iter([True, True, False])
    found = ThreadChoice(2, lambda: next(looks), lambda number: None)
    windows = numbers(found, [quiet] * (2 * LOOK_AGAIN + 2))
    assert windows == [1] * (2 * LOOK_AGAIN) + [2] * 2


def test_one_core_has_nothing_to_choose() -> None:
    def look() -> bool:
        pytest.fail("looked")

    found = ThreadChoice(1, look, lambda number: 0.1)
    assert numbers(found, [quiet] * 3) == [1, 1, 1]
    assert thread_options(1, look) == (1,)
    assert (thread_options(4, lambda: True), thread_options(4, lambda: False)) == ((1, 4), (4, 1))


class Clock:
    """Each convolution takes as long as is said for the number of threads of that moment."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now = 0.0
        self.looks = 0
        self._seconds = seconds

    def __call__(self) -> float:
        self.looks += 1
        self.now += self._seconds(torch.get_num_threads())
        return self.now


def test_before_a_short_run_the_look_is_short_and_soon_forgotten_where_nothing_was_seen() -> None:
    clock = Clock(lambda threads: LOOK_S * quiet(threads) / 20)
    look = Crowding(clock)
    look(2)
    long = clock.looks
    other = Crowding(clock)
    assert other(2, short=True) is False
    short = clock.looks - long
    assert short < long
    clock.now += REMEMBERED_S / 2
    assert other(2, short=True) is False
    assert clock.looks > long + short + 2


@pytest.mark.parametrize(("seconds", "crowded"), [(quiet, False), (busy, True)])
def test_a_look_compares_one_thread_with_all(
    seconds: Callable[[int], float], crowded: bool
) -> None:
    before = torch.get_num_threads()
    clock = Clock(lambda threads: LOOK_S * seconds(threads) / 20)
    look = Crowding(clock)
    assert look(2) is crowded
    looks = clock.looks
    assert look(2) is crowded
    assert clock.looks == looks + 1  # remembered
    clock.now += REMEMBERED_S + 1
    look(2)
    assert clock.looks > looks + 2
    assert torch.get_num_threads() == before


def test_the_number_of_threads_is_restored_however_it_ends() -> None:
    before = torch.get_num_threads()

    def fail() -> None:
        with threads_set(before + 1):
            assert torch.get_num_threads() == before + 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before
