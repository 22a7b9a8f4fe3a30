"""What the pictures of the rounds show, and what they are called.

In: the rounds' accounts. Out: one picture for each entry of PICTURES, as PNG and SVG.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from wizardcoder.analysis import plots
from wizardcoder.analysis.round_statistics import ACCEPTED, Account, Spread, ranked
from wizardcoder.core.records import VERDICTS

MOST_PARTS = len(plots.FILLS)  # that a bar has; the rest becomes OTHER
OTHER = "other"
_SPREADS = "\u25cf median, bar: quartiles, \u00d7 mean"
_NO_DIFFICULTY = "no data\n(`analyze.difficulty: teacher` asks)"


def draw_all(accounts: Sequence[Account], benchmarks: Sequence[str], out: Path) -> int:
    """Draw every picture into a folder and return their number."""
    for name, draw in PICTURES.items():
        draw(accounts, benchmarks, out / name)
    return len(PICTURES)


def draw_growth(accounts: Sequence[Account], _: Sequence[str], stem: Path) -> None:
    """Draw what each round kept, and why it rejected the rest."""
    counts = {f"r{a.round}": a.outcome_counts() for a in accounts}
    kept, tried = _evolved(accounts)
    title = f"{kept:,} of {tried:,} evolutions kept{_most_often(accounts)}" if tried else "No evolution yet"
    with plots.picture(stem, title) as (axes,):
        total, ends = 0, []
        for account in accounts:
            total += account.accepted
            ends.append(f"\u03a3 {total:,}")
        bars, parts = _grouped(counts, [ACCEPTED])
        plots.stacked(axes, bars, parts, shares=False, ends=ends)
        axes.set_xlabel("attempts; \u03a3: accepted so far")


def draw_heuristics(accounts: Sequence[Account], _: Sequence[str], stem: Path) -> None:
    """Draw what became of the attempts with each heuristic, all rounds together."""
    counts: dict[str, Counter[str]] = {}
    for account in accounts:
        for (heuristic, outcome), count in account.outcomes.items():
            if heuristic:
                counts.setdefault(heuristic, Counter())[outcome] += count
    rates = {name: found[ACCEPTED] / found.total() for name, found in counts.items()}
    order = sorted(rates, key=lambda name: (-rates[name], name))
    told = [f"{name} ({rates[name]:.0%})" for name in order]
    title = f"Kept most often: {told[0]}; least often: {told[-1]}" if len(told) > 1 else "What the heuristics gave"
    with plots.picture(stem, title) as (axes,):
        bars, parts = _grouped({name: counts[name] for name in order}, [ACCEPTED])
        plots.stacked(axes, bars, parts, shares=True, ends=[f"n={counts[name].total():,}" for name in order])
        axes.set_xlabel("attempts of rounds 1 to 4 with this heuristic (%)")


def draw_lengths(accounts: Sequence[Account], _: Sequence[str], stem: Path) -> None:
    """Draw how long instructions and responses are, and how much is asked for."""
    title = _change(accounts, "instruction_tokens", "instruction length", "tokens")
    with plots.picture(stem, title, panels=3, columns=3, note=_SPREADS) as (instruction, response, requirements):
        plots.spreads(instruction, _of(accounts, "instruction_tokens"), "instruction (tokens)")
        plots.spreads(response, _of(accounts, "response_tokens"), "response (tokens)")
        plots.spreads(requirements, _of(accounts, "requirements"), "requirements (count)")


def draw_complexity(accounts: Sequence[Account], _: Sequence[str], stem: Path) -> None:
    """Draw how complex the Python answers are, and how difficult the teacher finds the instructions."""
    title = _change(accounts, "cyclomatic", "cyclomatic complexity of Python answers")
    with plots.picture(stem, title, panels=4, columns=2, note=_SPREADS) as (
        cyclomatic,
        nesting,
        maintainability,
        difficulty,
    ):
        plots.spreads(cyclomatic, _of(accounts, "cyclomatic"), "cyclomatic complexity")
        plots.spreads(nesting, _of(accounts, "nesting"), "nesting depth")
        plots.spreads(maintainability, _of(accounts, "maintainability"), "maintainability (0 to 100)")
        plots.spreads(difficulty, _of(accounts, "difficulty"), "difficulty (1 to 10)", _NO_DIFFICULTY)


def draw_diversity(accounts: Sequence[Account], _: Sequence[str], stem: Path) -> None:
    """Draw how far instructions have moved, and how varied they are."""
    alike = {
        "to parent": "to_parent",
        "to seed": "to_seed",
        "nearest, round": "nearest_in_round",
        "nearest, before": "nearest_in_round_before",
    }
    distinct = {f"distinct-{n}": f"distinct_{n}" for n in (1, 2, 3)}
    means = {label: {r: s.mean for r, s in _of(accounts, name).items()} for label, name in alike.items()}
    last = {r: value for r, value in means["to seed"].items() if r == max(means["to seed"])}
    title = "".join(f"By round {r}, similarity to the seed is {value:.2f}" for r, value in last.items())
    with plots.picture(stem, title or "How varied the instructions are", panels=2, columns=2) as (left, right):
        plots.lines(left, means, "mean similarity of instructions")
        shares = {
            label: {a.round: a.shares[name] for a in accounts if name in a.shares} for label, name in distinct.items()
        }
        plots.lines(right, shares, "share of distinct n-grams")


def draw_complexity_similarity(accounts: Sequence[Account], benchmarks: Sequence[str], stem: Path) -> None:
    """Draw each round's complexity against how near its records come to each benchmark."""
    measure = "difficulty" if _of(accounts, "difficulty") else "cyclomatic"
    told = {"difficulty": "difficulty (1 to 10)", "cyclomatic": "cyclomatic complexity"}[measure]
    title = f"{told.partition(' (')[0].capitalize()} of each round against its similarity to benchmarks"
    note = "numbers are rounds; bars: 95 % intervals of the means"
    columns = min(2, max(1, len(benchmarks)))
    with plots.picture(stem, title, panels=max(1, len(benchmarks)), columns=columns, note=note) as panels:
        for axes, name in zip(panels, benchmarks, strict=False):
            near, hard = _of(accounts, f"similarity.{name}"), _of(accounts, measure)
            plots.crosses(axes, {number: (near[number], hard[number]) for number in near if number in hard}, name)
            axes.set_xlabel("top-1 similarity (TF-IDF cosine)")
            axes.set_ylabel(told)
        if not benchmarks:
            plots.no_data(panels[0])


