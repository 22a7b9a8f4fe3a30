"""The worker pool: each job runs once, every error reaches the caller, and no thread is left."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from contextlib import contextmanager, nullcontext

import pytest

from wizardcoder.sandbox.pool import run_jobs, stream_jobs

ERRORS = [ZeroDivisionError("x"), queue.Empty(), KeyboardInterrupt(), SystemExit(3), KeyError("T/9"), MemoryError()]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class Workers:
    """Opens workers and counts those that are open."""

    def __init__(self, fail_on_open=None, fail_on_close=None):
        self.opened, self.closed = 0, 0
        self.fail_on_open, self.fail_on_close = fail_on_open, fail_on_close
        self.lock = threading.Lock()

    @contextmanager
    def __call__(self):
        with self.lock:
            self.opened += 1
        if self.fail_on_open is not None:
            raise self.fail_on_open
        try:
            yield f"worker {self.opened}"
        finally:
            with self.lock:
                self.closed += 1
            if self.fail_on_close is not None:
                raise self.fail_on_close


def collect(jobs, open_worker, work, workers):
    with run_jobs(jobs, open_worker, work, workers) as results:
        return list(results)


@pytest.mark.parametrize("workers", [1, 2, 7, 200])
def test_each_job_runs_once_and_every_worker_is_closed(workers):
    opened = Workers()
    found = collect(range(100), opened, lambda _, job: job * job, workers)
    assert sorted(found) == [(n, n * n) for n in range(100)]
    assert opened.opened == opened.closed == min(workers, 100)


def test_no_jobs_open_no_worker():
    opened = Workers()
    assert collect([], opened, lambda _, job: job, 3) == []
    assert opened.opened == 0


def test_results_of_a_job_arrive_one_by_one():
    with stream_jobs([3, 2], nullcontext, lambda _, job: range(job), 1) as results:
        assert list(results) == [(3, 0), (3, 1), (3, 2), (2, 0), (2, 1)]


def test_a_result_is_available_before_its_job_has_ended():
    taken = threading.Event()

    def work(_, job):
        yield job
        assert taken.wait(20)
        yield job + 1

    with stream_jobs([1], nullcontext, work, 1) as results:
        assert next(results) == (1, 1)
        taken.set()
        assert next(results) == (1, 2)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_in_a_job_is_raised_in_the_caller_and_ends_the_others(error, workers):
    opened = Workers()

    def work(_, job):
        if job == 1:
            raise error
        return job

    with pytest.raises(type(error)) as caught:
        collect(range(50), opened, work, workers)
    assert caught.value is error
    assert opened.opened == opened.closed == workers


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_in_opening_a_worker_is_raised_in_the_caller(error):
    with pytest.raises(type(error)) as caught:
        collect([1, 2], Workers(fail_on_open=error), lambda _, job: job, 2)
    assert caught.value is error


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_in_closing_a_worker_is_raised_after_the_results(error):
    found = []
    with (
        pytest.raises(type(error)) as caught,
        run_jobs([1, 2], Workers(fail_on_close=error), lambda _, job: job, 1) as results,
    ):
        found += results
    assert caught.value is error
    assert found == [(1, 1), (2, 2)]


def test_stop_iteration_in_a_job_is_an_error_and_not_the_end():
    def work(_, job):
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        collect([1], nullcontext, work, 1)


def test_an_error_of_the_caller_ends_the_workers_and_is_the_one_raised():
    opened, started = Workers(), threading.Event()
    stop = threading.Event()

    def work(_, job):
        started.set()
        assert stop.wait(20)
        raise EOFError(job)

    with pytest.raises(LookupError), stream_jobs([1, 2, 3], opened, work, 2, stop):
        assert started.wait(20)
        raise LookupError
    assert opened.opened == opened.closed


def test_leaving_early_starts_no_other_job_and_raises_nothing():
    started, stop = [], threading.Event()

    def work(_, job):
        started.append(job)
        yield job
        assert stop.wait(20)

    with stream_jobs(range(1000), Workers(), work, 2, stop) as results:
        next(results)
    assert len(started) <= 2


@pytest.mark.heavy
def test_an_error_leaves_no_process():
    processes = []

    @contextmanager
    def open_worker():
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            processes.append(process)
            yield process

    with pytest.raises(queue.Empty):
        collect([1, 2, 3], open_worker, lambda _, job: queue.SimpleQueue().get_nowait(), 3)
    assert [process.returncode is None for process in processes] == [False] * len(processes)
