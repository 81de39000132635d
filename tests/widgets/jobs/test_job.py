"""Long jobs in threads: errors reach the user, stop and cancel work, and nothing is kept alive."""

import gc
import os
import subprocess
import sys
import threading
import time
import warnings
import weakref

import numpy as np
import pytest
from napari.qt.threading import create_worker
from qtpy.QtCore import QThreadPool

from helpers.failing import MEMORY_ERRORS
from napari_unet.errors import ScanError
from napari_unet.progress import Control, should_stop
from napari_unet.widgets.jobs import threads as job_threads
from napari_unet.widgets.jobs.job import Job, JobEnd, explain
from napari_unet.widgets.jobs.worker import JobFunction, JobWorker


class Array(np.ndarray):
    """An array that can be referred to weakly."""


def big() -> Array:
    return np.zeros(1000).view(Array)


def work_until_stopped(worker: JobWorker, *args: object) -> str:
    worker.report("begun")
    while not should_stop(worker.control):
        time.sleep(0.005)
    return "stopped"


def raise_runtime_error(worker: JobWorker, array: Array) -> None:
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied\nand more")


def run(qtbot, job: Job) -> JobEnd:
    with qtbot.waitSignal(job.ended, timeout=5000) as ended:
        job.start()
    return ended.args[0]


def begin(qtbot, job: Job) -> None:
    with qtbot.waitSignal(job.reported, timeout=5000):
        job.start()


def test_the_result_and_the_messages_arrive_on_the_main_thread(qtbot):
    received = []
    threads = []

    def task(worker: JobWorker, number: int) -> int:
        threads.append(threading.current_thread())
        worker.report("half")
        return 2 * number

    job = Job(JobFunction("doubling", task), (21,))
    job.reported.connect(lambda message: received.append((message, threading.current_thread())))
    assert run(qtbot, job) == JobEnd("done", 42)
    assert received == [("half", threading.main_thread())]
    assert threads[0] is not threading.main_thread()


def test_a_runtime_error_reaches_the_user_as_a_sentence_with_details(qtbot):
    end = run(qtbot, Job(JobFunction("failing", raise_runtime_error), (big(),)))
    assert end.kind == "failed"
    assert end.sentence == "The run failed: mat1 and mat2 shapes cannot be multiplied."
    assert "raise_runtime_error" in end.details
    assert not Job._running


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ScanError("The image is empty."), "The image is empty."),
        (
            MemoryError(),
            "The memory of the device was not enough (MemoryError). Choose the processor, or a "
            "smaller part of the image.",
        ),
        (OSError("disk gone"), "The run failed: disk gone."),
    ],
)
def test_errors_become_one_sentence(error, sentence):
    assert explain(error).startswith(sentence[:-1])


@pytest.mark.parametrize("failure", MEMORY_ERRORS.values(), ids=MEMORY_ERRORS)
def test_memory_that_was_not_enough_is_one_sentence_whatever_library_says_it(failure):
    sentence = explain(failure())
    assert sentence.startswith("The memory of the device was not enough (")
    assert sentence.endswith("). Choose the processor, or a smaller part of the image.")
    assert "Exception from" not in sentence


@pytest.mark.alone
def test_cancel_works_within_a_second_and_is_no_error(qtbot):
    job = Job(JobFunction("waiting", work_until_stopped), ())
    begin(qtbot, job)
    before = time.monotonic()
    with qtbot.waitSignal(job.ended, timeout=1000) as ended:
        job.cancel()
    assert time.monotonic() - before < 1
    assert ended.args[0] == JobEnd("cancelled")


def test_stop_returns_what_is_done(qtbot):
    job = Job(JobFunction("waiting", work_until_stopped), ())
    begin(qtbot, job)
    with qtbot.waitSignal(job.ended, timeout=1000) as ended:
        job.stop()
    assert ended.args[0] == JobEnd("done", "stopped")


