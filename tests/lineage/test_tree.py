"""Trees of text, in a terminal and in a pipe."""

from __future__ import annotations

import io

from rich.console import Console

from wizardcoder.lineage.tree import TextTree, draw, plain_lines


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
