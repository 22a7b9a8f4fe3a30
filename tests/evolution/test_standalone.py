"""`evolve_file`: from file to file, with faults, kills and two processes on one store."""

from __future__ import annotations

import json
import shutil
import signal
from collections import Counter

import pytest
from processes import count_answers

from bench.mock_endpoint import MockEndpoint, default_reply

pytestmark = pytest.mark.heavy

SEEDS = [{"id": f"s{n}", "instruction": f"Write a function that multiplies a number by {n}."} for n in range(60)]
PROGRAM = """
import json, sys
from pathlib import Path
from wizardcoder.core import console
from wizardcoder.evolution.standalone import evolve_file, standalone_params

def main():
    options = {"seeds": "in.jsonl", "out": "out.jsonl", "rounds": 1, "fields": {}} | json.loads(sys.argv[1])
    seeds, out = Path(options.pop("seeds")), Path(options.pop("out"))
    rounds, fields = options.pop("rounds"), options.pop("fields")
    params = standalone_params(**{"model": "m", "concurrency": 8} | options)
    with console.closing_line("evolve"):
        evolve_file(params, seeds, out, Path("work"), rounds=rounds, fields=fields)

console.entry(main)
"""


@pytest.fixture
def evolve_file(room):
    """Return a function that gives the arguments of a run on sixty seeds, eight requests in flight."""
    (room.folder / "in.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in SEEDS))

    def args(url, **options):
        return ("-c", PROGRAM, json.dumps({"base_url": url, **options}))

    return args


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_records_are_written_in_input_order(room, evolve_file):
    del room.env["OPENAI_API_KEY"]  # an endpoint that checks no key needs none
    with MockEndpoint(latency_s=0.01, jitter=0.9) as mock:
        done = room.call(*evolve_file(mock.url))
    assert done.returncode == 0, done.stderr
    out = lines(room.folder / "out.jsonl")
    assert [record["parent_id"] for record in out] == [seed["id"] for seed in SEEDS]
    assert list(out[0]) == ["id", "instruction", "response", "heuristic", "parent_id"]
    assert mock.counts["requests"] == 2 * len(SEEDS)  # no judge unless asked for
    assert all(len(body["messages"]) == 1 for body in mock.bodies)  # and no worked examples
    metrics = json.loads((room.folder / "work/metrics.json").read_text())
    assert (metrics["attempted"], metrics["accepted"], metrics["requests"]) == (60, 60, 120)
    assert (room.folder / "work/rejected.jsonl").read_text() == ""
    assert len(lines(room.folder / "work/pool.jsonl")) == len(SEEDS)


def test_the_judge_is_asked_when_it_is_switched_on(room, evolve_file):
    with MockEndpoint() as mock:
        room.call(*evolve_file(mock.url, equal_judge=True))
    assert mock.counts["requests"] == 3 * len(SEEDS)


def test_kill_9_repays_at_most_the_requests_in_flight(room, evolve_file):
    with MockEndpoint(hold_after=50) as mock:
        process = room.start(*evolve_file(mock.url))
        mock.wait_held(8)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not (room.folder / "out.jsonl").exists()
        mock.release()
        done = room.call(*evolve_file(mock.url))
    assert done.returncode == 0, done.stderr
    times = Counter(json.dumps(body) for body in mock.bodies)
    assert sum(times.values()) - len(times) == 8
    assert len(lines(room.folder / "out.jsonl")) == len(SEEDS)


def test_faults_lose_nothing_and_change_no_byte(room, evolve_file):
    with MockEndpoint() as mock:
        room.call(*evolve_file(mock.url))
    calm = (room.folder / "out.jsonl").read_bytes()
    shutil.rmtree(room.folder / "work")  # the other port is the same endpoint, whose answers are known
    with MockEndpoint(p429=0.1, retry_after_s=0.2, p500=0.05, latency_s=0.01, jitter=0.9) as mock:
        done = room.call(*evolve_file(mock.url))
    assert done.returncode == 0, done.stderr
    assert mock.counts["429"] + mock.counts["500"] > 0
    assert mock.early == 0
    assert (room.folder / "out.jsonl").read_bytes() == calm


def test_two_processes_share_one_store(room, evolve_file):
    with MockEndpoint(latency_s=0.02) as mock:
        both = [room.start(*evolve_file(mock.url)), room.start(*evolve_file(mock.url, out="other.jsonl"))]
        ends = [process.communicate(timeout=180) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert (room.folder / "out.jsonl").read_bytes() == (room.folder / "other.jsonl").read_bytes()
    assert count_answers(room.folder / "work/answers.sqlite") == 2 * len(SEEDS)


# one at a time, so that the last answer is known: two instructions and their two responses follow each other
@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(30, id="after an instruction"),
        pytest.param(32, id="after a response"),
    ],
)
def test_an_endpoint_that_goes_away_stops_the_run_and_paid_answers_stay(room, evolve_file, answered):
    with MockEndpoint(hold_after=answered) as mock:
        process = room.start(*evolve_file(mock.url, concurrency=1))
        mock.wait_held(1)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("error: teacher.base_url: ")
    assert "cannot be reached" in err
    assert count_answers(room.folder / "work/answers.sqlite") == answered


