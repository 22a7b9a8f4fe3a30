"""One round of evolution against a mock endpoint on loopback."""

import json
from pathlib import Path

import pytest

from bench.mock_endpoint import MockEndpoint, default_reply
from stages import evolve
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.core.records import PoolItem, read_records, write_jsonl
from wizardcoder.evolution.settings import check_evolve_params

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
POOL = [PoolItem(f"seed{n}", f"Write a function that adds {n} to a number.") for n in range(12)]  # as in `room`


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_attempt_is_accepted_or_rejected_with_a_reason_and_the_pool_keeps_its_order(room):
    def reply(body):
        if "adds 3 " in body["messages"][-1]["content"]:
            return "Write a function that adds 3 to a number."  # unchanged
        return default_reply(body)

    with MockEndpoint(reply=reply) as endpoint:
        done = room(endpoint.url)
    assert done.returncode == 0, done.stderr
    out = room.folder / "data/rounds/r1"
    accepted, rejected, pool = (lines(out / f"{name}.jsonl") for name in ("examples", "rejected", "pool"))
    assert len(accepted) + len(rejected) == len(POOL)
    assert [(r["parent_id"], r["reason"]) for r in rejected] == [("seed3", "no_information_gain")]
    assert [item["id"] for item in pool] == [f"seed{n}" if n == 3 else f"seed{n}-r1" for n in range(12)]
    assert pool[3]["instruction"] == POOL[3].instruction
    metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
    assert (metrics["attempted"], metrics["accepted"], metrics["rejected"]) == (12, 11, 1)
    assert metrics["rejected.no_information_gain"] == 1


def test_an_example_names_its_parent_models_prompt_and_tokens(room):
    with MockEndpoint() as endpoint:
        room(endpoint.url)
    example = lines(room.folder / "data/rounds/r1/examples.jsonl")[0]
    assert (example["id"], example["parent_id"], example["round"]) == ("seed0-r1", "seed0", 1)
    assert example["heuristic"] in ("complexity", "constraints", "misdirection", "reasoning", "specificity")
    assert example["instruct_model"] == example["respond_model"] == "SmolLM2-135M-Instruct"
    assert (example["finish_reason"], example["response_tokens"]) == ("stop", 120)
    assert len(example["prompt_version"]) == 8


def test_a_second_run_asks_nothing_and_writes_the_same_bytes(room):
    out = room.folder / "data/rounds/r1/examples.jsonl"
    with MockEndpoint() as endpoint:
        room(endpoint.url)
        first, sent = out.read_bytes(), endpoint.counts["requests"]
        room(endpoint.url)
        assert endpoint.counts["requests"] == sent > 0
        assert out.read_bytes() == first


@pytest.mark.parametrize("changed", ["complexity", "constraints"])
def test_a_changed_heuristic_repays_only_the_records_that_drew_it(room, changed):
    with MockEndpoint() as endpoint:
        room(endpoint.url)
        before = endpoint.counts["requests"]
        drew = sum(e["heuristic"] == changed for e in lines(room.folder / "data/rounds/r1/examples.jsonl"))
        room(endpoint.url, **{f"evolve__heuristics__{changed}": "Ask for another one."})
        assert 0 < drew < 12
        assert endpoint.counts["requests"] - before == 3 * drew  # instruction, judgement, response


def judging(judgement, evolved="Sort the list {}."):
    """Return the replies of a teacher with this judgement of equality."""

    def reply(body):
        question = body["messages"][-1]["content"]
        if "Equal or Not Equal" in question:
            return judgement
        number = question.split("adds ")[-1].split(" to")[0]
        return evolved.format(number) if "adds " in question else default_reply(body)

    return reply


def test_a_judge_of_equality_that_is_never_clear_stops_the_round(room):
    with MockEndpoint(reply=judging("I cannot say")) as endpoint:
        done = room(endpoint.url)
    assert done.returncode == 1
    assert "12 of 12 judgements of SmolLM2-135M-Instruct are unclear" in done.stderr
    assert "'I cannot say', 'I cannot say', 'I cannot say'" in done.stderr
    assert not list((room.folder / "data/rounds/r1").glob("*"))


