"""N-grams of words and code, and an index of the texts that contain them.

In: texts. Out: n-grams, and shares from 0 to 1 of a text's n-grams that another text contains. An n-gram is a sentence,
n words, or n code tokens with names normalised. Only copies are found: a task in other words, or code in other steps or
another language, shares no n-grams.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from wizardcoder.text.words import split_words

Ngram = tuple[str, ...]

_SENTENCE_END = re.compile(r"[.?!:;](?:\s|$)")
_STRING_OR_COMMENT = re.compile(
    r'"""(?s:.*?)"""|\'\'\'(?s:.*?)\'\'\'|#[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
)
_CODE = re.compile(
    r"(?P<text>\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|#[^\n]*)"
    r'|(?P<string>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')'
    r"|(?P<attribute>\.\s*[^\W\d]\w*)|(?P<name>[^\W\d]\w*)|(?P<sign>\d[\w.]*|[-+*/%<>=!&|^~@]+)"
)
_NAME = re.compile(r"[^\W\d]\w*")
_ASSIGNED = re.compile(r"(?<![.\w])([^\W\d]\w*)\s*=(?!=)|\bfor\s+([^:\n]*?)\s+in\b|\b(?:def|lambda)\b([^):]*)")
_KEYWORDS, _BUILTINS = frozenset(keyword.kwlist), frozenset(dir(builtins))


class NgramIndex:
    """The n-grams of some texts, to find which of these texts another text contains."""

    def __init__(self, ngrams: Sequence[set[Ngram]], min_ngrams: int) -> None:
        """Index each text's n-grams; texts with fewer than `min_ngrams` are never found, since few match by chance."""
        self._sizes = [sum(map(len, found)) if len(found) >= min_ngrams else 0 for found in ngrams]
        self._texts: dict[Ngram, list[int]] = defaultdict(list)
        for number, found in enumerate(ngrams):
            for ngram in found if self._sizes[number] else ():
                self._texts[ngram].append(number)

    def compute_shares(self, ngrams: Iterable[Ngram]) -> dict[int, float]:
        """Return by text number the share of its n-grams that are among `ngrams`; texts with none are left out.

        An n-gram's weight is its length: "You are given a list." is a small part of a task.
        """
        found: Counter[int] = Counter()
        for ngram in ngrams:
            for number in self._texts.get(ngram, ()):
                found[number] += len(ngram)
        return {number: size / self._sizes[number] for number, size in found.items()}


def extract_sentences(text: str, min_words: int) -> set[Ngram]:
    """Return a text's sentences as lower-case words, with a line break read both as a sentence end and as a space."""
    found = set()
    for part in (*_SENTENCE_END.split(text), *_SENTENCE_END.split(text.replace("\n", ". "))):
        words = tuple(split_words(part.lower()))
        if len(words) >= min_words:
            found.add(words)
    return found


def extract_word_ngrams(text: str, n: int) -> set[Ngram]:
    """Return the n-grams of a text's lower-case words; none if it has fewer than n."""
    return set(_ngrams(split_words(text.lower()), n))


def extract_code_ngrams(code: str, n: int, *, keep_names: bool = False) -> set[Ngram]:
    """Return the n-grams of Python tokens; in each, a name is replaced by the position of its first occurrence.

    So `total = total + x` and `t = t + y` have the same n-grams. Keywords, attributes, numbers, strings and builtins
    that the code does not assign are kept. Layout, comments, docstrings, brackets and commas are ignored. With
    `keep_names` all names are kept.
    """
    ngrams = _ngrams(_tokenize(code), n)
    return set(ngrams) if keep_names else {_normalise_names(ngram) for ngram in ngrams}


def _normalise_names(ngram: Ngram) -> Ngram:
    return tuple(str(ngram.index(token)) if token[0] == "@" else token for token in ngram)


def _ngrams(tokens: list[str], n: int) -> Iterator[Ngram]:
    return zip(*(tokens[start:] for start in range(n)), strict=False)


def _tokenize(code: str) -> list[str]:
    """Split Python code into tokens, with an @ before each name that is neither a keyword nor an unassigned builtin."""
    bare = _STRING_OR_COMMENT.sub(" ", code)
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
