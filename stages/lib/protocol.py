"""The protocol that all models are scored under: what they are asked, and what of their answer runs.

In: problems and answers. Out: prompts and completions. Every word that a model sees comes from params.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic.dataclasses import dataclass as params_dataclass

from stages.lib import ds1000, languages
from stages.lib.extract import Rule, continuation, extract_code
from stages.lib.params import STRICT, Positive
from stages.lib.problem import Problem
from stages.lib.prompts import fill
from stages.lib.sandbox import Sandbox, SandboxError


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Timeouts:
    """Wall time of a sample, in seconds, by kind of benchmark."""

    python: Positive
    ds1000: Positive
    multiple: Positive

    def of(self, benchmark: str) -> float:
        """Give a benchmark's."""
        return {"ds1000": self.ds1000, "multiple": self.multiple}.get(benchmark.partition("_")[0], self.python)


def asked(problem: Problem, question: str, frame: str) -> str:
    """Give what a model is asked: the problem in the question, the question in the training prompt."""
    language = "Python" if problem.language == "python" else languages.LANGUAGES[problem.language].title
    return fill(frame, instruction=fill(question, prompt=problem.prompt, language=language))


def completion_of(problem: Problem, answer: str, rule: Rule) -> str:
    """Give the code of an answer, to run after the problem's prefix."""
    code = extract_code(answer, rule, problem.language)
    if problem.checker != "program":
        return f"\n{code}\n"
    return continuation(problem.prefix, code, tests_close=problem.test.lstrip().startswith("}"))


def for_answers(problem: Problem, rule: Rule) -> Problem:
    """Give the problem as it is judged with extracted code: MultiPL-E's stop texts are for bare completions."""
    return problem if rule == "none" else replace(problem, stop=())


def absent_tools(name: str, allow_unsafe: bool) -> str | None:
    """Say what this machine lacks to run a benchmark, and how to install it; None where nothing.

    A language's toolchain is tried in the sandbox, which takes seconds: one that does not start there would fail every
    sample.
    """
    if name == "ds1000":
        return ds1000.environment_absent()
    language = name.removeprefix("multiple_")
    if language == name or language not in languages.LANGUAGES:
        return None
    if (reason := languages.absent(language)) is not None:
        return reason
    try:
        with Sandbox(languages.world(language), allow_unsafe) as sandbox:
            return languages.broken(sandbox, language)
    except SandboxError as exc:
        return str(exc)


def split_runnable(problems: Mapping[str, Problem]) -> tuple[dict[str, Problem], dict[str, str]]:
    """Give the problems that can run here, and the reason for each of the others, by task_id."""
    reasons = {p.task_id: why for p in problems.values() if p.checker == "ds1000" and (why := ds1000.absent(p))}
    return {task_id: p for task_id, p in problems.items() if task_id not in reasons}, reasons
