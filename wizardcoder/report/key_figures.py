"""The few numbers at the top of the report."""

from __future__ import annotations

from wizardcoder.report.pages.numbers import format_percent
from wizardcoder.report.run_files import RunFiles


def key_figures(files: RunFiles) -> list[tuple[str, str]]:
    """Return (name, value) pairs; the score on the development benchmark comes first if both models have one."""
    evolved = [metrics for name, metrics in files.metrics.items() if name.startswith("evolve_")]
    accepted, attempted, requests = (
        sum(int(metrics.get(key, 0)) for metrics in evolved) for key in ("accepted", "attempted", "requests")
    )
    figures = [
        ("training records", f"{files.stage('train').get('examples', 0):,}"),
        ("accepted evolutions", f"{accepted:,} of {attempted:,}"),
        ("excluded: too close to a test", f"{files.stage('decontaminate').get('excluded', 0):,}"),
        ("teacher requests", f"{requests:,}"),
    ]
    scores = files.stage("evaluate")
    both = [scores[key] for key in ("dev.base.pass_at_1", "dev.pass_at_1") if key in scores]
    return (
        [("pass@1 on dev, base → tuned", " → ".join(map(format_percent, both))), *figures] if len(both) > 1 else figures
    )
