"""`wizardcoder generate`: the answers that the stage evaluate scores."""

from __future__ import annotations


def generate() -> None:
    """Generate the answers that the stage evaluate will score.

    Stores them in generations.sqlite of the cache folder and scores nothing. Under torchrun each process takes its
    share, so several GPUs generate at once: torchrun --nproc-per-node 8 --no-python wizardcoder generate
    """
    from wizardcoder.core.params import load
    from wizardcoder.evaluation import answers
    from wizardcoder.evaluation.settings import Params, check

    params = load(Params)
    check(params.evaluate, params.decontaminate.benchmarks)
    answers.generate(params)
