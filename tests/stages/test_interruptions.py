"""Ctrl-C, SIGTERM and a fatal error while a stage asks a teacher: answers in flight are kept, nothing new is asked.

Each case asks about sixty items, eight at once. The endpoint answers twenty requests and holds the next eight back; the
event happens, the answers are released, and all of them must be in the store.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import count_answers, interrupt, wait_until, wait_until_idle
from ruamel.yaml import YAML

from bench.mock_endpoint import MockEndpoint, Reply, default_reply
from wizardcoder.core.records import Example, PoolItem, write_jsonl

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
ITEMS, ANSWERED, IN_FLIGHT = 60, 20, 8
EXAMPLES = [Example(f"e{n}", None, 0, None, f"Multiply a number by {n}.", f"Use {n} * x.") for n in range(ITEMS)]
SAMPLER = """
import sys
from pathlib import Path
from wizardcoder.core import console
from wizardcoder.core.store import AnswerStore
from wizardcoder.generation.endpoint_sampler import EndpointSampler
from wizardcoder.generation.sampler import Sampling
from wizardcoder.teacher.wait_limits import RetryLimits

def main():
    with AnswerStore(Path("cache/answers.sqlite")) as store:
        EndpointSampler(
            base_url=sys.argv[1], model="m", api="chat", api_key_env="OPENAI_API_KEY", concurrency=8, timeout_s=60,
            limits=RetryLimits(0, 60.0, 60.0), store=store,
            sampling=Sampling(n=1, temperature=0.0, top_p=1.0, max_new_tokens=5, seed=7),
        ).fill([f"prompt {n}" for n in range(60)], console.Track("t", 60, None, None))

console.entry(main)
"""


@dataclass(frozen=True)
class Case:
    """A program that asks: its arguments, its input files, the endpoint's reply, and the output it must not write."""

    args: Callable[[str], tuple[str, ...]]
    prepare: Callable[[object, str], None]
    reply: Reply
    out: str


def prepare_evolve(room, url):
    write_jsonl(room.folder / "data/rounds/r0/pool.jsonl", [PoolItem(e.id, e.instruction) for e in EXAMPLES])
    room.write_params(url)


def prepare_rounds(room):
    for n in range(5):
        examples = EXAMPLES if n == 0 else []
        write_jsonl(room.folder / f"data/rounds/r{n}/examples.jsonl", examples)
        write_jsonl(room.folder / f"data/rounds/r{n}/rejected.jsonl", [])
    (room.folder / "bundled").symlink_to(ROOT / "bundled")


def prepare_screen(room, url):
    prepare_rounds(room)
    room.write_params(url, screen__verify__enabled=False, screen__safety__judge="teacher")


def prepare_analyze(room, url):
    prepare_rounds(room)
    for n in range(5):
        write_jsonl(room.folder / f"data/screened/r{n}.jsonl", EXAMPLES if n == 0 else [])
    write_jsonl(room.folder / "data/screened/dropped.jsonl", [])
    changes = {"difficulty": "teacher", "difficulty_sample": ITEMS, "sample": ITEMS}
    room.write_params(
        url, decontaminate__benchmarks=["dev"], **{f"analyze__{name}": value for name, value in changes.items()}
    )


def prepare_decontaminate(room, url):
    (room.folder / "bundled").symlink_to(ROOT / "bundled")
    write_jsonl(room.folder / "data/merged/examples.jsonl", EXAMPLES)
    rows = [
        {
            "task_id": f"own/{n}",
            "prompt": f"def f{n}():\n",
            "canonical_solution": f"    return {n}\n",
            "entry_point": f"f{n}",
            "test": "def check(candidate):\n    assert candidate\n",
        }
        for n in range(12)
    ]
    (room.folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = {"benchmarks": ["own"], "judge": "teacher", "top_k": 5, "embedder": "tfidf", "execution__scope": "off"}
    room.write_params(
        url, benchmarks__own="own.jsonl", **{f"decontaminate__{name}": value for name, value in changes.items()}
    )


CASES = {
    "evolve": Case(
        lambda _: ("-m", "stages.evolve", "--round", "1"), prepare_evolve, default_reply, "data/rounds/r1/*.jsonl"
    ),
    "screen": Case(lambda _: ("-m", "stages.screen"), prepare_screen, lambda _: "No", "data/screened/*.jsonl"),
    "analyze": Case(lambda _: ("-m", "stages.analyze"), prepare_analyze, lambda _: "7", "data/analysis/*"),
    "decontaminate": Case(
        lambda _: ("-m", "stages.decontaminate"), prepare_decontaminate, lambda _: "No", "data/decontaminated/*"
    ),
    "endpoint sampler": Case(lambda url: ("-c", SAMPLER, url), lambda *_: None, default_reply, "no output"),
}


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_signal_keeps_every_answer_in_flight(room, case, signum, status):
    with MockEndpoint(hold_after=ANSWERED, reply=case.reply) as mock:
        case.prepare(room, mock.url)
        process = room.start(*case.args(mock.url))
        mock.wait_held(IN_FLIGHT)
        interrupt(process, signum)
        mock.release()
        _, err = process.communicate(timeout=180)
        assert process.returncode == status, err
        assert "Traceback" not in err
        assert signum == signal.SIGTERM or "interrupted" in err
        assert mock.counts["requests"] == count_answers(room.folder / "cache/answers.sqlite") == ANSWERED + IN_FLIGHT
    assert not list(room.folder.glob(case.out))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_fatal_error_keeps_every_answer_in_flight(room, case):
    last = ANSWERED + IN_FLIGHT
    with MockEndpoint(hold_after=ANSWERED, refuses=(402, None), refused_request=last, reply=case.reply) as mock:
        case.prepare(room, mock.url)
        process = room.start(*case.args(mock.url))
        wait_until(lambda: mock.counts["refused"])
        mock.wait_held(IN_FLIGHT - 1)
        wait_until_idle(process)
        mock.release()
        _, err = process.communicate(timeout=180)
        assert process.returncode == 1, err
        assert "the endpoint asks for payment: HTTP 402" in err.splitlines()[-1]
        assert mock.counts["requests"] == last
        assert count_answers(room.folder / "cache/answers.sqlite") == last - 1
    assert not list(room.folder.glob(case.out))


@pytest.mark.parametrize("name", ["evolve", "screen", "analyze", "decontaminate"])
def test_a_teacher_with_a_price_and_without_a_budget_is_asked_nothing(room, name):
    case = CASES[name]
    with MockEndpoint(reply=case.reply) as mock:
        case.prepare(room, mock.url)
        params = YAML().load((room.folder / "params.yaml").read_text())
        params["runtime"]["teacher"]["price"] = {"input": 1.0, "output": 2.0}
        with (room.folder / "params.yaml").open("w") as file:
            YAML().dump(params, file)
        done = room.call(*case.args(mock.url))
        assert mock.counts["requests"] == 0
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: runtime.teacher.budget: null, and the teacher has a price, so nothing was sent. ")
    # two of the cases score a benchmark that they do not decontaminate, so that the run has no estimate
    estimate = "No estimate: " if name in ("analyze", "decontaminate") else "The estimate is "
    assert f"so nothing was sent. {estimate}" in last
    assert "et `runtime: teacher: budget:" in last
    assert list(room.folder.glob(case.out)) == []
