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
from wizardcoder.lineage.dvc_internals import DataUnavailableError
from wizardcoder.lineage.lock import overlap
from wizardcoder.lineage.outs import trace_outs
from wizardcoder.lineage.problems import trace_problem
from wizardcoder.lineage.record_files import known_ids
from wizardcoder.lineage.revision import Revision
from wizardcoder.lineage.samples import trace_sample
from wizardcoder.lineage.tree import TextTree, lineage_tree, print_tree, problem_tree, sample_tree

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
        print_tree(tree)


def trace(what: str, revision: Revision) -> tuple[Any, TextTree]:
    """Trace an out, a stage, a sample or a test problem; return the lineage as a record and as a tree.

    Raises:
        StageError: the name is unknown; the message lists similar names.
    """
    outs = outs_of(what, revision)
    if outs:
        lineage = trace_outs(outs, revision)
        return lineage, lineage_tree(lineage)
    near = difflib.get_close_matches(what, _names(revision), n=NEAR, cutoff=0.8)
    if near:
        raise StageError(f"trace: {what}: unknown (did you mean {' or '.join(near)}?)")
    try:
        return _trace_record(what, revision)
    except DataUnavailableError as exc:
        raise StageError(
            f"trace: {what}: unknown; the data that may contain it is not here: `dvc pull` or `dvc repro` gets it"
        ) from exc


def outs_of(what: str, revision: Revision) -> list[str]:
    """Return the outs of a stage, the out that is or contains a path, or all outs inside a folder."""
    if what in revision.stages:
        return [out.path for out in revision.stages[what].outs]
    every = [out.path for stage in revision.stages.values() for out in stage.outs]
    return [what] if any(f"{what}/".startswith(f"{out}/") for out in every) else [o for o in every if overlap(o, what)]


def _trace_record(what: str, revision: Revision) -> tuple[Any, TextTree]:
    """Trace a sample or a test problem."""
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


def _names(revision: Revision) -> list[str]:
    return [*(out.path for stage in revision.stages.values() for out in stage.outs), *revision.stages]


def _unknown(what: str, revision: Revision) -> str:
    """Return an error message for an unknown name, with similar names."""
    ids = set(known_ids(revision))
    begun = sorted(name for name in ids if name.startswith(what))[:NEAR]
    near = begun or difflib.get_close_matches(what, ids, n=NEAR, cutoff=0.7)
    if near:
        return f"trace: {what}: unknown (did you mean {' or '.join(near)}?)"
    names = ", ".join(_names(revision)) or "none yet: `dvc repro` makes them"
    return (
        f"trace: {what}: unknown name: not one of {len(ids)} samples, a benchmark task, a DVC output or a stage of "
        f"dvc.lock ({names})"
    )
