"""Code fences of Markdown: the project's one parser, as two functions for two meanings.

- `parse_fences`: fences on lines of their own, of backticks or tildes, as Markdown defines them. For training data.
- `parse_inline_fences`: three backticks anywhere. Published evaluation rules read answers like this, so scores can be
  compared with theirs; also for removing code from prose.

In both an unclosed fence extends to the end of the text. Which block is the answer: extraction.py and
benchmarks/extraction_rules.py.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_FENCE = re.compile(
    r"^[ \t]*(?:(?P<fence>```+|~~~+))[ \t]*(?P<tag>[\w+#.-]*)[^\n]*\n(?P<text>.*?)(?:^[ \t]*(?P=fence)[ \t]*$|\Z)",
    flags=re.DOTALL | re.MULTILINE,
)
_INLINE_FENCE = re.compile(r"```(?P<tag>[\w+#-]*)[^\n`]*(?P<line_end>\n?)(?P<text>.*?)(?:```|\Z)", flags=re.DOTALL)


class FencedBlock(NamedTuple):
    """A fenced block.

    Attributes:
        tag: the word after the opening fence, which names a language; may be empty.
        text: what is between the fences.
        starts_line: whether the opening fence ends its line; always True of `parse_fences`.
    """

    tag: str
    text: str
    starts_line: bool = True


def parse_fences(text: str) -> list[FencedBlock]:
    r"""Return the blocks whose fences are on lines of their own.

    >>> parse_fences("Run:\n~~~python\nprint(1)\n~~~\n")
    [FencedBlock(tag='python', text='print(1)\n', starts_line=True)]
    """
    return [FencedBlock(match["tag"], match["text"]) for match in _FENCE.finditer(text)]


def parse_inline_fences(text: str) -> list[FencedBlock]:
    """Return the blocks between three backticks anywhere in the text.

    >>> parse_inline_fences("Run ```py print(1)``` now")
    [FencedBlock(tag='py', text='', starts_line=False)]
    """
    return [FencedBlock(match["tag"], match["text"], bool(match["line_end"])) for match in _INLINE_FENCE.finditer(text)]


def remove_fences(text: str) -> str:
    """Return a text with a line end in place of each block between three backticks."""
    return _INLINE_FENCE.sub("\n", text)
