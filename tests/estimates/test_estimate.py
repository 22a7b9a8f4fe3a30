"""What the teacher will be asked, by all stages, before anything is sent."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core.params import load
from wizardcoder.core.records import Example, write_jsonl
from wizardcoder.core.store import AnswerStore
from wizardcoder.estimates.estimate import Params
from wizardcoder.evaluation.settings import GENERATIONS, make_sampler

pytestmark = pytest.mark.heavy

NOBODY = "http://127.0.0.1:9/v1"  # nothing listens on loopback's port 9
BENCHMARKS = ("humaneval", "mbpp", "humaneval_plus")


def cells(output):
    """Return a printed table's rows by their first cell."""
    return {
        row[0]: row[1:]
        for line in output.splitlines()
        if line.startswith("│ ")
        for row in [[cell.strip() for cell in line.strip("│").split("│")]]
    }


def call(room, *args):
    """Run the command in the room's folder."""
    command = [sys.executable, "-m", "wizardcoder.cli.main", "estimate", *args]
    return subprocess.run(command, cwd=room.folder, env=room.env, capture_output=True, text=True, check=False)


def write_examples(room):
    seeds = [Example(f"seed{n}", None, 0, None, f"Add {n}.", "x" * 30) for n in range(12)]
    write_jsonl(room.folder / "data/rounds/r0/examples.jsonl", seeds)


def test_every_stage_that_may_ask_has_a_row_and_an_unavailable_benchmark_is_unknown(room):
    write_examples(room)
    room.write_params(
        NOBODY,
        screen__safety__judge="both",
        analyze__difficulty="teacher",
        analyze__difficulty_sample=10,
        decontaminate__judge="both",
        decontaminate__benchmarks=list(BENCHMARKS),
        evaluate__problems={"humaneval": 2},
    )
    del room.env["OPENAI_API_KEY"]
    done = call(room)
    assert done.returncode == 0, done.stderr
    rows = cells(done.stderr)
    assert list(rows) == [
        "r1",
        "r2",
        "r3",
        "r4",
        "screen",
        "analyze",
        *(f"decontaminate: {b}" for b in BENCHMARKS),
        "all",
    ]
    asked = {name: row[1] for name, row in rows.items()}
    # 12 records in each of five rounds; HumanEval's 164 problems, five records each; 4 * 36 requests of the rounds
    assert (asked["screen"], asked["analyze"], asked["decontaminate: humaneval"]) == ("60", "50", "820")
    assert (asked["decontaminate: mbpp"], asked["decontaminate: humaneval_plus"]) == ("unknown", "unknown")
    assert asked["all"] == "1,074"
    assert "decontaminate: mbpp: unknown, not in the sum: not available: hub:google-research" in done.stderr
    assert "decontaminate: humaneval_plus: unknown, not in the sum: not available: benchmarks.hum" in done.stderr
    assert "(screen 2, analyze 3, decontaminate 3)" in done.stderr


def test_the_samples_of_endpoints_are_priced_and_known_ones_deducted(room):
    write_examples(room)
    named = {"base_url": NOBODY, "model": "m", "api": "chat", "api_key_env": "OPENAI_API_KEY"}
    room.write_params(
        NOBODY,
        evaluate__endpoints={"gpt": named, "free": named | {"model": "other"}, "again": named},
        runtime__evaluate__prices={"gpt": {"input": 1.0, "output": 2.0}},
        evaluate__problems={"humaneval": 164, "mbpp": 500},
        decontaminate__benchmarks=["humaneval", "mbpp"],
        evaluate__held_out=3,
        evaluate__max_new_tokens=100,
    )
    params = load(Params, room.folder / "params.yaml")
    prompts = [
        protocol.build_question(p, params.evaluate.prompt, params.train.prompt)
        for p in load_benchmark("humaneval", "embedded")
    ]
    with AnswerStore(room.folder / "cache" / GENERATIONS) as store:
        sampler = make_sampler("gpt", params.evaluate, params.run.seed, store)
        for prompt in prompts[:64]:
            answer = {"text": "x", "finish_reason": "stop", "prompt_tokens": len(prompt), "completion_tokens": 10}
            store.put(sampler.key(prompt, 0), answer)
    done = call(room)
    assert done.returncode == 0, done.stderr
    rows = cells(done.stderr)
    # a hundred are left, of as many tokens as characters, with ten in each answer and at most a hundred
    length = sum(map(len, prompts[64:]))
    cost, most = (length + 2 * 1000) / 1e6, (length + 2 * 10_000) / 1e6
    assert rows["evaluate: gpt: humaneval"] == ["64", "100", f"{length:,}", "1,000", f"{cost:.4f}", f"{most:.4f}"]
    assert rows["evaluate: gpt: held out"][:2] == ["0", "3"]
    assert (rows["evaluate: gpt: mbpp"][1], rows["evaluate: free: humaneval"][1]) == ("unknown", "164")
    assert rows["evaluate: free: humaneval"][4] == "0.0000"
    assert rows["evaluate: again: humaneval"][:2] == ["0", "0"]  # the store has them from the first
    assert "evaluate: gpt: price 1 / 2" in done.stderr
    assert "evaluate: free: no price in runtime.evaluate.prices, counted as free" in done.stderr


def test_a_price_of_no_endpoint_is_refused(room):
    write_examples(room)
    room.write_params(NOBODY, runtime__evaluate__prices={"gpt": {"input": 1.0, "output": 2.0}})
    done = call(room)
    assert (done.returncode, done.stderr) == (
        1,
        "error: params.yaml: runtime.evaluate.prices.gpt: accepted: a name in evaluate.endpoints\n",
    )


def test_where_no_teacher_judges_only_the_rounds_have_rows(room):
    room.write_params(NOBODY)
    assert list(cells(call(room).stderr)) == ["r1", "r2", "r3", "r4", "all"]


def test_without_round_0_the_command_that_makes_it_is_named(room):
    room.write_params(NOBODY)
    (room.folder / "data/rounds/r0/pool.jsonl").unlink()
    done = call(room)
    assert (done.returncode, done.stderr) == (
        1,
        "error: data/rounds/r0/pool.jsonl: no such file; `dvc repro seed` makes it\n",
    )


def test_another_file_may_replace_params_yaml(room):
    room.write_params(NOBODY, evolve__enabled__r4=False)
    (room.folder / "params.yaml").rename(room.folder / "other.yaml")
    done = call(room, "--params", "other.yaml")
    assert list(cells(done.stderr)) == ["r1", "r2", "r3", "all"]
