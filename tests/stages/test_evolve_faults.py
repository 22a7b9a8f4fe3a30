"""The stage evolve under faults, with a budget, two teachers and the Batch API: real processes, real sockets."""

import json
import re
import signal
import sqlite3
from contextlib import closing
from typing import ClassVar

import pytest
from processes import count_answers, wait_until

from bench.mock_endpoint import MockEndpoint, default_reply

pytestmark = pytest.mark.heavy

STAGE = ("-m", "stages.evolve", "--round")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_record_whose_retries_are_used_up_is_rejected_with_its_reason(room):
    def reply(body):
        if "adds 3 " in body["messages"][-1]["content"]:
            raise ValueError
        return default_reply(body)

    with MockEndpoint(reply=reply) as mock:
        done = room(mock.url, runtime__teacher__retries=1)
    assert done.returncode == 0, done.stderr
    rejected = lines(room.folder / "data/rounds/r1/rejected.jsonl")
    assert [(r["parent_id"], r["reason"]) for r in rejected] == [("seed3", "request_failed")]
    assert "HTTP 500" in rejected[0]["detail"]


class TestRefusals:
    LONG: ClassVar = {f"adds {n} " for n in range(6)}

    def refuses(self, status, message):
        return lambda body: (
            (status, {"error": {"message": message}})
            if any(text in body["messages"][-1]["content"] for text in self.LONG)
            else None
        )

    @pytest.mark.parametrize(
        ("status", "message"), [(400, "maximum context length"), (413, "too large"), (403, "flagged by the moderation")]
    )
    def test_refused_records_are_rejected_and_not_asked_again(self, room, status, message):
        with MockEndpoint(refusal=self.refuses(status, message)) as mock:
            first = room(mock.url)
            asked = mock.counts["requests"]
            again = room(mock.url)
        assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
        assert mock.counts["requests"] == asked == 6 + 3 * 6
        rejected = lines(room.folder / "data/rounds/r1/rejected.jsonl")
        assert {(r["reason"], r["detail"]) for r in rejected} == {("request_failed", f"HTTP {status}: {message}")}
        assert len(rejected) == 6
        assert count_answers(room.folder / "cache/answers.sqlite") == 18

    def test_a_setting_that_every_request_is_refused_for_stops_the_stage_and_is_not_remembered(self, room):
        with MockEndpoint(refusal=lambda _: (400, {"error": {"message": "no such adapter"}})) as mock:
            done = room(mock.url)
            assert done.returncode == 1
            assert "none was answered: HTTP 400: no such adapter" in done.stderr.splitlines()[-1]
            mock.refusal = lambda _: None
            done = room(mock.url)
        assert done.returncode == 0, done.stderr
        assert len(lines(room.folder / "data/rounds/r1/examples.jsonl")) == 12

    def test_a_wait_is_visible_without_a_terminal(self, room):
        with MockEndpoint(p429=0.3, retry_after_s=2.0) as mock:
            done = room(mock.url)
        assert done.returncode == 0, done.stderr
        assert "evolve_r1: " in done.stderr
        assert " waiting for the rate limit until " in done.stderr


