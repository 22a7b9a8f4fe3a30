"""Format lineages as trees of text, and print them.

In: what samples.py, problems.py and outs.py found. Out: a tree, drawn by rich in a terminal, indented plain text in a
pipe. Texts that a model read or wrote are complete; a param longer than a line is shortened (it is complete in --json).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from wizardcoder.lineage.dvc_internals import RemoteStatus
from wizardcoder.lineage.lock import LockedFile, is_code
from wizardcoder.lineage.outcomes import StageOutcome
from wizardcoder.lineage.outs import OutLineage, TracedInput, TracedStage
from wizardcoder.lineage.problems import ProblemTrace
from wizardcoder.lineage.replay import ReplayedRequest
from wizardcoder.lineage.revision import Commit
from wizardcoder.lineage.samples import Attempt, SampleTrace, SeedOrigin
from wizardcoder.lineage.staleness import StaleReason

LINE = 120
HASH = 8
MAX_CODE_FILES = 3  # changed ones, by name
GOOD, BAD, FAINT, HEAD = "green", "red", "dim", "bold"


@dataclass(slots=True)
class TextTree:
    """A text of one or more lines and the trees below it; a style is one of rich's."""

    text: str
    below: list[TextTree] = field(default_factory=list)
    style: str = ""

    def add(self, text: str, style: str = "") -> TextTree:
        """Add a tree below this one and return it."""
        self.below.append(TextTree(text, style=style))
        return self.below[-1]


