"""Trees of text, in a terminal and in a pipe."""

from __future__ import annotations

import io

from rich.console import Console

from wizardcoder.lineage.outs import OutLineage, TracedStage
from wizardcoder.lineage.staleness import StaleReason
from wizardcoder.lineage.tree import TextTree, draw, lineage_tree, plain_lines


def test_a_terminal_gets_the_same_texts_as_a_drawn_tree():
    root = TextTree("above")
    root.add("below [bold]as it is[/bold]", "red")
    console = Console(width=60, force_terminal=True, record=True, file=io.StringIO())
    console.print(draw(root))
    assert console.export_text() == "above\n└── below [bold]as it is[/bold]\n"


def test_a_plain_tree_is_indented_and_never_cut():
    root = TextTree("a")
    root.add("b\nc").add("x" * 300)
    assert plain_lines(root) == ["a", "  b", "  c", "    " + "x" * 300]


def stale_lines(*subjects: str) -> list[str]:
    """Return the lines about what is stale in the tree of one stage."""
    reasons = [StaleReason("merge", subject, "changed") for subject in subjects]
    stage = TracedStage("merge", "python -m stages.merge", None, {}, [], [], [], reasons)
    lines = plain_lines(lineage_tree(OutLineage(["data/merged"], None, [stage], None)))
    return [line.strip() for line in lines if line.startswith("    stale: ")]


def test_many_changed_code_files_are_counted_and_other_changes_are_named():
    code = [f"wizardcoder/core/m{number}.py" for number in range(4)]
    assert stale_lines(*code, "data/rounds/r0") == ["stale: 4 code files changed", "stale: data/rounds/r0 changed"]


def test_a_few_changed_code_files_are_named():
    assert stale_lines("stages/merge.py", "data/rounds/r0") == [
        "stale: stages/merge.py changed",
        "stale: data/rounds/r0 changed",
    ]
