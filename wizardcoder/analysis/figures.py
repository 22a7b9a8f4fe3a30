"""The figures of the rounds: what each shows, with its title and labels.

In: the rounds' summaries. Out: one figure for each entry of PICTURES, as PNG and SVG. How they are drawn: plots.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from wizardcoder.analysis import plots
from wizardcoder.analysis.round_statistics import ACCEPTED, RoundSummary, Spread, sort_counts
from wizardcoder.core.records import VERDICTS

MOST_PARTS = len(plots.FILLS)  # of a bar; the rest becomes OTHER
OTHER = "other"
_SPREADS = "\u25cf median, bar: quartiles, \u00d7 mean"
_NO_DIFFICULTY = "no data\n(`analyze.difficulty: teacher` asks)"


def draw_all(rounds: Sequence[RoundSummary], benchmarks: Sequence[str], out: Path) -> int:
    """Draw every figure into a folder and return their number."""
    for name, draw in PICTURES.items():
        draw(rounds, benchmarks, out / name)
    return len(PICTURES)


def draw_growth(rounds: Sequence[RoundSummary], _: Sequence[str], stem: Path) -> None:
    """Draw accepted attempts by round, and the rejected ones by reason."""
    counts = {f"r{a.round}": a.count_outcomes() for a in rounds}
    kept, tried = _evolved(rounds)
    title = f"{kept:,} of {tried:,} evolutions kept{_most_often(rounds)}" if tried else "No evolution yet"
    with plots.picture(stem, title) as (axes,):
        total, ends = 0, []
        for each in rounds:
            total += each.accepted
            ends.append(f"\u03a3 {total:,}")
        bars, parts = _grouped(counts, [ACCEPTED])
        plots.stacked(axes, bars, parts, shares=False, ends=ends)
        axes.set_xlabel("attempts; \u03a3: accepted so far")


def draw_heuristics(rounds: Sequence[RoundSummary], _: Sequence[str], stem: Path) -> None:
    """Draw the outcomes of the attempts by heuristic, over all rounds."""
    counts: dict[str, Counter[str]] = {}
    for each in rounds:
        for (heuristic, outcome), count in each.outcomes.items():
            if heuristic:
                counts.setdefault(heuristic, Counter())[outcome] += count
    rates = {name: found[ACCEPTED] / found.total() for name, found in counts.items()}
    order = sorted(rates, key=lambda name: (-rates[name], name))
    labels = [f"{name} ({rates[name]:.0%})" for name in order]
    title = f"Kept most often: {labels[0]}; least often: {labels[-1]}" if len(labels) > 1 else "Outcomes by heuristic"
    with plots.picture(stem, title) as (axes,):
        bars, parts = _grouped({name: counts[name] for name in order}, [ACCEPTED])
        plots.stacked(axes, bars, parts, shares=True, ends=[f"n={counts[name].total():,}" for name in order])
        axes.set_xlabel("attempts of rounds 1 to 4 with this heuristic (%)")


def draw_lengths(rounds: Sequence[RoundSummary], _: Sequence[str], stem: Path) -> None:
    """Draw the lengths of instructions and responses, and the number of requirements."""
    title = _change(rounds, "instruction_tokens", "instruction length", "tokens")
    with plots.picture(stem, title, panels=3, columns=3, note=_SPREADS) as (instruction, response, requirements):
        plots.spreads(instruction, _of(rounds, "instruction_tokens"), "instruction (tokens)")
        plots.spreads(response, _of(rounds, "response_tokens"), "response (tokens)")
        plots.spreads(requirements, _of(rounds, "requirements"), "requirements (count)")


def draw_complexity(rounds: Sequence[RoundSummary], _: Sequence[str], stem: Path) -> None:
    """Draw the complexity of Python answers, and the difficulty of instructions as rated by the teacher."""
    title = _change(rounds, "cyclomatic", "cyclomatic complexity of Python answers")
    with plots.picture(stem, title, panels=4, columns=2, note=_SPREADS) as (
        cyclomatic,
        nesting,
        maintainability,
        difficulty,
    ):
        plots.spreads(cyclomatic, _of(rounds, "cyclomatic"), "cyclomatic complexity")
        plots.spreads(nesting, _of(rounds, "nesting"), "nesting depth")
        plots.spreads(maintainability, _of(rounds, "maintainability"), "maintainability (0 to 100)")
        plots.spreads(difficulty, _of(rounds, "difficulty"), "difficulty (1 to 10)", _NO_DIFFICULTY)


def draw_diversity(rounds: Sequence[RoundSummary], _: Sequence[str], stem: Path) -> None:
    """Draw the similarity of instructions to their sources and neighbours, and their diversity."""
    alike = {
        "to parent": "to_parent",
        "to seed": "to_seed",
        "nearest, round": "nearest_in_round",
        "nearest, before": "nearest_in_round_before",
    }
    distinct = {f"distinct-{n}": f"distinct_{n}" for n in (1, 2, 3)}
    means = {label: {r: s.mean for r, s in _of(rounds, name).items()} for label, name in alike.items()}
    last = {r: value for r, value in means["to seed"].items() if r == max(means["to seed"])}
    title = "".join(f"By round {r}, similarity to the seed is {value:.2f}" for r, value in last.items())
    with plots.picture(stem, title or "Diversity of instructions", panels=2, columns=2) as (left, right):
        plots.lines(left, means, "mean similarity of instructions")
        shares = {
            label: {a.round: a.shares[name] for a in rounds if name in a.shares} for label, name in distinct.items()
        }
        plots.lines(right, shares, "share of distinct n-grams")


def draw_complexity_similarity(rounds: Sequence[RoundSummary], benchmarks: Sequence[str], stem: Path) -> None:
    """Draw each round's complexity against its similarity to each benchmark."""
    measure = "difficulty" if _of(rounds, "difficulty") else "cyclomatic"
    label = {"difficulty": "difficulty (1 to 10)", "cyclomatic": "cyclomatic complexity"}[measure]
    title = f"{label.partition(' (')[0].capitalize()} of each round against its similarity to benchmarks"
    note = "numbers are rounds; bars: 95 % intervals of the means"
    columns = min(2, max(1, len(benchmarks)))
    with plots.picture(stem, title, panels=max(1, len(benchmarks)), columns=columns, note=note) as panels:
        for axes, name in zip(panels, benchmarks, strict=False):
            near, hard = _of(rounds, f"similarity.{name}"), _of(rounds, measure)
            plots.crosses(axes, {number: (near[number], hard[number]) for number in near if number in hard}, name)
            axes.set_xlabel("top-1 similarity (TF-IDF cosine)")
            axes.set_ylabel(label)
        if not benchmarks:
            plots.no_data(panels[0])


