"""What the teacher will be asked, by all stages, before anything is sent."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core.console import StageError
from wizardcoder.core.money import format_cost
from wizardcoder.core.params import RunParams, load
from wizardcoder.core.records import Example, write_jsonl
from wizardcoder.core.store import AnswerStore
from wizardcoder.estimates.estimate import Params
from wizardcoder.estimates.offline import offline
from wizardcoder.estimates.seeds import read_seeds
from wizardcoder.evaluation.settings import GENERATIONS, make_sampler
from wizardcoder.evolution.seed_source import SeedParams

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


def test_every_stage_that_may_ask_has_a_row_and_an_unavailable_benchmark_is_unknown(room):
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
    assert rows["evaluate: gpt: humaneval"] == [
        "64",
        "100",
        f"{length:,}",
        "1,000",
        format_cost(cost),
        format_cost(most),
    ]
    assert rows["evaluate: gpt: held out"][:2] == ["0", "3"]
    assert (rows["evaluate: gpt: mbpp"][1], rows["evaluate: free: humaneval"][1]) == ("unknown", "164")
    assert rows["evaluate: free: humaneval"][4] == "0"
    assert rows["evaluate: again: humaneval"][:2] == ["0", "0"]  # the store has them from the first
    assert "evaluate: gpt: price 1 / 2" in done.stderr
    assert "evaluate: free: no price in runtime.evaluate.prices, counted as free" in done.stderr


def test_a_price_of_no_endpoint_is_refused(room):
    room.write_params(NOBODY, runtime__evaluate__prices={"gpt": {"input": 1.0, "output": 2.0}})
    done = call(room)
    assert (done.returncode, done.stderr) == (
        1,
        "error: params.yaml: runtime.evaluate.prices.gpt: accepted: a name in evaluate.endpoints\n",
    )


def test_where_no_teacher_judges_only_the_rounds_have_rows(room):
    room.write_params(NOBODY)
    assert list(cells(call(room).stderr)) == ["r1", "r2", "r3", "r4", "all"]


def test_the_seeds_of_the_present_params_are_counted_and_not_those_of_an_earlier_round_0(room):
    write_jsonl(room.folder / "more.jsonl", [{"instruction": f"Add {n}.", "output": "x"} for n in range(200)])
    room.write_params(NOBODY, seed__source="more.jsonl", seed__limit=150, evolve__elimination__equal_judge=False)
    done = call(room)
    assert {name: row[1] for name, row in cells(done.stderr).items()} == {
        **dict.fromkeys(("r1", "r2", "r3", "r4"), "300"),
        "all": "1,200",
    }
    assert "150 seeds of more.jsonl" in done.stderr
    assert len((room.folder / "data/rounds/r0/pool.jsonl").read_text().splitlines()) == 12


def test_a_file_and_a_price_may_be_given_without_an_edit_of_params_yaml(room):
    write_jsonl(room.folder / "mine.jsonl", [{"prompt": f"Add {n}.", "completion": "x"} for n in range(20)])
    room.write_params(NOBODY, seed__limit=3)
    before = (room.folder / "params.yaml").read_bytes()
    done = call(room, "--seeds", "mine.jsonl", "--price", "2", "6.5")
    assert done.returncode == 0, done.stderr
    rows = cells(done.stderr)
    assert rows["r1"][1] == "60"  # three requests for each seed
    prompt, answer = (float(rows["all"][at].replace(",", "")) for at in (2, 3))
    assert rows["all"][4] == format_cost((2 * prompt + 6.5 * answer) / 1e6)
    assert "20 seeds of mine.jsonl" in done.stderr
    assert "teacher: price 2 / 6.5 per million tokens; spent so far 0, budget none" in done.stderr
    assert (room.folder / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("--price", "-1", "2"), "--price: found -1 2, accepted: two numbers of at least 0"),
        (("--price", "nan", "2"), "--price: found nan 2, accepted: two numbers of at least 0"),
        (("--seeds", "no.jsonl"), "--seeds: no.jsonl: no such file"),
    ],
)
def test_a_wrong_file_or_price_is_one_line(room, args, line):
    room.write_params(NOBODY)
    done = call(room, *args)
    assert (done.returncode, done.stderr) == (1, f"error: {line}\n")


HUB = "id: nobody/no-such-set\nrevision: " + "a" * 40 + "\nsplit: train\n"


def test_a_hub_set_that_is_not_on_this_machine_is_one_line(room):
    (room.folder / "set.yaml").write_text(HUB)
    room.write_params(NOBODY, seed__source="set.yaml")
    room.env["HF_HOME"] = str(room.folder / "hub")
    done = call(room)
    assert (done.returncode, done.stderr) == (
        1,
        "error: seed.source: set.yaml: nobody/no-such-set is not on this machine, and an estimate downloads nothing; "
        "run `dvc repro seed` first\n",
    )


@pytest.mark.parametrize("changed", [None, "limit", "source", "round_0"])
def test_round_0_of_a_hub_set_is_counted_only_if_dvc_lock_records_it_for_these_params(room, monkeypatch, changed):
    monkeypatch.chdir(room.folder)
    source, folder = Path("set.yaml"), Path("data/rounds/r0")
    source.write_text(HUB)
    write_jsonl(folder / "examples.jsonl", [Example("a", None, 0, None, "Add 1.", "x")])
    lock = {
        "cmd": "python -m stages.seed",
        "deps": [{"path": "set.yaml", "md5": hashlib.md5(source.read_bytes()).hexdigest()}],
        "params": {"params.yaml": {"run.seed": 42, "seed": {"source": "set.yaml", "limit": None}}},
        "outs": [{"path": str(folder), "md5": "x.dir", "size": sum(file.stat().st_size for file in folder.iterdir())}],
    }
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": {"seed": lock}}))
    if changed == "source":
        source.write_text(HUB + "license: mit\n")
    if changed == "round_0":
        write_jsonl(folder / "examples.jsonl", [Example("b", None, 0, None, "Add 11.", "x")])
    seed = SeedParams("set.yaml", 7 if changed == "limit" else None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if changed is None:
        assert [example.id for example in read_seeds(RunParams(42), seed)] == ["a"]
    else:
        with offline(), pytest.raises(StageError, match="is not on this machine"):
            read_seeds(RunParams(42), seed)


def test_another_file_may_replace_params_yaml(room):
    room.write_params(NOBODY, evolve__enabled__r4=False)
    (room.folder / "params.yaml").rename(room.folder / "other.yaml")
    done = call(room, "--params", "other.yaml")
    assert list(cells(done.stderr)) == ["r1", "r2", "r3", "all"]
