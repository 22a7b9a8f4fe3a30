"""The evolve engine when things go wrong, and when money is at stake: real processes, real sockets."""

import json
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import ClassVar

import psutil
import pytest

from bench.mock_endpoint import MockEndpoint, default_reply
from wizardcoder.core.store import AnswerStore

SEEDS = [{"id": f"s{n}", "instruction": f"Write a function that multiplies a number by {n}."} for n in range(60)]


@pytest.fixture
def standalone(room):
    """Give the arguments of a standalone run on sixty seeds, eight at once."""
    (room.folder / "in.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in SEEDS))

    def args(url, *more):
        places = ("--seeds", "in.jsonl", "--out", "out.jsonl", "--work", "work")
        return ("--standalone", "--base-url", url, "--model", "m", *places, "--concurrency", 8, *more)

    return args


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def kept(folder):
    with AnswerStore(folder / "answers.sqlite") as store:
        return store.size().answers


def until(condition):
    ends = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < ends, "what was waited for did not happen"
        time.sleep(0.05)


def interrupt(process, signum):
    """Send a signal to a process that only waits for answers, and let it act on that: until it waits again."""
    process.send_signal(signum)
    until(lambda: psutil.Process(process.pid).status() in (psutil.STATUS_SLEEPING, psutil.STATUS_ZOMBIE))


def test_standalone_writes_the_records_in_input_order(room, standalone):
    with MockEndpoint(latency_s=0.01, jitter=0.9) as mock:
        done = room.call(*standalone(mock.url))
    assert done.returncode == 0, done.stderr
    out = lines(room.folder / "out.jsonl")
    assert [record["parent_id"] for record in out] == [seed["id"] for seed in SEEDS]
    assert list(out[0]) == ["id", "instruction", "response", "heuristic", "parent_id"]
    assert mock.counts["requests"] == 2 * len(SEEDS)  # no judge unless asked for
    assert all(len(body["messages"]) == 1 for body in mock.bodies)  # and no worked examples


def test_standalone_asks_the_judge_when_told_to(room, standalone):
    with MockEndpoint() as mock:
        room.call(*standalone(mock.url, "--judge"))
    assert mock.counts["requests"] == 3 * len(SEEDS)


def test_kill_9_repays_no_more_than_what_was_in_flight(room, standalone):
    with MockEndpoint(hold_after=50) as mock:
        process = room.start(*standalone(mock.url))
        mock.wait_held(8)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (room.folder / "out.jsonl").exists()
        mock.release()
        done = room.call(*standalone(mock.url))
    assert done.returncode == 0, done.stderr
    times = Counter(json.dumps(body) for body in mock.bodies)
    assert sum(times.values()) - len(times) == 8
    assert len(lines(room.folder / "out.jsonl")) == len(SEEDS)


def test_ctrl_c_keeps_every_answer_that_was_on_its_way(room, standalone):
    with MockEndpoint(hold_after=20) as mock:
        process = room.start(*standalone(mock.url))
        mock.wait_held(8)
        interrupt(process, signal.SIGINT)
        mock.release()
        _, err = process.communicate(timeout=180)
        assert process.returncode == 130
        assert "interrupted" in err
        assert "Traceback" not in err
        assert mock.counts["requests"] == kept(room.folder / "work") == 28
    assert not (room.folder / "out.jsonl").exists()


def test_sigterm_keeps_every_answer_that_was_on_its_way(room, standalone):
    with MockEndpoint(hold_after=20) as mock:
        process = room.start(*standalone(mock.url))
        mock.wait_held(8)
        interrupt(process, signal.SIGTERM)
        mock.release()
        process.communicate(timeout=180)
        assert process.returncode == 143
        assert mock.counts["requests"] == kept(room.folder / "work") == 28


def test_faults_lose_nothing_and_change_no_byte(room, standalone):
    with MockEndpoint() as mock:
        room.call(*standalone(mock.url))
    calm = (room.folder / "out.jsonl").read_bytes()
    with MockEndpoint(p429=0.1, retry_after_s=0.2, p500=0.05, latency_s=0.01, jitter=0.9) as mock:
        done = room.call(*standalone(mock.url))
    assert done.returncode == 0, done.stderr
    assert mock.counts["429"] + mock.counts["500"] > 0
    assert mock.early == 0
    assert (room.folder / "out.jsonl").read_bytes() == calm


def test_two_processes_share_one_store(room, standalone):
    with MockEndpoint(latency_s=0.02) as mock:
        both = [room.start(*standalone(mock.url)), room.start(*standalone(mock.url, "--out", "other.jsonl"))]
        ends = [process.communicate(timeout=180) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert (room.folder / "out.jsonl").read_bytes() == (room.folder / "other.jsonl").read_bytes()
    assert kept(room.folder / "work") == 2 * len(SEEDS)


def test_a_record_whose_retries_are_used_up_is_rejected_with_its_reason(room):
    def reply(body):
        if "adds 3 " in body["messages"][-1]["content"]:
            raise ValueError
        return default_reply(body)

    with MockEndpoint(reply=reply) as mock:
        done = room(mock.url, teacher__retries=1)
    assert done.returncode == 0, done.stderr
    rejected = lines(room.folder / "data/rounds/r1/rejected.jsonl")
    assert [(r["parent_id"], r["reason"]) for r in rejected] == [("seed3", "request_failed")]
    assert "HTTP 500" in rejected[0]["detail"]


# one at a time, so that the last answer is known: two instructions and their two responses follow each other
@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(30, id="after an instruction"),
        pytest.param(32, id="after a response"),
    ],
)
def test_an_endpoint_that_goes_away_stops_the_stage_and_what_was_paid_stays(room, standalone, answered):
    with MockEndpoint(hold_after=answered) as mock:
        process = room.start(*standalone(mock.url, "--concurrency", 1))
        mock.wait_held(1)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("error: teacher.base_url: ")
    assert "cannot be reached" in err
    assert kept(room.folder / "work") == answered


