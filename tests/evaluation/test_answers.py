"""The likelihood of a canonical solution is measured where an answer would have it."""

from __future__ import annotations

from contextlib import closing

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.store import AnswerStore
from wizardcoder.evaluation import answers as module
from wizardcoder.evaluation.answers import measure_likelihoods
from wizardcoder.generation.sampler import LocalSampler, Sampling

ADD = 'def add(a, b):\n    """Add."""\n'


def test_the_likelihood_is_of_the_canonical_solution_where_an_answer_would_have_it(tiny_model, tmp_path, monkeypatch):
    contexts = []
    monkeypatch.setattr(module, "negative_log_likelihood", lambda _, *texts: contexts.append(texts) or 1.5)
    problems = [Problem("T/0", ADD, "    return a + b\n", "add", prefix=ADD), Problem("T/2", "", "")]
    with AnswerStore(tmp_path / "generations.sqlite") as store:
        with closing(LocalSampler(tiny_model, Sampling(1, 0.0, 1.0, 2, 0), "float32", 2, store)) as local:
            for _ in range(2):  # the second time it is known
                assert measure_likelihoods(local, [f"Write: {ADD}", "Write: "], problems, store) == [1.5, None]
    assert contexts == [(f"Write: {ADD}```python\n{ADD}", "    return a + b\n")]