class TestMoney:
    PRICE: ClassVar = {"runtime__teacher__price": {"input": 1000.0, "output": 1000.0}}  # about a tenth per request

    def spent(self, room):
        with closing(sqlite3.connect(room.folder / "cache/answers.sqlite")) as db:
            return db.execute("SELECT total(cost) FROM answers").fetchone()[0]

    def test_a_run_stops_before_its_budget_and_continues_with_a_larger_one(self, room):
        with MockEndpoint() as mock:
            done = room(mock.url, **self.PRICE, runtime__teacher__budget=3.0)
            assert done.returncode == 1
            last = done.stderr.splitlines()[-1]
            assert last.startswith("error: runtime.teacher.budget: 3 could be exceeded: ")
            assert "raise runtime.teacher.budget and run the same command again" in last
            assert 0 < self.spent(room) <= 3.0
            assert count_answers(room.folder / "cache/answers.sqlite") == mock.counts["requests"]
            done = room(mock.url, **self.PRICE, runtime__teacher__budget=1000.0)
            assert done.returncode == 0, done.stderr
            assert mock.counts["requests"] == 36  # each of the three requests of twelve records once

    def test_money_is_reserved_only_for_requests_in_flight(self, room):
        with MockEndpoint(latency_s=0.02) as mock:
            # a response can cost 5: one at a time fits beside what all cost in the end, twelve at once would not
            dear = {"teacher__respond__max_tokens": 5000, "runtime__teacher__budget": 30.0}
            done = room(mock.url, **self.PRICE, **dear, runtime__teacher__concurrency=1)
            assert done.returncode == 0, done.stderr
            assert mock.counts["requests"] == 36

    def test_without_a_budget_nothing_is_sent_and_the_estimate_and_the_line_to_set_are_named(self, room):
        room.write_round_0()
        with MockEndpoint() as mock:
            done = room(mock.url, **self.PRICE)
            assert mock.counts["requests"] == 0
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert last.startswith(
            "error: runtime.teacher.budget: null, and the teacher has a price, so nothing was sent. The estimate is "
        )
        assert re.search(
            r" for 144 requests, at most \d+: set `runtime: teacher: budget: \d+` in params.yaml$", last
        ), last

    def test_without_a_budget_a_run_from_the_store_is_finished(self, room):
        with MockEndpoint() as mock:
            room(mock.url, **self.PRICE, runtime__teacher__budget=1000.0)
            sent = mock.counts["requests"]
            done = room(mock.url, **self.PRICE)
            assert mock.counts["requests"] == sent
        assert done.returncode == 0, done.stderr

    def test_metrics_contain_requests_tokens_and_cost(self, room):
        with MockEndpoint() as mock:
            done = room(mock.url, **self.PRICE, runtime__teacher__budget=1000.0)
        metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
        assert metrics["requests"] == 36
        assert metrics["cache_hits"] == 0
        assert metrics["cost"] == pytest.approx((metrics["prompt_tokens"] + metrics["completion_tokens"]) / 1000, 1e-4)
        assert re.search(r", \d\d cost, \d\d paid in ", done.stderr), done.stderr
        assert metrics["cost"] == metrics["paid"] == pytest.approx(self.spent(room), 1e-4)

    def test_an_estimate_sends_nothing_needs_no_key_and_deducts_stored_answers(self, room):
        room.write_round_0()
        with MockEndpoint() as mock:
            room.write_params(mock.url, **self.PRICE, runtime__teacher__budget=1000.0)
            del room.env["OPENAI_API_KEY"]
            before = room.call("-m", "wizardcoder.cli.main", "estimate")
            assert before.returncode == 0, before.stderr
            assert mock.counts["requests"] == 0
            room.env["OPENAI_API_KEY"] = "any"
            room(mock.url, **self.PRICE, runtime__teacher__budget=1000.0)
            after = room.call("-m", "wizardcoder.cli.main", "estimate")
            assert mock.counts["requests"] == 36
        rows = {line.split()[1]: line.split() for line in before.stderr.splitlines() if line.startswith("│ ")}
        assert [rows[name][5] for name in ("r1", "r2", "all")] == ["36", "36", "144"]
        rows = {line.split()[1]: line.split() for line in after.stderr.splitlines() if line.startswith("│ ")}
        assert [rows[name][3] for name in ("r1", "r2")] == ["36", "0"]
        assert [rows[name][5] for name in ("r1", "r2", "all")] == ["0", "36", "108"]
        assert "m's own counts" in after.stderr or "own counts so far" in after.stderr

    def test_the_estimate_of_a_round_equals_its_requests(self, room):
        room.write_round_0()
        with MockEndpoint() as mock:
            room(mock.url, **self.PRICE, runtime__teacher__budget=1000.0)
            for number in (2, 3, 4):
                room.call(*STAGE, number)
            asked = mock.counts["requests"]
            done = room.call("-m", "wizardcoder.cli.main", "estimate")
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

    def test_replicas_share_one_model_and_answers_are_stored_under_the_first(self, room):
        with MockEndpoint(hold_after=0) as first, MockEndpoint(hold_after=0) as second:
            room.write_params([first.url, second.url])
            process = room.start(*STAGE, 1)
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
    BATCH: ClassVar = {"runtime__teacher__mode": "batch", "runtime__teacher__batch_poll_s": 0.05}

    def test_a_round_takes_three_batches_and_gives_the_same_as_chat(self, room):
        with MockEndpoint() as mock:
            assert room(mock.url).returncode == 0
            chat = (room.folder / "data/rounds/r1/examples.jsonl").read_bytes()
        room.env["WC_CACHE_DIR"] = str(room.folder / "another cache")
        with MockEndpoint() as mock:
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 0, done.stderr
        assert (room.folder / "data/rounds/r1/examples.jsonl").read_bytes() == chat
        assert mock.counts["batches"] == 3  # instructions, judgements, responses
        assert mock.counts["batched"] == 36
        assert mock.counts["requests"] == 0

    def test_requests_that_a_batch_leaves_unanswered_go_into_the_next(self, room):
        with MockEndpoint(batch_expires=(0,), batch_fails=lambda _, number: number == 1) as mock:
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 0, done.stderr
        assert len(lines(room.folder / "data/rounds/r1/examples.jsonl")) == 12
        assert mock.counts["batched"] > 36

    def test_a_request_that_fails_in_every_batch_is_rejected(self, room):
        def fails(body, _):
            return "adds 3 " in body["messages"][-1]["content"]

        with MockEndpoint(batch_fails=fails) as mock:
            done = room(mock.url, **self.BATCH, runtime__teacher__retries=1)
        assert done.returncode == 0, done.stderr
        rejected = lines(room.folder / "data/rounds/r1/rejected.jsonl")
        assert [(r["parent_id"], r["reason"]) for r in rejected] == [("seed3", "request_failed")]
        assert "the server had an error (2 batches)" in rejected[0]["detail"]

    def test_a_restart_polls_the_submitted_batch_instead_of_paying_again(self, room):
        with MockEndpoint(batch_polls=10**9) as mock:
            room.write_params(mock.url, **self.BATCH)
            process = room.start(*STAGE, 1)
            wait_until(lambda: mock.batches and mock.batches[0]["looks"] > 2)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            mock.batch_polls = 1
            done = room.call(*STAGE, 1)
        assert done.returncode == 0, done.stderr
        assert mock.counts["batches"] == 3
        assert mock.counts["batched"] == 36

    def test_a_limit_of_requests_per_batch_is_kept(self, room):
        with MockEndpoint() as mock:
            done = room(mock.url, **self.BATCH, runtime__teacher__batch_requests=5)
        assert done.returncode == 0, done.stderr
        assert mock.counts["batched"] == 36
        assert max(len(file.splitlines()) for name, file in mock.files.items() if b'"method"' in file) == 5

    def test_a_batch_above_the_limit_of_enqueued_tokens_is_halved_until_it_fits(self, room):
        with MockEndpoint(enqueued_tokens=2000) as mock:  # about four of twelve requests
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 0, done.stderr
        assert mock.counts["token_limit_exceeded"] > 0
        assert mock.counts["batched"] == 36
        assert "above the limit of enqueued tokens; its 12 requests wait" in done.stderr
        assert len(lines(room.folder / "data/rounds/r1/examples.jsonl")) == 12

    def test_polls_that_fail_are_repeated(self, room):
        with MockEndpoint(poll_failures=30) as mock:  # more than the client and `retries` together allow
            done = room(mock.url, **self.BATCH, runtime__teacher__retries=0)
        assert done.returncode == 0, done.stderr
        assert mock.counts["failed polls"] == 30
        assert mock.counts["batches"] == 3
        assert "a poll failed, it is tried again until " in done.stderr

    def test_a_run_whose_polls_fail_for_too_long_stops_and_the_next_collects_the_batch(self, room):
        with MockEndpoint(poll_failures=10**9) as mock:
            done = room(mock.url, **self.BATCH, runtime__teacher__batch_patience_h=0)
            assert done.returncode == 1
            assert "(runtime.teacher.batch_patience_h)" in done.stderr.splitlines()[-1]
            mock.poll_failures = 0
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 0, done.stderr
        assert mock.counts["batches"] == 3

    def test_a_refused_request_of_a_batch_is_not_asked_again(self, room):
        def fails(body, _):
            return "adds 3 " in body["messages"][-1]["content"]

        with MockEndpoint(batch_fails=fails, batch_failure_status=400) as mock:
            assert room(mock.url, **self.BATCH).returncode == 0
            batched = mock.counts["batched"]
            assert room(mock.url, **self.BATCH).returncode == 0
            assert mock.counts["batched"] == batched == 1 + 3 * 11

    def test_a_refused_batch_stops_the_stage(self, room):
        with MockEndpoint(batch_refused="the model does not exist") as mock:
            done = room(mock.url, **self.BATCH)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith("was refused: the model does not exist")
