"""Find near-duplicates among 98,000 records: merge compared with the library's bare loop, and the whole stage.

In: a file in Alpaca format, from whose records the wanted number is generated: in each a share of the words, from none
to all, is replaced by other words of the file, drawn by the record's number. Out: a table on the terminal.

The bare loop builds words and shingles as merge does, then sketches, queries and inserts with rensa. It verifies no
candidate. CPU seconds are measured in this process, in turns of a thousand records, so that both ways see the same
blocks; the ratio is of the same run. The whole stage runs in its own process: wall seconds and peak memory.

    python bench/minhash.py code_alpaca_20k.json --runs 3
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rensa import RMinHash, RMinHashLSH
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from wizardcoder.core.records import Example, write_jsonl
from wizardcoder.merging.near_duplicates import NearDuplicateIndex, choose_bands, make_shingles
from wizardcoder.text.words import split_tokens

ROOT = Path(__file__).resolve().parents[1]
THRESHOLD, NUM_PERM, SHINGLE_WORDS, SEED = 0.9, 120, 3, 42
ROUNDS = 5
BLOCK = 1000
# the kernel's count of the peak; getrusage's count of a child starts at the parent's size
STAGE = """
from pathlib import Path
from stages import merge
merge.main()
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
Feed = Callable[[list[tuple[int, str]]], int]


def generate_records(path: Path, count: int) -> Iterator[tuple[str, str]]:
    """Yield instruction and response of `count` records, evenly spread in their similarity to a record of the file."""
    seeds = json.loads(path.read_text(encoding="utf-8"))
    texts = [(f"{s['instruction']}\n{s.get('input', '')}".strip(), s["output"]) for s in seeds]
    vocabulary = sorted({word for pair in texts for text in pair for word in text.split(" ")})
    for number in range(count):
        rng = random.Random(number)
        share = rng.random()
        instruction, response = texts[number % len(texts)]
        yield replace_words(instruction, vocabulary, share, rng), replace_words(response, vocabulary, share, rng)


def replace_words(text: str, vocabulary: list[str], share: float, rng: random.Random) -> str:
    """Replace about this share of a text's words by random ones."""
    return " ".join(rng.choice(vocabulary) if rng.random() < share else word for word in text.split(" "))


def feed_merge() -> Feed:
    """Return a function that counts near-duplicates as merge does."""
    near = NearDuplicateIndex(THRESHOLD, NUM_PERM, SHINGLE_WORDS, SEED)

    def feed(texts: list[tuple[int, str]]) -> int:
        return sum(near.add(str(number), split_tokens(text.lower())) is not None for number, text in texts)

    return feed


def feed_rensa() -> Feed:
    """Return a function that sketches, queries and inserts; it counts records with unverified candidates."""
    index = RMinHashLSH(THRESHOLD, NUM_PERM, choose_bands(THRESHOLD, NUM_PERM))

    def feed(texts: list[tuple[int, str]]) -> int:
        found = 0
        for number, text in texts:
            sketch = RMinHash(NUM_PERM, SEED)
            sketch.update(make_shingles(split_tokens(text.lower()), SHINGLE_WORDS))
            found += bool(index.query(sketch))
            index.insert(number, sketch)
        return found

    return feed


def feed_datasketch() -> Feed:
    """Return the same bare loop for datasketch, with bands of the same size."""
    from datasketch import MinHash, MinHashLSH

    count = choose_bands(THRESHOLD, NUM_PERM)
    index, empty = MinHashLSH(num_perm=NUM_PERM, params=(count, NUM_PERM // count)), MinHash(NUM_PERM, SEED)

    def feed(texts: list[tuple[int, str]]) -> int:
        found = 0
        for number, text in texts:
            sketch = empty.copy()
            sketch.update_batch(
                [shingle.encode() for shingle in make_shingles(split_tokens(text.lower()), SHINGLE_WORDS)]
            )
            found += bool(index.query(sketch))
            index.insert(number, sketch)
        return found

    return feed


def feed_shingles() -> Feed:
    """Return a function that counts make_shingles, which both ways have to build."""
    return lambda texts: sum(len(make_shingles(split_tokens(text.lower()), SHINGLE_WORDS)) for _, text in texts)


def measure(ways: list[Callable[[], Feed]], texts: list[str]) -> list[tuple[float, int]]:
    """Return CPU seconds and count of each way; all get the same blocks in turns, so they find the same neighbours."""
    feeds = [way() for way in ways]
    seconds, counts = [0.0] * len(feeds), [0] * len(feeds)
    numbered = list(enumerate(texts))
    for start in range(0, len(numbered), BLOCK):
        for way, feed in enumerate(feeds):
            started = time.process_time()
            counts[way] += feed(numbered[start : start + BLOCK])
            seconds[way] += time.process_time() - started
    return list(zip(seconds, counts, strict=True))


def run_stage(pairs: list[tuple[str, str]]) -> tuple[float, float, str]:
    """Run the stage on the records, split into five rounds; return wall seconds, peak MB and its log."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = (ROOT / "params.yaml").read_text(encoding="utf-8")
        assert "rounds: [0, 1, 2, 3]" in text
        (folder / "params.yaml").write_text(text.replace("rounds: [0, 1, 2, 3]", "rounds: [0, 1, 2, 3, 4]"))
        for number in range(ROUNDS):
            records = (
                Example(f"{i}", None, number, None, *pair) for i, pair in enumerate(pairs) if i % ROUNDS == number
            )
            write_jsonl(folder / f"data/screened/r{number}.jsonl", records)
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", STAGE],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        wall_s = time.monotonic() - started
        shutil.rmtree(folder / "data")
    return wall_s, int(done.stdout.split()[1]) / 1024, done.stderr.strip()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a .json file in Alpaca format")
    parser.add_argument("--records", type=int, default=98_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--datasketch", action="store_true", help="also measure datasketch, if it is installed")
    args = parser.parse_args()
    pairs = list(generate_records(args.file, args.records))
    texts = [f"{instruction}\n{response}" for instruction, response in pairs]
    ways = {
        "words and shingles alone": feed_shingles,
        "bare loop of rensa": feed_rensa,
        "merge's near-duplicates": feed_merge,
    }
    if args.datasketch:
        ways["bare loop of datasketch"] = feed_datasketch
    runs = [measure(list(ways.values()), texts) for _ in range(args.runs)]
    table = Table("way", "CPU s", "ratio to rensa's", "found")
    for way, name in enumerate(ways):
        ratio = statistics.median(run[way][0] / run[1][0] for run in runs)
        cpu_s, count = statistics.median(run[way][0] for run in runs), runs[0][way][1]
        table.add_row(name, f"{cpu_s:.2f}", f"{ratio:.2f}", f"{count:,}")
    console = Console(width=100)
    each = ", ".join(f"{run[2][0] / run[1][0]:.2f}" for run in runs)
    console.print(f"{args.records:,} records, median of {args.runs}; merge's ratios: {each}")
    console.print(table)
    console.print("found: shingles; records with candidates; records with a verified near-duplicate")
    wall_s, peak_mb, log = run_stage(pairs)
    console.print(f"python -m stages.merge: {wall_s:.1f} s, peak {peak_mb:.0f} MB; log:\n{log}")


if __name__ == "__main__":
    main()
