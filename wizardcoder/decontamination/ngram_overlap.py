"""Which texts hold another word by word, or its code under other names: the share of its pieces that they hold too.

In: texts. Out: shares from 0 to 1. Pieces are sentences, runs of words, or runs of code tokens, names aside. Only
copies are found so: a task in other words, or code in other steps or another language, shares no pieces.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

Piece = tuple[str, ...]

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"[.?!:;](?:\s|$)")
_UNSAID = re.compile(r'"""(?s:.*?)"""|\'\'\'(?s:.*?)\'\'\'|#[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')
_CODE = re.compile(
    r"(?P<text>\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|#[^\n]*)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
    r"|(?P<attribute>\.\s*[^\W\d]\w*)|(?P<name>[^\W\d]\w*)|(?P<sign>\d[\w.]*|[-+*/%<>=!&|^~@]+)"
)
_NAME = re.compile(r"[^\W\d]\w*")
_ASSIGNED = re.compile(r"(?<![.\w])([^\W\d]\w*)\s*=(?!=)|\bfor\s+([^:\n]*?)\s+in\b|\b(?:def|lambda)\b([^):]*)")
_KEYWORDS, _BUILTINS = frozenset(keyword.kwlist), frozenset(dir(builtins))


def sentences(text: str, min_words: int) -> set[Piece]:
    """Give a text's sentences as words in lower case; a line's end may end one, or not."""
    found = set()
    for part in (*_SENTENCE_END.split(text), *_SENTENCE_END.split(text.replace("\n", ". "))):
        words = tuple(_WORD.findall(part.lower()))
        if len(words) >= min_words:
            found.add(words)
    return found


def word_runs(text: str, n: int) -> set[Piece]:
    """Give the runs of n words of a text, in lower case; none where it has fewer."""
    return set(_runs(_WORD.findall(text.lower()), n))


def code_runs(code: str, n: int, *, names: bool = False) -> set[Piece]:
    """Give the runs of n tokens of Python code; in each a name is replaced by the place where it first stands.

    So `total = total + x` and `t = t + y` give the same runs. Keywords, attributes, numbers, strings and builtins that
    the code does not assign stay what they are; layout, comments, docstrings, brackets and commas do not count. With
    `names` all names stay.
    """
    runs = _runs(_tokens(code), n)
    return set(runs) if names else {_unnamed(run) for run in runs}


def _unnamed(run: Piece) -> Piece:
    return tuple(str(run.index(token)) if token[0] == "@" else token for token in run)


def _runs(tokens: list[str], n: int) -> Iterator[Piece]:
    return zip(*(tokens[start:] for start in range(n)), strict=False)


def _tokens(code: str) -> list[str]:
    """Split Python code; a name of its own gets an @ before it."""
    bare = _UNSAID.sub(" ", code)
    assigned = {name for found in _ASSIGNED.findall(bare) for part in found for name in _NAME.findall(part)}
    fixed = _KEYWORDS | (_BUILTINS - assigned)
    tokens = []
    for match in _CODE.finditer(code):
        kind, text = match.lastgroup, match[0]
        if kind == "name":
            tokens.append(text if text in fixed else f"@{text}")
        elif kind == "string":
            tokens.append(f'"{text[1:-1]}')
        elif kind != "text":
            tokens.append("".join(text.split()))
    return tokens


class Index:
    """The pieces of some texts, for finding out which of the texts another one holds."""

    def __init__(self, pieces: Sequence[set[Piece]], min_pieces: int) -> None:
        """Take each text's pieces; one with fewer than `min_pieces` is found nowhere: so little is shared by chance."""
        self._sizes = [sum(map(len, found)) if len(found) >= min_pieces else 0 for found in pieces]
        self._texts: dict[Piece, list[int]] = defaultdict(list)
        for number, found in enumerate(pieces):
            for piece in found if self._sizes[number] else ():
                self._texts[piece].append(number)

    def shares(self, pieces: Iterable[Piece]) -> dict[int, float]:
        """Give the share of each text's pieces that stand among these, where there is any, by the text's number.

        Pieces count by their length: "You are given a list." alone is little of a task.
        """
        found: Counter[int] = Counter()
        for piece in pieces:
            for number in self._texts.get(piece, ()):
                found[number] += len(piece)
        return {number: size / self._sizes[number] for number, size in found.items()}