class TestMoney:
    PRICE: ClassVar = {"teacher__price": {"input": 1000.0, "output": 1000.0}}  # a tenth or so per request

    def spent(self, room):
        with closing(sqlite3.connect(room.folder / "cache/answers.sqlite")) as db:
            return db.execute("SELECT total(cost) FROM answers").fetchone()[0]

    def test_a_run_stops_before_its_budget_and_goes_on_with_a_larger_one(self, room):
        with MockEndpoint() as mock:
            done = room(mock.url, **self.PRICE, teacher__budget=3.0)
            assert done.returncode == 1
            last = done.stderr.splitlines()[-1]
            assert last.startswith("error: teacher.budget: 3 could be exceeded: ")
            assert "raise teacher.budget and run the same command again" in last
            assert 0 < self.spent(room) <= 3.0
            assert kept(room.folder / "cache") == mock.counts["requests"]
            done = room(mock.url, **self.PRICE, teacher__budget=1000.0)
            assert done.returncode == 0, done.stderr
            assert mock.counts["requests"] == 36  # each of the three requests of twelve records once

    def test_only_what_is_in_flight_is_set_aside(self, room):
        with MockEndpoint(latency_s=0.02) as mock:
            # a response can cost 5: one at a time fits beside what all cost in the end, twelve at once would not
            dear = {"teacher__respond__max_tokens": 5000, "teacher__budget": 30.0}
            done = room(mock.url, **self.PRICE, **dear, teacher__concurrency=1)
            assert done.returncode == 0, done.stderr
            assert mock.counts["requests"] == 36

    def test_metrics_carry_requests_tokens_and_cost(self, room):
        with MockEndpoint() as mock:
            room(mock.url, **self.PRICE)
        metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
        assert metrics["requests"] == 36
        assert metrics["cache_hits"] == 0
        assert metrics["cost"] == pytest.approx((metrics["prompt_tokens"] + metrics["completion_tokens"]) / 1000, 1e-4)
        assert metrics["cost"] == metrics["paid"] == pytest.approx(self.spent(room), 1e-4)

    def test_an_estimate_sends_nothing_needs_no_key_and_deducts_what_is_known(self, room):
        with MockEndpoint() as mock:
            room.write_params(mock.url, **self.PRICE)
            del room.env["OPENAI_API_KEY"]
            before = room.call("--estimate")
            assert before.returncode == 0, before.stderr
            assert mock.counts["requests"] == 0
            room.env["OPENAI_API_KEY"] = "any"
            room(mock.url, **self.PRICE)
            after = room.call("--estimate")
            assert mock.counts["requests"] == 36
        rows = {line.split()[1]: line.split() for line in before.stderr.splitlines() if line.startswith("│ ")}
        assert [rows[name][5] for name in ("r1", "r2", "all")] == ["36", "36", "144"]
        rows = {line.split()[1]: line.split() for line in after.stderr.splitlines() if line.startswith("│ ")}
        assert [rows[name][3] for name in ("r1", "r2")] == ["36", "0"]
        assert [rows[name][5] for name in ("r1", "r2", "all")] == ["0", "36", "108"]
        assert "m's own counts" in after.stderr or "own counts so far" in after.stderr

    def test_the_estimate_of_a_round_is_what_it_asks(self, room):
        with MockEndpoint() as mock:
            room(mock.url, **self.PRICE)
            for number in (2, 3, 4):
                room.call("--round", number)
            asked = mock.counts["requests"]
            done = room.call("--estimate")
            assert mock.counts["requests"] == asked == 144
        rows = {line.split()[1]: line.split() for line in done.stderr.splitlines() if line.startswith("│ ")}
        assert rows["all"][3] == "144"
        assert rows["all"][5] == "0"