def test_two_rounds_at_once_are_as_two_calls_the_second_with_the_pool_of_the_first(room, evolve_file):
    def reply(body):
        question = body["messages"][-1]["content"]
        if "multiplies a number by 7." in question and "Please increase" in question:
            return "Write a function that multiplies a number by 7."  # unchanged, so the lineage fails in both rounds
        return default_reply(body)

    with MockEndpoint(reply=reply) as mock:
        assert room.call(*evolve_file(mock.url, rounds=2)).returncode == 0
        sent = mock.counts["requests"]
        both = lines(room.folder / "out.jsonl")
        metrics = json.loads((room.folder / "work/metrics.json").read_text())
        pool = lines(room.folder / "work/pool.jsonl")
        assert room.call(*evolve_file(mock.url)).returncode == 0
        first = lines(room.folder / "out.jsonl")
        (room.folder / "pool.jsonl").write_bytes((room.folder / "work/pool.jsonl").read_bytes())
        assert room.call(*evolve_file(mock.url, seeds="pool.jsonl")).returncode == 0
        second = lines(room.folder / "out.jsonl")
        assert mock.counts["requests"] == sent  # all from the store
    assert both == first + second
    assert [record["id"] for record in both[:2]] == ["s0-r1", "s1-r1"]
    assert both[59]["id"] == "s0-r1-r2"
    assert both[59]["parent_id"] == "s0-r1"
    assert [item["id"] for item in pool[6:9]] == ["s6-r1-r2", "s7", "s8-r1-r2"]
    assert (metrics["attempted"], metrics["accepted"], metrics["rejected"]) == (120, 118, 2)
    assert (metrics["accepted.r1"], metrics["accepted.r2"], metrics["seeds"]) == (59, 59, 60)


def test_an_output_is_an_input_whose_rounds_go_on(room, evolve_file):
    with MockEndpoint() as mock:
        room.call(*evolve_file(mock.url))
        (room.folder / "out.jsonl").rename(room.folder / "again.jsonl")
        done = room.call(*evolve_file(mock.url, seeds="again.jsonl"))
    assert done.returncode == 0, done.stderr
    assert [record["id"] for record in lines(room.folder / "out.jsonl")] == [f"s{n}-r1-r2" for n in range(60)]


def test_records_that_cannot_be_evolved_are_rejected_with_their_reason(room, evolve_file):
    records = [{"instruction": "Add.", "output": "x"}, {"instruction": None, "output": "x"}, *SEEDS[:1]]
    (room.folder / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    with MockEndpoint() as mock:
        done = room.call(*evolve_file(mock.url))
    assert done.returncode == 0, done.stderr
    assert len(lines(room.folder / "out.jsonl")) == 2
    assert [(r["reason"], r["round"]) for r in lines(room.folder / "work/rejected.jsonl")] == [("instruction_empty", 0)]
    metrics = json.loads((room.folder / "work/metrics.json").read_text())
    assert (metrics["seeds"], metrics["seeds_rejected"], metrics["seeds_rejected.instruction_empty"]) == (2, 1, 1)
