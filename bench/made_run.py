"""Write the files of an invented finished run: everything that the report reads, of any size.

In: instruction-response pairs and a number of seeds. Out: data/, metrics/ and dvc.lock in a folder, in the formats of
the stages. Outcomes, reasons and verdicts are drawn by a fixed seed; they describe no model. This is a module for
bench/report.py and tests, not a script.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from wizardcoder.core.records import Example, Rejected, write_csv, write_jsonl, write_metrics
from wizardcoder.training.outcomes import TrainOutcome

HEURISTICS = ("complexity", "constraints", "misdirection", "reasoning", "specificity")
REASONS = ("no_information_gain", "response_cut", "instruction_cut", "prompt_words_copied")
VERDICTS = ("ran", "ran", "ran", "ran", "parsed", "raised", "timed_out", "syntax_error", "no_code")
DROPPED = ("syntax_error", "no_code")
ADDED = (
    "Handle empty input by returning None.",
    "It must run in O(n log n) time.",
    "Use no library beyond the standard one.",
    "Explain each step in a comment.",
)
ANSWERS = 6  # joined into one evolved response, about as long as a strong teacher's
Pair = tuple[str, str]


def write_run(folder: Path, pairs: Sequence[Pair], seeds: int, problems: Sequence[Pair] = ()) -> int:
    """Write the files of a run of `seeds` seeds, drawn from the pairs; return the number of attempts.

    `problems` are (task_id, prompt) of the benchmark dev, each answered by both models.
    """
    rng = random.Random(0)
    accepted, rejected = _evolved(pairs, seeds, rng)
    screened, dropped = _screened([e for of_round in accepted for e in of_round], rng)
    merged = [e for e in screened if e.round < 4]
    removed = [_out(e, "duplicate", "same text as another") for e in merged if rng.random() < 0.01]
    twins = {item.id for item in removed}
    excluded = [e for e in merged if e.id not in twins and rng.random() < 0.01]
    gone = twins | {e.id for e in excluded}
    trained = [e for e in merged if e.id not in gone]
    data = folder / "data"
    for number in range(5):
        write_jsonl(data / f"rounds/r{number}/examples.jsonl", accepted[number])
        write_jsonl(data / f"rounds/r{number}/rejected.jsonl", rejected[number])
        write_jsonl(data / f"screened/r{number}.jsonl", (e for e in screened if e.round == number))
    write_jsonl(data / "screened/dropped.jsonl", dropped)
    write_jsonl(data / "merged/removed.jsonl", removed)
    write_jsonl(data / "decontaminated/examples.jsonl", trained)
    write_jsonl(data / "train/outcomes.jsonl", (TrainOutcome(e.id, "trained") for e in trained))
    match = {"benchmark": "dev", "task_id": "dev/0", "judgement": "overlap 0.61 >= 0.5"}
    write_jsonl(data / "decontaminated/excluded.jsonl", ({"id": e.id} | match for e in excluded))
    _write_results(data / "results", problems, rng)
    _write_metrics(folder, accepted, rejected, Counter(d.reason for d in dropped))
    _write_removals(folder / "metrics", screened, dropped, [e for e in merged if e.id not in twins], trained)
    _write_lock(folder)
    return sum(map(len, accepted)) + sum(map(len, rejected))


def _evolved(pairs: Sequence[Pair], seeds: int, rng: random.Random) -> tuple[list[list[Example]], list[list[Rejected]]]:
    """Return accepted and rejected records by round; a rejected lineage is evolved again from its latest record."""
    pool = [Example(f"{n:016x}", None, 0, None, *rng.choice(pairs)) for n in range(seeds)]
    beyond = [Rejected("f" * 16, None, 0, None, "over_limit", *pairs[0])]
    accepted: list[list[Example]] = [list(pool)]
    rejected: list[list[Rejected]] = [beyond]
    for number in range(1, 5):
        kept, lost = [], []
        for place, parent in enumerate(pool):
            name, heuristic = f"{parent.id}-r{number}", rng.choice(HEURISTICS)
            evolved = f"{parent.instruction} {rng.choice(ADDED)}"
            if rng.random() < 0.3:
                detail = "judged equal by the teacher"
                lost.append(Rejected(name, parent.id, number, heuristic, rng.choice(REASONS), evolved, "", detail))
            else:
                answer = "\n".join(response for _, response in rng.choices(pairs, k=ANSWERS))
                kept.append(Example(name, parent.id, number, heuristic, evolved, answer))
                pool[place] = kept[-1]
        accepted.append(kept)
        rejected.append(lost)
    return accepted, rejected


def _screened(examples: Iterable[Example], rng: random.Random) -> tuple[list[Example], list[Rejected]]:
    kept, dropped = [], []
    for e in examples:
        verdict = rng.choice(VERDICTS)
        if verdict in DROPPED:
            dropped.append(_out(e, f"verdict.{verdict}", "line 1"))
        else:
            flags = ("network",) if rng.random() < 0.02 else ()
            fields = {"language": "python", "verdict": verdict, "flags": flags}
            kept.append(Example(e.id, e.parent_id, e.round, e.heuristic, e.instruction, e.response, **fields))
    return kept, dropped


def _out(e: Example, reason: str, detail: str) -> Rejected:
    return Rejected(e.id, e.parent_id, e.round, e.heuristic, reason, e.instruction, e.response, detail)


def _write_results(folder: Path, problems: Sequence[Pair], rng: random.Random) -> None:
    for label, chance in (("base", 0.2), ("tuned", 0.5)):
        rows = []
        for task_id, prompt in problems:
            passed = rng.random() < chance
            answer = f"It is {rng.choice(ADDED).lower()}\n```python\n{prompt}    return {rng.randrange(9)}\n```"
            result = "passed" if passed else "failed: assertion"
            rows.append({"task_id": task_id, "sample": 0, "passed": passed, "result": result, "answer": answer})
        write_jsonl(folder / f"dev.{label}.jsonl", rows)


def _write_metrics(
    folder: Path, accepted: list[list[Example]], rejected: list[list[Rejected]], dropped: Counter[str]
) -> None:
    metrics = folder / "metrics"
    counts = {"kept": len(accepted[0]), "read": len(accepted[0]) + 1, "rejected": 1, "rejected.over_limit": 1}
    write_metrics(metrics / "seed.json", counts)
    for n in range(1, 5):
        counted = Counter(f"heuristic.{e.heuristic}.accepted" for e in accepted[n])
        for item in rejected[n]:
            counted.update((f"rejected.{item.reason}", f"heuristic.{item.heuristic}.rejected.{item.reason}"))
        sums = {"accepted": len(accepted[n]), "rejected": len(rejected[n])}
        asked = {"requests": 3 * len(accepted[n]), "prompt_tokens": 9000, "completion_tokens": 4000, "cost": 0.01}
        write_metrics(metrics / f"evolve_r{n}.json", {**sums, **counted, **asked, "attempted": sum(sums.values())})
    _write_scores(metrics)
    write_metrics(metrics / "analyze.json", {})
    loss = [{"step": n, "loss": 1.2 - 0.03 * n + 0.05 * (n % 3), "lr": 5e-5} for n in range(1, 13)]
    write_csv(metrics / "loss.csv", loss, ("step", "loss", "lr"))
    _write_analysis(folder / "data/analysis")


def _write_scores(metrics: Path) -> None:
    score = {"pass_at_1": 0.475, "pass_at_1.low": 0.329, "pass_at_1.high": 0.625, "problems": 40, "nll": 1.48}
    gain = {"gain": 0.475, "gain.low": 0.325, "gain.high": 0.625, "gain.p_value": 3.8e-06}
    base = {"base.pass_at_1": 0.0, "base.pass_at_1.low": 0.0, "base.pass_at_1.high": 0.0876, "base.nll": 1.43}
    write_metrics(metrics / "evaluate.json", {f"dev.{key}": value for key, value in {**score, **gain, **base}.items()})
    experiments = [
        {
            "name": name,
            "kind": "experiment",
            "commit": "0123abc",
            "committed_at": 1_700_000_000 + len(rounds),
            "changed": {"merge.rounds": str(rounds)},
            "rounds": rounds,
            "metrics": {
                "dev.pass_at_1": at,
                "dev.pass_at_1.low": at - 0.14,
                "dev.pass_at_1.high": at + 0.15,
                "dev.nll": 1.5,
                "dev.problems": 40.0,
            },
        }
        for name, rounds, at in (("seed-only", [0], 0.3), ("two-rounds", [0, 1, 2], 0.45))
    ]
    (metrics / "experiments.json").write_text(json.dumps({"since": None, "runs": experiments}), encoding="utf-8")


def _write_analysis(folder: Path) -> None:
    spread = [
        {"round": n, "measure": name, "n": 20, "mean": at + n * by, "q1": at, "median": at, "q3": at + 2 * n * by}
        for name, at, by in (("instruction_tokens", 30, 9), ("response_tokens", 80, 5), ("cyclomatic", 2, 0.4))
        for n in range(5)
    ]
    write_csv(folder / "measures.csv", spread, ("round", "measure", "n", "mean", "q1", "median", "q3"))
    mix = [
        {"round": n, "kind": kind, "name": name, "count": 9 - n}
        for n in range(5)
        for kind, name in (("language", "python"), ("verdict", "ran"))
    ]
    write_csv(folder / "mix.csv", mix, ("round", "kind", "name", "count"))


def _write_removals(
    metrics: Path, screened: list[Example], dropped: list[Rejected], merged: list[Example], trained: list[Example]
) -> None:
    """Write the metrics of the stages after the rounds, which only remove records."""
    reasons = Counter(f"dropped.{item.reason}" for item in dropped)
    write_metrics(metrics / "screen.json", {"kept": len(screened), "dropped": len(dropped), **reasons})
    removed = sum(e.round < 4 for e in screened) - len(merged)
    counts = {"kept": len(merged), "removed": removed, "removed.duplicate": removed}
    write_metrics(metrics / "merge.json", counts | Counter(f"kept.r{e.round}" for e in merged))
    excluded = dict.fromkeys(("excluded", "excluded.dev", "excluded.dev.rule"), len(merged) - len(trained))
    write_metrics(metrics / "decontaminate.json", {"kept": len(trained), **excluded})
    losses = {"held_out_loss_before": 1.508, "held_out_loss_after": 1.413}
    train = {"examples": len(trained), "seconds": 311.6, "steps": 12, "tokens": 10143, **losses}
    write_metrics(metrics / "train.json", train)


def _write_lock(folder: Path) -> None:
    """Write the dvc.lock of a short pipeline, as DVC would."""
    reads = {
        "seed": ["bundled/seeds.json"],
        "evolve_r1": ["data/rounds/r0"],
        "merge": ["data/rounds/r0", "data/rounds/r1"],
    }
    reads |= {"base": [], "train": ["data/merged", "models/base"], "evaluate": ["models/base", "models/wizardcoder"]}
    makes = {"seed": "data/rounds/r0", "evolve_r1": "data/rounds/r1", "merge": "data/merged", "base": "models/base"}
    makes |= {"train": "models/wizardcoder", "evaluate": "data/results"}
    lines = ["schema: '2.0'", "stages:"]
    for n, (name, out) in enumerate(makes.items()):
        lines += [f"  {name}:", f"    cmd: python -m stages.{name}", "    deps:" if reads[name] else "    deps: []"]
        for path in reads[name]:
            lines += [f"    - path: {path}", f"      md5: a{n:031x}", f"      size: {1000 * (n + 1)}"]
        lines += ["    outs:", f"    - path: {out}", f"      md5: b{n:031x}.dir", f"      size: {10**n * 150}"]
    (folder / "dvc.lock").write_text("\n".join(lines) + "\n", encoding="utf-8")
