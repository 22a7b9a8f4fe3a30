"""Format lineages as trees of text.

In: what wizardcoder/lineage/samples.py and outs.py found. Out: nodes for wizardcoder/lineage/outline.py. Texts that a
model read or wrote are complete; a parameter longer than a line is cut here and complete in --json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wizardcoder.lineage.lock import File
from wizardcoder.lineage.outline import Node
from wizardcoder.lineage.outs import Lineage, Link, Read
from wizardcoder.lineage.replay import Request
from wizardcoder.lineage.revision import Commit
from wizardcoder.lineage.samples import Ancestry, Attempt, Fate, Problem, Seed
from wizardcoder.lineage.stale import Remote

LINE = 120
HASH = 8
GOOD, BAD, FAINT, HEAD = "green", "red", "dim", "bold"


def sample_tree(found: Ancestry, commits: Mapping[int, Commit | None]) -> Node:
    """Draw a sample's way; `commits` maps a round to the last change of its entry in dvc.lock."""
    root = Node(f"{found.id}: {_ending(found)}", style=HEAD)
    _add_seed(root, found.seed)
    shown: set[str] = set()
    for attempt in found.attempts:
        _add_attempt(root, attempt, commits.get(attempt.round), shown)
    for fate in found.fate:
        style = {"kept": GOOD, "dropped": BAD}.get(fate.state, FAINT)
        node = root.add(f"{fate.step}: {_state(fate)}", style)
        for key, value in fate.detail.items():
            node.add(f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")
    if found.children:
        root.add(f"evolved on as {', '.join(found.children)}")
    return root


def problem_tree(found: Problem) -> Node:
    """Draw what became of a test problem."""
    root = Node(found.task_id, style=HEAD)
    for row in found.results:
        root.add(f"{row['file']}: {row['result']}", GOOD if row["passed"] else "")
    for row in found.excluded:
        told = f"{row['benchmark']}, similarity {row['similarity']}, overlap {row['overlap']}, {row['judgement']}"
        root.add(f"excludes training sample {row['id']}: {told}", BAD)
    return root


def lineage_tree(found: Lineage) -> Node:
    """Draw the steps from an out back to the seeds, each once; where it is read again it is only named."""
    stale = [link.name for link in found.links if link.stale]
    root = Node(", ".join(found.outs), style=HEAD)
    state = f"stale: {', '.join(stale)}" if stale else f"none of its {len(found.links)} steps is stale"
    root.add(state, BAD if stale else GOOD)
    if found.remote is not None:
        _add_remote(root, found.remote)
    links = {link.name: link for link in found.links}
    drawn: set[str] = set()
    for link in reversed(found.links):
        if link.name not in drawn:
            _add_link(root, link, links, drawn)
    return root


def _ending(found: Ancestry) -> str:
    if found.attempts and found.attempts[-1].reason:
        return f"rejected in round {found.attempts[-1].round}, {found.attempts[-1].reason}"
    if not found.fate:
        return "rejected as a seed"
    last = found.fate[-1]
    if last.step == "train" and last.state == "kept":
        return "a training sample, cut at its end" if "cut" in last.detail else "a training sample"
    return f"{last.step}: {_state(last)}"


def _state(fate: Fate) -> str:
    if fate.step == "train" and fate.state == "not read":
        return "left out, it was trained on other data"
    told = {
        "not read": "left out, its round is not among those that are read",
        "not run": "not run yet",
        "held out": "held out, to measure the loss",
        "not known": "not known, it ran before it wrote what became of each record",
    }
    return told.get(fate.state, fate.state)


def _add_seed(root: Node, seed: Seed) -> None:
    node = root.add(f"seed {seed.record.id}", HEAD)
    origin = node.add(f"source {seed.source}, md5 {seed.md5 or 'unknown'}")
    if seed.recorded_md5 not in (None, seed.md5):
        origin.add(f"dvc.lock recorded md5 {seed.recorded_md5}: the file has changed since", BAD)
    if seed.place:
        origin.add(f"row {seed.place}")
    else:
        origin.add(seed.note or "no row of the file has this text now", BAD)
    reason = getattr(seed.record, "reason", None)
    if reason:
        node.add(f"rejected: {reason} {getattr(seed.record, 'detail', '')}".rstrip(), BAD)
    node.add("instruction").add(seed.record.instruction)
    node.add("response").add(seed.record.response)


def _add_attempt(root: Node, attempt: Attempt, commit: Commit | None, shown: set[str]) -> None:
    outcome = f"rejected, {attempt.reason} {attempt.detail}".rstrip() if attempt.reason else "accepted"
    node = root.add(f"round {attempt.round}: {outcome}, {attempt.id}", BAD if attempt.reason else HEAD)
    node.add(f"step evolve_r{attempt.round}, {_committed(commit)}", FAINT)
    node.add(f"heuristic {attempt.heuristic}: {attempt.heuristic_text or 'its text is not known'}")
    node.add(f"prompt_version {attempt.prompt_version or 'unknown'}")
    if attempt.note:
        node.add(attempt.note, BAD)
    for request in attempt.requests:
        _add_request(node, request, shown)
    told = {(request.answer or "").strip() for request in attempt.requests}
    for name, text in (("instruction", attempt.instruction), ("response", attempt.response)):
        if text and text not in told:
            node.add(name).add(text)


def _add_request(above: Node, request: Request, shown: set[str]) -> None:
    body = request.body
    sampling = ", ".join(f"{key} {body[key]}" for key in ("temperature", "top_p", "max_tokens", "seed"))
    node = above.add(f"{request.role}: {body['model']} at {request.endpoint}, {sampling}")
    *worked, question = body["messages"]
    if worked and json.dumps(worked) in shown:
        node.add(f"{len(worked)} messages, as above", FAINT)
    for message in [question] if json.dumps(worked) in shown else body["messages"]:
        node.add(f"{message['role']} says", FAINT).add(message["content"])
    shown.add(json.dumps(worked))
    if request.stored:
        told = f"answer {request.key[:HASH]} of the store, finish reason {request.finish_reason}"
        node.add(told, FAINT).add(request.answer or "(empty)")
    else:
        missing = node.add(f"answer {request.key[:HASH]} is not in the store")
        if request.answer:
            missing.add(f"from the record:\n{request.answer}")


def _add_remote(root: Node, remote: Remote) -> None:
    if remote.name is None:
        root.add("no remote is configured: nothing of it is pushed (dvc remote add -d NAME URL)", BAD)
    elif remote.error:
        root.add(f"remote {remote.name} ({remote.url}) cannot be asked: {remote.error}", BAD)
    else:
        lacks = [f"{path} ({why})" for path, why in sorted(remote.lacks.items())]
        told = f"lacks {', '.join(lacks)}" if lacks else "has all of it"
        node = root.add(f"remote {remote.name} ({remote.url}) {told}", BAD if lacks else GOOD)
        if not remote.verifies:
            node.add(f"a damaged download would pass unseen: dvc remote modify {remote.name} verify true", FAINT)


def _add_link(above: Node, link: Link, links: Mapping[str, Link], drawn: set[str]) -> None:
    if link.name in drawn:
        above.add(f"step {link.name}, as above", FAINT)
        return
    drawn.add(link.name)
    node = above.add(f"step {link.name}: {link.cmd}", HEAD)
    node.add(_committed(link.commit), "" if link.commit else BAD)
    for finding in link.stale:
        node.add(f"stale: {finding.subject} {finding.state}", BAD)
    for out in link.outs:
        node.add(f"wrote {_file(out)}")
    if link.params:
        node.add("params").add("\n".join(f"{key}: {_short(value)}" for key, value in sorted(link.params.items())))
    if link.code:
        node.add("code").add("\n".join(_file(read.file) for read in link.code))
    for read in link.data:
        _add_read(node, read, links, drawn)


def _add_read(above: Node, read: Read, links: Mapping[str, Link], drawn: set[str]) -> None:
    node = above.add(f"read {_file(read.file)}")
    if read.maker is not None and read.maker in links:
        _add_link(node, links[read.maker], links, drawn)


def _committed(commit: Commit | None) -> str:
    if commit is None:
        return "its entry in dvc.lock is not committed"
    return f"entry of dvc.lock last changed by {commit.id[:HASH]} of {commit.date}, {commit.title}"


def _file(file: File) -> str:
    return f"{file.path} {file.md5[:HASH]}{'.dir' if file.md5.endswith('.dir') else ''}, {file.size:,} bytes"


def _short(value: Any) -> str:  # noqa: ANN401 - any value of params.yaml
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LINE else f"{text[:LINE]}…"
