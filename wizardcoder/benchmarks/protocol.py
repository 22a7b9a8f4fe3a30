"""The protocol under which all models are scored: what they are asked, and which part of their answer is run.

In: problems and answers. Out: prompts and completions. Every word that a model sees comes from params.yaml.
"""

from __future__ import annotations

from dataclasses import replace

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.benchmarks.extraction_rules import ExtractionRule, continuation, extract_code
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.params import STRICT, Positive
from wizardcoder.core.templates import fill
from wizardcoder.sandbox.toolchains import LANGUAGES


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Timeouts:
    """Wall time of a sample, in seconds, by kind of benchmark."""

    python: Positive
    ds1000: Positive
    multiple: Positive

    def for_benchmark(self, benchmark: str) -> float:
        """Return the wall time of one sample of a benchmark."""
        return {"ds1000": self.ds1000, "multiple": self.multiple}.get(benchmark.partition("_")[0], self.python)


def build_question(problem: Problem, question: str, frame: str) -> str:
    """Return what a model is asked: the problem in the question, the question in the training prompt."""
    language = "Python" if problem.language == "python" else LANGUAGES[problem.language].title
    return fill(frame, instruction=fill(question, prompt=problem.prompt, language=language))


def extract_completion(problem: Problem, answer: str, rule: ExtractionRule) -> str:
    """Return the code of an answer, to be run after the problem's prefix."""
    code = extract_code(answer, rule, problem.language)
    if problem.checker != "program":
        return f"\n{code}\n"
    return continuation(problem.prefix, code, tests_close=problem.test.lstrip().startswith("}"))


def problem_for_answers(problem: Problem, rule: ExtractionRule) -> Problem:
    """Return the problem for judging extracted code: MultiPL-E's stop texts are for bare completions."""
    return problem if rule == "none" else replace(problem, stop=())
