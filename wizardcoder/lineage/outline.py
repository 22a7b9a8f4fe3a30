"""A tree of lines for a person: drawn by rich in a terminal, indented plain text in a pipe.

In: nodes, each a text with nodes below it. Out: text on the standard output, nothing cut or wrapped in a pipe.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text
from rich.tree import Tree


@dataclass(slots=True)
class Node:
    """A text, of one or more lines, and what stands below it; a style is one of rich's."""

    text: str
    below: list[Node] = field(default_factory=list)
    style: str = ""

    def add(self, text: str, style: str = "") -> Node:
        """Put a node below this one and give it."""
        self.below.append(Node(text, style=style))
        return self.below[-1]


def show(root: Node) -> None:
    """Print a tree on the standard output."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_drawn(root))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _plain(root, 0)))


def _drawn(node: Node, above: Tree | None = None) -> Tree:
    label = Text(node.text, style=node.style)
    tree = Tree(label, guide_style="dim") if above is None else above.add(label)
    for child in node.below:
        _drawn(child, tree)
    return tree


def _plain(node: Node, depth: int) -> list[str]:
    indent = "  " * depth
    own = [f"{indent}{line}".rstrip() for line in node.text.split("\n")]
    return own + [line for child in node.below for line in _plain(child, depth + 1)]