def test_a_closing_window_cancels(qtbot):
    job = Job(JobFunction("waiting", work_until_stopped), ())
    begin(qtbot, job)
    worker = job._worker
    assert worker.control() is Control.CONTINUE
    with qtbot.waitSignal(job.ended, timeout=1000) as ended:
        worker.quit()
    assert ended.args[0].kind == "cancelled"


def test_a_second_job_waits_for_the_device_and_says_so(qtbot):
    first = Job(JobFunction("first", work_until_stopped), (), "cpu")
    second = Job(JobFunction("second", work_until_stopped), (), "cpu")
    begin(qtbot, first)
    with qtbot.waitSignal(second.waiting) as waiting:
        second.start()
    assert "first" in waiting.args[0]
    assert second._worker is None
    with qtbot.waitSignals([first.ended, second.reported], timeout=2000):
        first.stop()
    with qtbot.waitSignal(second.ended, timeout=2000):
        second.stop()


def test_jobs_on_two_devices_run_at_once(qtbot):
    first = Job(JobFunction("first", work_until_stopped), (), "cpu")
    second = Job(JobFunction("second", work_until_stopped), (), "cuda")
    begin(qtbot, first)
    begin(qtbot, second)
    with qtbot.waitSignals([first.ended, second.ended], timeout=2000):
        first.cancel()
        second.cancel()


def test_a_waiting_job_can_be_cancelled(qtbot):
    first = Job(JobFunction("first", work_until_stopped), ())
    second = Job(JobFunction("second", work_until_stopped), (big(),))
    begin(qtbot, first)
    second.start()
    with qtbot.waitSignal(second.ended) as ended:
        second.cancel()
    assert ended.args[0].kind == "cancelled"
    assert second._args == ()
    with qtbot.waitSignal(first.ended, timeout=2000):
        first.cancel()


def test_a_job_that_was_paused_while_it_waited_is_paused_when_it_begins(qtbot):
    def read_control(worker: JobWorker) -> Control:
        return worker.control()

    first = Job(JobFunction("first", work_until_stopped), ())
    resting = Job(JobFunction("resting", read_control), ())
    going = Job(JobFunction("going", read_control), ())
    begin(qtbot, first)
    for job in (resting, going):
        job.start()
        job.pause()
    going.resume()
    found = []
    for job in (resting, going):
        job.ended.connect(lambda end: found.append(end.result))
    first.stop()
    qtbot.waitUntil(lambda: len(found) == 2, timeout=5000)
    assert found == [Control.PAUSE, Control.CONTINUE]


def test_steps_come_before_the_task_one_a_turn(qtbot):
    done = []
    job = Job(
        JobFunction("last", lambda worker: done.append("task")),
        (),
        prepare=[lambda: done.append("a"), lambda: done.append("b")],
    )
    with qtbot.waitSignal(job.ended, timeout=2000):
        job.start()
        assert done == []
    assert done == ["a", "b", "task"]


def test_a_job_can_be_cancelled_while_it_is_prepared(qtbot):
    done = []
    job = Job(
        JobFunction("never", lambda worker: done.append("task")),
        (),
        prepare=[lambda: None, lambda: done.append("b")],
    )
    with qtbot.waitSignal(job.ended, timeout=2000) as ended:
        job.start()
        job.cancel()
    assert (ended.args[0].kind, done, Job._running) == ("cancelled", [], [])


def test_a_step_that_fails_is_shown_and_the_device_is_free_again(qtbot):
    job = Job(JobFunction("never", work_until_stopped), (), prepare=[lambda: None, lambda: 1 / 0])
    assert run(qtbot, job).sentence == "The run failed: division by zero."
    assert Job._running == []


def test_the_warnings_filter_of_the_process_is_left_alone(qtbot):
    before = list(warnings.filters)
    show = warnings.showwarning
    job = Job(JobFunction("waiting", work_until_stopped), ())
    begin(qtbot, job)
    assert (warnings.filters, warnings.showwarning) == (before, show)
    with qtbot.waitSignal(job.ended, timeout=2000):
        job.stop()


