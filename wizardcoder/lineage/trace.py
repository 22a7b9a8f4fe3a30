"""Find out where a training sample, a file or a model comes from.

In: a sample's id (of any round, also a rejected, screened, merged or excluded one), a benchmark's task_id, an out of
dvc.yaml or a stage's name. Out: plain records, and a tree of text. Nothing is written or checked out and no teacher is
asked; only the DVC remote is asked what it holds.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
from typing import Any

from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.store import FILE_NAME, AnswerStore
from wizardcoder.lineage import outline
from wizardcoder.lineage.lock import overlap
from wizardcoder.lineage.outline import Node
from wizardcoder.lineage.outs import trace_outs
from wizardcoder.lineage.revision import Revision
from wizardcoder.lineage.samples import known_ids, trace_problem, trace_sample
from wizardcoder.lineage.tree import lineage_tree, problem_tree, sample_tree

NEAR = 3


def print_trace(name: str, rev: str | None = None, *, as_json: bool = False) -> None:
    """Print the lineage of an out, a stage, a sample or a test problem on the standard output.

    Args:
        name: what to trace.
        rev: a git revision to read instead of the workspace; nothing is checked out.
        as_json: print JSON instead of a tree.

    Raises:
        StageError: the name or the revision is unknown.
    """
    found, tree = trace(name.rstrip("/"), Revision(rev))
    if as_json:
        sys.stdout.write(json.dumps(dataclasses.asdict(found), ensure_ascii=False, indent=2) + "\n")
    else:
        outline.show(tree)


def trace(what: str, revision: Revision) -> tuple[Any, Node]:
    """Give the lineage of an out, a stage, a sample or a test problem, as data and as a tree.

    Raises:
        StageError: nothing has this name; the nearest that have are named.
    """
    outs = outs_of(what, revision)
    if outs:
        lineage = trace_outs(outs, revision)
        return lineage, lineage_tree(lineage)
    near = difflib.get_close_matches(what, _names(revision), n=NEAR, cutoff=0.8)
    if near:
        raise StageError(f"trace: {what}: unknown (did you mean {' or '.join(near)}?)")
    store = cache_dir() / FILE_NAME
    if store.is_file():
        with AnswerStore(store) as answers:
            sample = trace_sample(what, revision, answers)
    else:
        sample = trace_sample(what, revision, None)
    if sample is not None:
        commits = {a.round: revision.last_change(f"evolve_r{a.round}") for a in sample.attempts}
        return sample, sample_tree(sample, commits)
    problem = trace_problem(what, revision)
    if problem is not None:
        return problem, problem_tree(problem)
    raise StageError(_unknown(what, revision))


def outs_of(what: str, revision: Revision) -> list[str]:
    """Give the outs that are meant: a stage's, one that is or holds this path, or those below it."""
    if what in revision.steps:
        return [out.path for out in revision.steps[what].outs]
    every = [out.path for step in revision.steps.values() for out in step.outs]
    return [what] if any(f"{what}/".startswith(f"{out}/") for out in every) else [o for o in every if overlap(o, what)]


def _names(revision: Revision) -> list[str]:
    return [*(out.path for step in revision.steps.values() for out in step.outs), *revision.steps]


def _unknown(what: str, revision: Revision) -> str:
    """Say that nothing has this name, and which names are near."""
    ids = set(known_ids(revision))
    begun = sorted(name for name in ids if name.startswith(what))[:NEAR]
    near = begun or difflib.get_close_matches(what, ids, n=NEAR, cutoff=0.7)
    if near:
        return f"trace: {what}: unknown (did you mean {' or '.join(near)}?)"
    names = ", ".join(_names(revision)) or "none yet: `dvc repro` makes them"
    return f"trace: {what}: no sample among {len(ids)}, no test problem, no out or stage of dvc.lock ({names})"
