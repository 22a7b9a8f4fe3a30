"""Near-duplicates of 98,000 records: what merge does against the library's own bare loop, and the whole stage.

In: a file in Alpaca form, from whose records as many as wanted are made: in each a share of the words, from none to
all, is replaced by others of the file, by a generator seeded with the record's number. Out: a table on the terminal.

The bare loop makes the words and shingles as merge does, then sketches, queries and inserts with rensa; it verifies
nothing and names no twin. CPU seconds, in this process, by turns of a thousand records; the ratio is of the same run.
The whole stage is a process of its own: wall seconds and its peak memory.

    PYTHONPATH=. python bench/minhash.py code_alpaca_20k.json --runs 3
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

from wizardcoder.core.records import Example, write_jsonl
from wizardcoder.merging.near_duplicates import NearDuplicates, bands, shingles
from wizardcoder.text.words import words

ROOT = Path(__file__).resolve().parents[1]
THRESHOLD, NUM_PERM, SHINGLE_WORDS, SEED = 0.9, 120, 3, 42
ROUNDS = 5
BLOCK = 1000
# the kernel's own count of the stage's peak; that of a child, as getrusage gives it, begins at its parent's size
STAGE = """
from pathlib import Path
from stages import merge
merge.main()
print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""
Feed = Callable[[list[tuple[int, str]]], int]


def varied(path: Path, count: int) -> Iterator[tuple[str, str]]:
    """Yield instruction and response of so many records, of every likeness to one of the file's, evenly."""
    seeds = json.loads(path.read_text(encoding="utf-8"))
    texts = [(f"{s['instruction']}\n{s.get('input', '')}".strip(), s["output"]) for s in seeds]
    vocabulary = sorted({word for pair in texts for text in pair for word in text.split(" ")})
    for number in range(count):
        rng = random.Random(number)
        share = rng.random()
        instruction, response = texts[number % len(texts)]
        yield replaced(instruction, vocabulary, share, rng), replaced(response, vocabulary, share, rng)


def replaced(text: str, vocabulary: list[str], share: float, rng: random.Random) -> str:
    """Replace about this share of a text's words."""
    return " ".join(rng.choice(vocabulary) if rng.random() < share else word for word in text.split(" "))


def ours() -> Feed:
    """Find near-duplicates as merge does; counts them."""
    near = NearDuplicates(THRESHOLD, NUM_PERM, SHINGLE_WORDS, SEED)

    def feed(texts: list[tuple[int, str]]) -> int:
        return sum(near.add(str(number), words(text)) is not None for number, text in texts)

    return feed


def bare() -> Feed:
    """Sketch, query and insert each record, candidates unverified; counts the records that have some."""
    index = RMinHashLSH(THRESHOLD, NUM_PERM, bands(THRESHOLD, NUM_PERM))

    def feed(texts: list[tuple[int, str]]) -> int:
        found = 0
        for number, text in texts:
            sketch = RMinHash(NUM_PERM, SEED)
            sketch.update(shingles(words(text), SHINGLE_WORDS))
            found += bool(index.query(sketch))
            index.insert(number, sketch)
        return found

    return feed


def datasketch() -> Feed:
    """Do as the bare loop does with datasketch, in bands of the same size."""
    from datasketch import MinHash, MinHashLSH

    count = bands(THRESHOLD, NUM_PERM)
    index, empty = MinHashLSH(num_perm=NUM_PERM, params=(count, NUM_PERM // count)), MinHash(NUM_PERM, SEED)

    def feed(texts: list[tuple[int, str]]) -> int:
        found = 0
        for number, text in texts:
            sketch = empty.copy()
            sketch.update_batch([shingle.encode() for shingle in shingles(words(text), SHINGLE_WORDS)])
            found += bool(index.query(sketch))
            index.insert(number, sketch)
        return found

    return feed


def text_only() -> Feed:
    """Make words and shingles, which both need; counts the shingles."""
    return lambda texts: sum(len(shingles(words(text), SHINGLE_WORDS)) for _, text in texts)


def measure(ways: list[Callable[[], Feed]], texts: list[str]) -> list[tuple[float, int]]:
    """Give CPU seconds and the count of each way; fed the same blocks by turns, all meet the same neighbours."""
    feeds = [way() for way in ways]
    seconds, counts = [0.0] * len(feeds), [0] * len(feeds)
    numbered = list(enumerate(texts))
    for start in range(0, len(numbered), BLOCK):
        for way, feed in enumerate(feeds):
            started = time.process_time()
            counts[way] += feed(numbered[start : start + BLOCK])
            seconds[way] += time.process_time() - started
    return list(zip(seconds, counts, strict=True))


def whole_stage(pairs: list[tuple[str, str]]) -> tuple[float, float, str]:
    """Run the stage on the records dealt to five rounds; gives wall seconds, peak MB, and what it said."""
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
    parser.add_argument("file", type=Path, help="records in Alpaca form, as .json")
    parser.add_argument("--records", type=int, default=98_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--datasketch", action="store_true", help="also measure datasketch, if it is installed")
    args = parser.parse_args()
    pairs = list(varied(args.file, args.records))
    texts = [f"{instruction}\n{response}" for instruction, response in pairs]
    ways = {"words and shingles alone": text_only, "bare loop of rensa": bare, "merge's near-duplicates": ours}
    if args.datasketch:
        ways["bare loop of datasketch"] = datasketch
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
    console.print("found: shingles; records with candidates; records with a verified twin")
    wall_s, peak_mb, said = whole_stage(pairs)
    console.print(f"python -m stages.merge: {wall_s:.1f} s, peak {peak_mb:.0f} MB; it says:\n{said}")


if __name__ == "__main__":
    main()
