"""Score each benchmark's own solutions: the known answers of a correct checker.

In: names of benchmarks with their sources, as `NAME` or `NAME=SOURCE`. Out: how many of their solutions pass in both
modes, how many are checked outside the sample's process, and which fail.

    python bench/references.py humaneval mbpp=mbpp.jsonl humaneval_plus=HumanEvalPlus.jsonl.gz ds1000=ds1000.jsonl
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Sample
from wizardcoder.scoring.availability import split_runnable
from wizardcoder.scoring.score_samples import default_workers, score
from wizardcoder.scoring.settings import JudgeSettings

TIMEOUT_S = {"ds1000": 120.0}


def main() -> None:
    """Score the references and print a Markdown table."""
    print("| benchmark | mode | solutions that pass | judged outside | seconds |\n|---|---|---|---|---|")
    failed: dict[str, str] = {}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmarks", nargs="+", help="NAME or NAME=SOURCE")
    for argument in parser.parse_args().benchmarks:
        name, _, source = argument.partition("=")
        problems, _ = split_runnable({p.task_id: p for p in load_benchmark(name, source or None)})
        samples = [Sample(task_id, p.canonical_solution) for task_id, p in problems.items()]
        for mode in ("strict", "official"):
            start = time.monotonic()
            settings = JudgeSettings(mode, TIMEOUT_S.get(name, 5.0), 4096)
            found = score(problems, samples, settings, default_workers()).verdicts
            passed, outside = sum(v.passed for v in found), sum(v.outside for v in found)
            print(
                f"| {name} | {mode} | {passed} of {len(found)} | {outside} | {time.monotonic() - start:.0f} |",
                flush=True,
            )
            failed |= {f"{s.task_id}, {mode}": v.result for s, v in zip(samples, found, strict=True) if not v.passed}
    for place, result in failed.items():
        print(f"- {place}: {result}")


if __name__ == "__main__":
    main()