def test_fifty_jobs_leave_no_array_behind(qtbot):
    alive = []
    for number in range(50):
        array = big()
        alive.append(weakref.ref(array))
        failing = number % 5 == 0
        job = Job(
            JobFunction("job", raise_runtime_error if failing else work_until_stopped), (array,)
        )
        del array
        if failing:
            run(qtbot, job)
            continue
        begin(qtbot, job)
        with qtbot.waitSignal(job.ended, timeout=2000):
            job.cancel() if number % 2 else job.stop()
    qtbot.wait(20)
    gc.collect()
    assert [ref for ref in alive if ref() is not None] == []


@pytest.mark.skipif(
    sys.platform != "linux", reason="threads have a niceness of their own on Linux only"
)
def test_a_job_and_the_threads_it_starts_run_after_the_window(qtbot):
    found = []

    def note_priority() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def task(worker: JobWorker) -> None:
        note_priority()
        helper = threading.Thread(target=note_priority)
        helper.start()
        helper.join()

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    run(qtbot, Job(JobFunction("noting", task), ()))
    assert found == [max(10, before)] * 2
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


@pytest.mark.skipif(
    sys.platform != "linux", reason="threads have a niceness of their own on Linux only"
)
def test_a_napari_of_low_priority_is_not_raised(qtbot, monkeypatch):
    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    monkeypatch.setattr(job_threads, "BACKGROUND_NICENESS", before - 1)
    end = run(
        qtbot,
        Job(
            JobFunction(
                "looking", lambda worker: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            ),
            (),
        ),
    )
    assert end.result >= before


@pytest.mark.skipif(
    sys.platform != "linux", reason="threads have a niceness of their own on Linux only"
)
def test_threads_of_other_plugins_keep_their_niceness(qtbot):
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    run(qtbot, Job(JobFunction("one", lambda worker: None), ()))
    worker = create_worker(niceness, _start_thread=False)
    with qtbot.waitSignal(worker.returned, timeout=5000) as returned:
        worker.start()
    assert returned.args == [niceness()]


def test_a_closing_napari_finds_the_job_among_its_workers(qtbot):
    job = Job(JobFunction("waiting", work_until_stopped), ())
    begin(qtbot, job)
    assert job._worker in JobWorker._worker_set
    with qtbot.waitSignal(job.ended, timeout=2000) as ended:
        JobWorker.await_workers()
    assert ended.args[0].kind == "cancelled"
    qtbot.waitUntil(lambda: not JobWorker._worker_set)


def test_a_job_does_not_outlive_the_program():
    program = """
import sys
from qtpy.QtCore import QCoreApplication
from napari_unet.progress import Control
from napari_unet.widgets.jobs.job import Job
from napari_unet.widgets.jobs.worker import JobFunction

def work(worker):
    worker.report("begun")
    while worker.control() in (Control.CONTINUE, Control.PAUSE):
        pass
    sys.stdout.write(worker.control().name)

app = QCoreApplication([])
job = Job(JobFunction("long", work), ())
job.reported.connect(app.quit)
job.start()
job.pause()
app.exec()
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ran.stdout, ran.stderr) == ("CANCEL", "")


def test_a_job_takes_no_thread_from_other_workers(qtbot):
    pool = QThreadPool.globalInstance()
    before = pool.maxThreadCount()
    pool.setMaxThreadCount(1)
    try:
        job = Job(JobFunction("long", work_until_stopped), ())
        begin(qtbot, job)
        short = create_worker(lambda: 7, _start_thread=False)
        with qtbot.waitSignal(short.returned, timeout=5000) as returned:
            short.start()
        assert returned.args == [7]
        with qtbot.waitSignal(job.ended, timeout=5000):
            job.stop()
    finally:
        pool.setMaxThreadCount(before)