def draw_languages(accounts: Sequence[Account], _: Sequence[str], stem: Path) -> None:
    """Draw in which programming languages the answers are."""
    _draw_mix(
        accounts,
        "language",
        "Language of the answers: most often \u201c{0}\u201d",
        "answers kept by screening (%)",
        stem,
    )


def draw_verdicts(accounts: Sequence[Account], _: Sequence[str], stem: Path) -> None:
    """Draw what running or parsing the answers gave."""
    axis = "answers that were screened (%)"
    _draw_mix(
        accounts, "verdict", "Verdict on the answers' code: most often \u201c{0}\u201d", axis, stem, order=VERDICTS
    )


PICTURES: dict[str, Callable[[Sequence[Account], Sequence[str], Path], None]] = {
    "growth": draw_growth,
    "heuristics": draw_heuristics,
    "lengths": draw_lengths,
    "complexity": draw_complexity,
    "diversity": draw_diversity,
    "complexity_similarity": draw_complexity_similarity,
    "languages": draw_languages,
    "verdicts": draw_verdicts,
}


def _draw_mix(
    accounts: Sequence[Account], kind: str, title: str, axis: str, stem: Path, *, order: Sequence[str] = ()
) -> None:
    counts = {f"r{a.round}": a.mix[kind] for a in accounts}
    together = ranked(sum(counts.values(), Counter()))
    with plots.picture(stem, title.format(_plain(together[0][0])) if together else f"No {kind} known") as (axes,):
        bars, parts = _grouped(counts, [name for name in order if name in dict(together)])
        plots.stacked(axes, bars, parts, shares=True, ends=[f"n={found.total():,}" for found in counts.values()])
        axes.set_xlabel(axis)


def _grouped(counts: dict[str, Counter[str]], first: Sequence[str]) -> tuple[dict[str, Counter[str]], list[str]]:
    """Give the bars with their rarest parts joined as OTHER, and the parts: `first`, then the most frequent."""
    together: Counter[str] = sum(counts.values(), Counter())
    rest = [name for name, _ in ranked(together) if name not in first]
    room = MOST_PARTS - len(first)
    shown = [*first, *(rest if len(rest) <= room else rest[: room - 1])]
    bars = {}
    for label, found in counts.items():
        bar = Counter({_plain(name): found[name] for name in shown})
        bar[OTHER] = found.total() - bar.total()
        bars[label] = +bar
    hidden = len(rest) + len(first) > len(shown)
    return bars, [_plain(name) for name in shown] + [OTHER] * hidden


def _evolved(accounts: Sequence[Account]) -> tuple[int, int]:
    evolved = [account for account in accounts if account.round > 0]
    return sum(a.accepted for a in evolved), sum(a.attempted for a in evolved)


def _most_often(accounts: Sequence[Account]) -> str:
    counts: Counter[str] = sum((a.outcome_counts() for a in accounts if a.round > 0), Counter())
    del counts[ACCEPTED]
    return f"; rejected most often: {_plain(ranked(counts)[0][0])}" if +counts else ""


def _of(accounts: Sequence[Account], measure: str) -> dict[int, Spread]:
    return {a.round: a.spreads[measure] for a in accounts if measure in a.spreads}


def _change(accounts: Sequence[Account], measure: str, what: str, unit: str = "") -> str:
    """Say how a mean went from the first round that has it to the last."""
    found = _of(accounts, measure)
    if not found:
        return f"{what.capitalize()}: no data"
    told = [f"{found[number].mean:.3g} in round {number}" for number in dict.fromkeys((min(found), max(found)))]
    return f"Mean {what}: {', '.join(told)}{unit and f' ({unit})'}"


def _plain(name: str) -> str:
    return name.replace("_", " ").replace(".", ": ")