class TestTwoTeachers:
    def test_one_evolves_and_another_answers(self, room):
        with MockEndpoint() as evolves, MockEndpoint() as answers:
            done = room(
                evolves.url,
                teacher__respond__base_url=answers.url,
                teacher__respond__model="answerer",
                teacher__respond__temperature=0.5,
            )
        assert done.returncode == 0, done.stderr
        assert {body["model"] for body in evolves.bodies} == {"SmolLM2-135M-Instruct"}
        assert {(body["model"], body["temperature"]) for body in answers.bodies} == {("answerer", 0.5)}
        example = lines(room.folder / "data/rounds/r1/examples.jsonl")[0]
        assert (example["instruct_model"], example["respond_model"]) == ("SmolLM2-135M-Instruct", "answerer")

    def test_replicas_share_one_model_and_answers_are_known_by_the_first(self, room):
        with MockEndpoint(hold_after=0) as first, MockEndpoint(hold_after=0) as second:
            room.write_params([first.url, second.url])
            process = room.start("--round", 1)
            for mock in (first, second):
                mock.wait_held(4)  # of eight in flight
            for mock in (first, second):
                mock.release()
            _, err = process.communicate(timeout=180)
            assert process.returncode == 0, err
            assert first.counts["requests"] + second.counts["requests"] == 36
            room(first.url)
            assert first.counts["requests"] + second.counts["requests"] == 36


class TestBatch:
    BATCH: ClassVar = {"teacher__mode": "batch", "teacher__batch_poll_s": 0.05}

    def test_a_round_goes_up_in_three_batches_and_comes_back_as_in_chat(self, room):
        with MockEndpoint() as mock:
            assert room(mock.url).returncode == 0
            chat = (room.folder / "data/rounds/r1/examples.jsonl").read_bytes()
        with MockEndpoint() as mock:
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 0, done.stderr
        assert (room.folder / "data/rounds/r1/examples.jsonl").read_bytes() == chat
        assert mock.counts["batches"] == 3  # instructions, judgements, responses
        assert mock.counts["batched"] == 36
        assert mock.counts["requests"] == 0

    def test_what_a_batch_leaves_unanswered_is_asked_in_the_next(self, room):
        with MockEndpoint(batch_expires=(0,), batch_fails=lambda _, number: number == 1) as mock:
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 0, done.stderr
        assert len(lines(room.folder / "data/rounds/r1/examples.jsonl")) == 12
        assert mock.counts["batched"] > 36

    def test_a_request_that_fails_in_every_batch_is_rejected(self, room):
        def fails(body, _):
            return "adds 3 " in body["messages"][-1]["content"]

        with MockEndpoint(batch_fails=fails) as mock:
            done = room(mock.url, **self.BATCH, teacher__retries=1)
        assert done.returncode == 0, done.stderr
        rejected = lines(room.folder / "data/rounds/r1/rejected.jsonl")
        assert [(r["parent_id"], r["reason"]) for r in rejected] == [("seed3", "request_failed")]
        assert "the server had an error (2 batches)" in rejected[0]["detail"]

    def test_a_restart_polls_the_batch_that_was_submitted_instead_of_paying_again(self, room):
        with MockEndpoint(batch_polls=10**9) as mock:
            room.write_params(mock.url, **self.BATCH)
            process = room.start("--round", 1)
            until(lambda: mock.batches and mock.batches[0]["looks"] > 2)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            mock.batch_polls = 1
            done = room.call("--round", 1)
        assert done.returncode == 0, done.stderr
        assert mock.counts["batches"] == 3
        assert mock.counts["batched"] == 36

    def test_a_batch_that_is_refused_as_a_whole_stops_the_stage(self, room):
        with MockEndpoint(batch_refused="the model does not exist") as mock:
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith("was refused: the model does not exist")