def test_an_unclear_judgement_of_equality_keeps_the_evolution_and_is_counted(room):
    with MockEndpoint(reply=judging("I cannot say")) as endpoint:
        done = room(endpoint.url, runtime__teacher__max_unclear=1.0)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
    assert (metrics["accepted"], metrics["judge_unclear"], metrics["lead_ins_stripped"]) == (12, 12, 0)


@pytest.mark.parametrize(
    ("strip", "instruction"), [(True, "Sort the list 0."), (False, "New question: Sort the list 0.")]
)
def test_lead_ins_are_stripped_and_counted_unless_switched_off(room, strip, instruction):
    with MockEndpoint(reply=judging("Not Equal", "New question: Sort the list {}.")) as endpoint:
        done = room(endpoint.url, evolve__elimination__strip_lead_ins=strip)
    assert done.returncode == 0, done.stderr
    example = lines(room.folder / "data/rounds/r1/examples.jsonl")[0]
    assert example["instruction"] == instruction
    assert {body["messages"][-1]["content"] for body in endpoint.bodies} >= {instruction}
    metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
    assert metrics["lead_ins_stripped"] == 12 * strip


def test_a_refusal_is_no_instruction(room):
    with MockEndpoint(
        reply=judging("Not Equal", "I\u2019m sorry, but I can\u2019t assist with that request.")
    ) as endpoint:
        done = room(endpoint.url)
    assert done.returncode == 0, done.stderr
    assert {r["reason"] for r in lines(room.folder / "data/rounds/r1/rejected.jsonl")} == {"instruction_refused"}
    assert endpoint.counts["answered"] == 12  # neither judged nor answered


def test_a_round_that_is_off_asks_nothing_and_passes_its_pool_on(room):
    with MockEndpoint() as endpoint:
        done = room(endpoint.url, evolve__enabled={"r1": False, "r2": True, "r3": True, "r4": True})
        assert endpoint.counts["requests"] == 0
    assert done.returncode == 0, done.stderr
    out = room.folder / "data/rounds/r1"
    assert (out / "examples.jsonl").read_text() == (out / "rejected.jsonl").read_text() == ""
    assert list(read_records(out / "pool.jsonl", PoolItem)) == POOL


def test_an_answer_cut_by_length_is_rejected(room):
    with MockEndpoint(finish_reason="length") as endpoint:
        room(endpoint.url)
    rejected = lines(room.folder / "data/rounds/r1/rejected.jsonl")
    assert {r["reason"] for r in rejected} == {"instruction_cut"}
    assert len(rejected) == 12


def test_each_way_in_which_an_answer_is_incomplete_is_a_reason(room):
    ends = {1: "MAX_TOKENS", 2: "content_filter", 3: "insufficient_system_resource", 4: None, 5: "new"}

    def reply(body):
        text = body["messages"][-1]["content"]
        number = next((n for n in ends if f"adds {n} " in text), None)
        # the first request has worked examples before the question; the response of 6 is cut
        end = ends[number] if number else "stop"
        if len(body["messages"]) == 1 and "the answer to adds 6 " in text and "First Prompt" not in text:
            end = "length"
        evolved = f"the answer to adds 6 {default_reply(body)}" if "adds 6 " in text else default_reply(body)
        return {"message": {"content": evolved}, "finish_reason": end}

    with MockEndpoint(reply=reply) as endpoint:
        done = room(endpoint.url)
    assert done.returncode == 0, done.stderr
    rejected = lines(room.folder / "data/rounds/r1/rejected.jsonl")
    assert [(r["parent_id"], r["reason"], r["detail"]) for r in rejected] == [
        ("seed1", "instruction_cut", "finish reason MAX_TOKENS"),
        ("seed2", "instruction_filtered", "finish reason content_filter"),
        ("seed3", "instruction_failed", "finish reason insufficient_system_resource"),
        ("seed4", "instruction_unfinished", "finish reason unknown"),
        ("seed6", "response_cut", "finish reason length"),
    ]
    metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
    assert metrics["unknown_finish_reason.new"] == 2  # of the instruction and of the judgement
    assert done.stderr.count("unknown finish reason 'new'") == 1