def sample_tree(found: SampleTrace, commits: Mapping[int, Commit | None]) -> TextTree:
    """Format the trace of a sample; `commits` maps a round to the last change of its entry in dvc.lock."""
    root = TextTree(f"{found.id}: {_ending(found)}", style=HEAD)
    _add_seed(root, found.seed)
    shown: set[str] = set()
    for attempt in found.attempts:
        _add_attempt(root, attempt, commits.get(attempt.round), shown)
    for outcome in found.outcomes:
        style = {"kept": GOOD, "dropped": BAD}.get(outcome.state, FAINT)
        node = root.add(f"{outcome.stage}: {_state(outcome)}", style)
        for key, value in outcome.detail.items():
            node.add(f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    if found.children:
        root.add(f"evolved further as {', '.join(found.children)}")
    return root


def problem_tree(found: ProblemTrace) -> TextTree:
    """Format the results of a test problem, and the training samples that are excluded because of it."""
    root = TextTree(found.task_id, style=HEAD)
    for row in found.results:
        root.add(f"{row['file']}: {row['result']}", GOOD if row["passed"] else "")
    for row in found.excluded:
        reason = f"{row['benchmark']}, similarity {row['similarity']}, overlap {row['overlap']}, {row['judgement']}"
        root.add(f"excludes training sample {row['id']}: {reason}", BAD)
    return root


def lineage_tree(found: OutLineage) -> TextTree:
    """Format the stages from an out back to the seeds; a stage that is read again is only named."""
    stale = [stage.name for stage in found.stages if stage.stale]
    root = TextTree(", ".join(found.outs), style=HEAD)
    state = f"stale: {', '.join(stale)}" if stale else f"none of its {len(found.stages)} stages is stale"
    root.add(state, BAD if stale else GOOD)
    if found.remote is not None:
        _add_remote(root, found.remote)
    stages = {stage.name: stage for stage in found.stages}
    drawn: set[str] = set()
    for stage in reversed(found.stages):
        if stage.name not in drawn:
            _add_stage(root, stage, stages, drawn)
    return root


def print_tree(root: TextTree) -> None:
    """Print a tree on the standard output."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(draw(root))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in plain_lines(root)))


def draw(node: TextTree, above: Tree | None = None) -> Tree:
    """Return a tree as rich draws it; `above` is the tree that it is added to."""
    label = Text(node.text, style=node.style)
    tree = Tree(label, guide_style="dim") if above is None else above.add(label)
    for child in node.below:
        draw(child, tree)
    return tree


def plain_lines(node: TextTree, depth: int = 0) -> list[str]:
    """Return a tree as lines, indented by two spaces a level; nothing is cut or wrapped."""
    indent = "  " * depth
    own = [f"{indent}{line}".rstrip() for line in node.text.split("\n")]
    return own + [line for child in node.below for line in plain_lines(child, depth + 1)]


def _ending(found: SampleTrace) -> str:
    if found.attempts and found.attempts[-1].reason:
        return f"rejected in round {found.attempts[-1].round}, {found.attempts[-1].reason}"
    if not found.outcomes:
        return "rejected as a seed"
    last = found.outcomes[-1]
    if last.stage == "train" and last.state == "kept":
        return "a training sample, cut at its end" if "cut" in last.detail else "a training sample"
    return f"{last.stage}: {_state(last)}"


def _state(outcome: StageOutcome) -> str:
    if outcome.stage == "train" and outcome.state == "left out":
        return "left out, the model was trained on other data"
    meanings = {
        "left out": "left out, its round is not among those that are read",
        "not run": "not run yet",
        "held out": "held out, to measure the loss",
        "unknown": "unknown, this run did not record the outcome of each record",
    }
    return meanings.get(outcome.state, outcome.state)


def _add_seed(root: TextTree, seed: SeedOrigin) -> None:
    node = root.add(f"seed {seed.record.id}", HEAD)
    origin = node.add(f"source {seed.source}, md5 {seed.md5 or 'unknown'}")
    if seed.recorded_md5 not in (None, seed.md5):
        origin.add(f"dvc.lock recorded md5 {seed.recorded_md5}: the file has changed since then", BAD)
    if seed.place:
        origin.add(f"row {seed.place}")
    else:
        origin.add(seed.note or "no row of the file has this text any more", BAD)
    reason = getattr(seed.record, "reason", None)
    if reason:
        node.add(f"rejected: {reason} {getattr(seed.record, 'detail', '')}".rstrip(), BAD)
    node.add("instruction").add(seed.record.instruction)
    node.add("response").add(seed.record.response)


def _add_attempt(root: TextTree, attempt: Attempt, commit: Commit | None, shown: set[str]) -> None:
    outcome = f"rejected, {attempt.reason} {attempt.detail}".rstrip() if attempt.reason else "accepted"
    node = root.add(f"round {attempt.round}: {outcome}, {attempt.id}", BAD if attempt.reason else HEAD)
    node.add(f"stage evolve_r{attempt.round}, {_committed(commit)}", FAINT)
    node.add(f"heuristic {attempt.heuristic}: {attempt.heuristic_text or 'its text is unknown'}")
    node.add(f"prompt_version {attempt.prompt_version or 'unknown'}")
    if attempt.note:
        node.add(attempt.note, BAD)
    for request in attempt.requests:
        _add_request(node, request, shown)
    answers = {(request.answer or "").strip() for request in attempt.requests}
    for name, text in (("instruction", attempt.instruction), ("response", attempt.response)):
        if text and text not in answers:
            node.add(name).add(text)


def _add_request(above: TextTree, request: ReplayedRequest, shown: set[str]) -> None:
    body = request.body
    sampling = ", ".join(f"{key} {body[key]}" for key in ("temperature", "top_p", "max_tokens", "seed"))
    node = above.add(f"{request.role}: {body['model']} at {request.endpoint}, {sampling}")
    *examples, question = body["messages"]
    if examples and json.dumps(examples) in shown:
        node.add(f"{len(examples)} messages, as above", FAINT)
    for message in [question] if json.dumps(examples) in shown else body["messages"]:
        node.add(message["role"], FAINT).add(message["content"])
    shown.add(json.dumps(examples))
    if request.stored:
        label = f"answer {request.key[:HASH]} of the store, finish reason {request.finish_reason}"
        node.add(label, FAINT).add(request.answer or "(empty)")
    else:
        missing = node.add(f"answer {request.key[:HASH]} is not in the store")
        if request.answer:
            missing.add(f"from the record:\n{request.answer}")


def _add_remote(root: TextTree, remote: RemoteStatus) -> None:
    if remote.name is None:
        root.add("no remote is configured: nothing is pushed (dvc remote add -d NAME URL)", BAD)
    elif remote.error:
        root.add(f"remote {remote.name} ({remote.url}) cannot be reached: {remote.error}", BAD)
    else:
        lacks = [f"{path} ({why})" for path, why in sorted(remote.lacks.items())]
        state = f"lacks {', '.join(lacks)}" if lacks else "has all of it"
        node = root.add(f"remote {remote.name} ({remote.url}) {state}", BAD if lacks else GOOD)
        if not remote.verifies:
            node.add(f"damaged downloads go unnoticed: dvc remote modify {remote.name} verify true", FAINT)


def _add_stage(above: TextTree, stage: TracedStage, stages: Mapping[str, TracedStage], drawn: set[str]) -> None:
    if stage.name in drawn:
        above.add(f"stage {stage.name}, as above", FAINT)
        return
    drawn.add(stage.name)
    node = above.add(f"stage {stage.name}: {stage.cmd}", HEAD)
    node.add(_committed(stage.commit), "" if stage.commit else BAD)
    for text in _stale_lines(stage.stale):
        node.add(f"stale: {text}", BAD)
    for out in stage.outs:
        node.add(f"wrote {_file(out)}")
    if stage.params:
        node.add("params").add("\n".join(f"{key}: {_short(value)}" for key, value in sorted(stage.params.items())))
    if stage.code:
        node.add("code").add("\n".join(_file(read.file) for read in stage.code))
    for read in stage.data:
        _add_read(node, read, stages, drawn)


def _stale_lines(reasons: Sequence[StaleReason]) -> list[str]:
    """Return a line per reason; many code files are only counted."""
    code = [reason for reason in reasons if is_code(reason.subject)]
    counted = Counter(reason.state for reason in code) if len(code) > MAX_CODE_FILES else Counter()
    shown = [reason for reason in reasons if not counted or reason not in code]
    totals = [f"{count} code file{'s' * (count != 1)} {state}" for state, count in sorted(counted.items())]
    return totals + [f"{reason.subject} {reason.state}" for reason in shown]


def _add_read(above: TextTree, read: TracedInput, stages: Mapping[str, TracedStage], drawn: set[str]) -> None:
    node = above.add(f"read {_file(read.file)}")
    for writer in read.writers:
        if writer in stages:
            _add_stage(node, stages[writer], stages, drawn)


def _committed(commit: Commit | None) -> str:
    if commit is None:
        return "its entry in dvc.lock is not committed"
    return f"entry of dvc.lock last changed by {commit.id[:HASH]} of {commit.date}, {commit.title}"


def _file(file: LockedFile) -> str:
    return f"{file.path} {file.md5[:HASH]}{'.dir' if file.md5.endswith('.dir') else ''}, {file.size:,} bytes"


def _short(value: Any) -> str:  # noqa: ANN401 - any value of params.yaml
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LINE else f"{text[:LINE]}…"
