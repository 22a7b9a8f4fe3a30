r"""Score completions: run them in the sandbox, on all cores, and return a verdict for each.

    >>> from wizardcoder.benchmarks import Problem, Sample
    >>> from wizardcoder.scoring import JudgeSettings, score
    >>> right, wrong = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
    >>> test = "def check(candidate):\n    assert candidate(1, 2) == 3\n"
    >>> problem = Problem("Example/0", "Write add(a, b).", right, entry_point="add", test=test)
    >>> settings = JudgeSettings(mode="strict", timeout_s=10, memory_mb=512)
    >>> samples = [Sample("Example/0", right), Sample("Example/0", wrong)]
    >>> [verdict.result for verdict in score({"Example/0": problem}, samples, settings, workers=1).verdicts]
    ['passed', 'failed: AssertionError']

In strict mode the benchmark's tests run outside the sample's process, so that a sample can neither forge a pass nor
crash the judge; problems whose tests need the sample's own objects, and MultiPL-E's, are judged inside, and each
verdict says so. In official mode tests and completion share a process, as in the published harnesses: scores are
comparable, and a hostile sample can forge a pass.

Covers HumanEval, MBPP, EvalPlus, DS-1000 and MultiPL-E. Does not cover: generating completions, reading files, and
pass@k (packages generation, evaluation, statistics). A benchmark's tests are trusted: in strict mode they run with the
rights of the caller.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.scoring.judge import Judge as Judge
    from wizardcoder.scoring.score_samples import ScoreResult as ScoreResult
    from wizardcoder.scoring.score_samples import default_workers as default_workers
    from wizardcoder.scoring.score_samples import score as score
    from wizardcoder.scoring.settings import JudgeSettings as JudgeSettings
    from wizardcoder.scoring.settings import Verdict as Verdict

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Judge": "judge",
        "JudgeSettings": "settings",
        "ScoreResult": "score_samples",
        "Verdict": "settings",
        "default_workers": "score_samples",
        "score": "score_samples",
    },
)