def test_reasoning_is_in_no_record_and_misleads_no_judge(room):
    def reply(body):
        text = "Not Equal" if "First Prompt" in body["messages"][-1]["content"] else default_reply(body)
        usage = {"completion_tokens": 200, "completion_tokens_details": {"reasoning_tokens": 80}}
        return {"message": {"content": f"<think>\nThey are equal?\n</think>\n\n{text}"}, "usage": usage}

    with MockEndpoint(reply=reply) as endpoint:
        done = room(endpoint.url)
    assert done.returncode == 0, done.stderr
    examples = room.folder / "data/rounds/r1/examples.jsonl"
    assert len(lines(examples)) == 12
    assert "think" not in examples.read_text()
    assert {example["response_tokens"] for example in lines(examples)} == {120}
    metrics = json.loads((room.folder / "metrics/evolve_r1.json").read_text())
    assert (metrics["completion_tokens"], metrics["reasoning_tokens"]) == (36 * 200, 36 * 80)


def test_a_server_that_moves_to_another_port_is_asked_for_nothing_again(room):
    with MockEndpoint() as before:
        assert room(before.url).returncode == 0
    with MockEndpoint() as after:
        assert room(after.url).returncode == 0
        assert before.url != after.url
        assert after.counts["requests"] == 0


def test_a_rejected_parameter_is_one_line_and_its_setting_helps(room):
    def refusal(body):
        message = "Unsupported value: 'temperature' does not support 0.8 with this model."
        error = {"message": message, "param": "temperature", "code": "unsupported_value"}
        return (400, {"error": error}) if "temperature" in body else None

    with MockEndpoint(refusal=refusal) as endpoint:
        done = room(endpoint.url)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].endswith("set teacher.body: {temperature: null}")
        assert "Traceback" not in done.stderr
        done = room(endpoint.url, teacher__body={"temperature": None})
        assert done.returncode == 0, done.stderr
    assert len(lines(room.folder / "data/rounds/r1/examples.jsonl")) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"evolve__enabled": {"r1": True}}, "evolve.enabled: found r1, accepted: r1, r2, r3, r4"),
        ({"evolve__heuristics": {}}, "evolve.heuristics: empty"),
        ({"evolve__few_shot": [{"instruction": "a", "evolved": "b"}]}, "evolve.few_shot.0.method: missing"),
        ({"runtime__teacher__api_key_env": "NO_SUCH_KEY"}, "the environment variable NO_SUCH_KEY is not set"),
        (
            {"teacher__base_url": "http://127.0.0.1:9/v1", "runtime__teacher__retries": 0},
            "http://127.0.0.1:9/v1 cannot be reached",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(room, changes, message):
    done = room("http://127.0.0.1:9/v1", **changes)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if line]
    assert len(errors) == 1
    assert message in errors[0]
    assert not list((room.folder / "data/rounds/r1").glob("*"))
    assert not (room.folder / "metrics").exists()


def test_a_refused_key_stops_the_stage_with_the_endpoint_s_message(room):
    with MockEndpoint(api_key="right") as endpoint:
        done = room(endpoint.url)
    assert done.returncode == 1
    assert "Incorrect API key provided" in done.stderr
    assert "Traceback" not in done.stderr


def test_heuristics_are_drawn_from_run_seed_round_and_id_alone(room):
    def drawn(pool):
        write_jsonl(room.folder / "data/rounds/r0/pool.jsonl", pool)
        with MockEndpoint() as endpoint:
            room(endpoint.url)
        return {e["parent_id"]: e["heuristic"] for e in lines(room.folder / "data/rounds/r1/examples.jsonl")}

    assert drawn(POOL) == drawn(POOL[::-1])


def test_check_accepts_the_committed_params(monkeypatch):
    monkeypatch.chdir(ROOT)
    check_evolve_params(load(evolve.Params))


def test_check_refuses_a_round_without_a_switch(monkeypatch):
    monkeypatch.chdir(ROOT)
    params = load(evolve.Params)
    params.evolve.enabled.pop("r3")
    with pytest.raises(StageError, match=r"found r1, r2, r4"):
        check_evolve_params(params)
