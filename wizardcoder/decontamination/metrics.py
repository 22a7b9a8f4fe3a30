"""The numbers of metrics/decontaminate.json."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wizardcoder.decontamination.exclusion import Excluded, JudgedPairs
from wizardcoder.decontamination.execution.search import ExecutionResult
from wizardcoder.decontamination.pairs import largest_similarities


def compute_metrics(judge: str, judged: JudgedPairs, excluded: Sequence[Excluded]) -> dict[str, object]:
    """Count excluded records (not pairs) by benchmark and judge; summarise each benchmark's top-1 similarities.

    Args:
        judge: the param `decontaminate.judge`.
        judged: the result of `find_matches`.
        excluded: its excluded records.
    """
    found: dict[str, object] = {
        "excluded": _count_records(excluded),
        "pairs_judged": len(judged.pairs),
        "pairs_asked": sum(judgement.judge == "teacher" for judgement in judged.judgements),
        "unclear": sum(not judgement.clear for judgement in judged.judgements),
    }
    found |= _execution_metrics(judged.execution)
    judges = [*(("rule", "teacher") if judge == "both" else (judge,)), "execution"]
    for name, similarities in largest_similarities(judged.pairs).items():
        own = [item for item in excluded if item.benchmark == name]
        found[f"excluded.{name}"] = _count_records(own)
        for each in judges:
            found[f"excluded.{name}.{each}"] = _count_records([item for item in own if item.judge == each])
        found[f"top_1_similarity.{name}.mean"] = float(np.mean(similarities))
        found[f"top_1_similarity.{name}.p95"] = float(np.percentile(similarities, 95))
        found[f"top_1_similarity.{name}.max"] = max(similarities)
    return found


def _count_records(excluded: Sequence[Excluded]) -> int:
    return len({item.id for item in excluded})


def _execution_metrics(execution: ExecutionResult) -> dict[str, object]:
    return {
        "execution.programs": execution.programs,
        "execution.exceeded_limits": execution.exceeded_limits,
        "execution.unparsed": execution.unparsed,
        "execution.uncheckable": len(execution.uncheckable),
    }