def draw_languages(rounds: Sequence[RoundSummary], _: Sequence[str], stem: Path) -> None:
    """Draw the programming languages of the answers."""
    _draw_mix(
        rounds,
        "language",
        "Language of the answers: most often \u201c{0}\u201d",
        "answers kept by screening (%)",
        stem,
    )


def draw_verdicts(rounds: Sequence[RoundSummary], _: Sequence[str], stem: Path) -> None:
    """Draw the results of running or parsing the answers."""
    axis = "answers that were screened (%)"
    _draw_mix(rounds, "verdict", "Verdict on the answers' code: most often \u201c{0}\u201d", axis, stem, order=VERDICTS)


PICTURES: dict[str, Callable[[Sequence[RoundSummary], Sequence[str], Path], None]] = {
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
    rounds: Sequence[RoundSummary], kind: str, title: str, axis: str, stem: Path, *, order: Sequence[str] = ()
) -> None:
    counts = {f"r{a.round}": a.mix[kind] for a in rounds}
    together = sort_counts(sum(counts.values(), Counter()))
    with plots.picture(stem, title.format(_plain(together[0][0])) if together else f"No {kind} known") as (axes,):
        bars, parts = _grouped(counts, [name for name in order if name in dict(together)])
        plots.stacked(axes, bars, parts, shares=True, ends=[f"n={found.total():,}" for found in counts.values()])
        axes.set_xlabel(axis)


def _grouped(counts: dict[str, Counter[str]], first: Sequence[str]) -> tuple[dict[str, Counter[str]], list[str]]:
    """Return the bars with their rarest parts merged into OTHER, and the parts: `first`, then by frequency."""
    together: Counter[str] = sum(counts.values(), Counter())
    rest = [name for name, _ in sort_counts(together) if name not in first]
    room = MOST_PARTS - len(first)
    shown = [*first, *(rest if len(rest) <= room else rest[: room - 1])]
    bars = {}
    for label, found in counts.items():
        bar = Counter({_plain(name): found[name] for name in shown})
        bar[OTHER] = found.total() - bar.total()
        bars[label] = +bar
    hidden = len(rest) + len(first) > len(shown)
    return bars, [_plain(name) for name in shown] + [OTHER] * hidden


def _evolved(rounds: Sequence[RoundSummary]) -> tuple[int, int]:
    evolved = [each for each in rounds if each.round > 0]
    return sum(a.accepted for a in evolved), sum(a.attempted for a in evolved)


def _most_often(rounds: Sequence[RoundSummary]) -> str:
    counts: Counter[str] = sum((a.count_outcomes() for a in rounds if a.round > 0), Counter())
    del counts[ACCEPTED]
    return f"; rejected most often: {_plain(sort_counts(counts)[0][0])}" if +counts else ""


def _of(rounds: Sequence[RoundSummary], measure: str) -> dict[int, Spread]:
    return {a.round: a.spreads[measure] for a in rounds if measure in a.spreads}


def _change(rounds: Sequence[RoundSummary], measure: str, what: str, unit: str = "") -> str:
    """Describe the change of a mean from the first to the last round that has it."""
    found = _of(rounds, measure)
    if not found:
        return f"{what.capitalize()}: no data"
    means = [f"{found[number].mean:.3g} in round {number}" for number in dict.fromkeys((min(found), max(found)))]
    return f"Mean {what}: {', '.join(means)}{unit and f' ({unit})'}"


def _plain(name: str) -> str:
    return name.replace("_", " ").replace(".", ": ")
