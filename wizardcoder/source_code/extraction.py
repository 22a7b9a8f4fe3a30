"""Extract the program in a teacher's answer, and its language.

In: a response and its instruction. Out: the code that a reader would run, or None. Fenced blocks of the main language
are joined in order, like the cells of a notebook; the main language is the one with the most text. An answer without
fences is code, except for the prose around it. Does not cover: code within sentences.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from dataclasses import dataclass

from wizardcoder.source_code.fences import parse_fences
from wizardcoder.source_code.languages import detect_language, parse_tag

_NOT_CODE = {"text", "txt", "plaintext", "output", "markdown", "md", "diff", "csv", "log", "none", "math"}
_PROMPT = re.compile(r"^(?:>>>|\.\.\.)(?: |$)(.*)$", re.MULTILINE)
_SHOWN_OUTPUT = re.compile(
    r"^\W*(?:(?:sample|expected|example|the)\s+)?(?:output|result|input)s?\b[^=(]*$", re.IGNORECASE
)
_WORD = re.compile(r"[\"'(*`]*[A-Za-z][A-Za-z'-]*[\"')*`]*[.,:;!?]?$|\d+[.,:)]?$|[-*]$")
_ANNOUNCES = re.compile(r"(?!(?:Try|Else|Finally)\b)[A-Z][\w ,']*:\s*$")  # "For example:"
_COMMENT = re.compile(r"\"{3}|'{3}|/\*")  # the sentences of a docstring belong to the code
_LIST_ITEM = re.compile(r"\s*(?:\d+[.)]|[-*])\s")
_PROSE_LEAST_WORDS, _PROSE_LEAST_SHARE = 4, 0.75  # ours, by reading answers: plain words among all words


@dataclass(frozen=True, slots=True)
class Code:
    """Code and its language, a lower-case name."""

    text: str
    language: str


def extract_program(response: str, instruction: str, wanted: str | None = None) -> Code | None:
    """Return the program in an answer, None if there is none; with `wanted` only in that language."""
    blocks = parse_fences(response)
    if not blocks:
        text = _without_prose(response)
        language = detect_language(text, instruction)
        return Code(_unprompted(text, language), language) if language and wanted in (None, language) else None
    return _most([(block.tag, textwrap.dedent(block.text)) for block in blocks], instruction, wanted)


def extract_program_parts(response: str, instruction: str, wanted: str | None = None) -> list[Code]:
    """Return the blocks that `extract_program` joins."""
    whole = extract_program(response, instruction, wanted)
    blocks = [textwrap.dedent(block.text) for block in parse_fences(response)]
    if whole is None or not blocks:
        return [] if whole is None else [whole]
    return [Code(_unprompted(text, whole.language), whole.language) for text in blocks if text.strip()]


def _most(blocks: list[tuple[str, str]], instruction: str, wanted: str | None) -> Code | None:
    """Join the blocks of the main language; untagged blocks count only if no block has a tag."""
    if any(parse_tag(tag) for tag, _ in blocks):
        known = [(parse_tag(tag), text) for tag, text in blocks]
    else:
        known = [(detect_language(t, instruction), t) for tag, t in blocks if tag.lower() not in _NOT_CODE]
    by_language: dict[str, list[str]] = defaultdict(list)
    for language, text in known:
        if language is not None and wanted in (None, language) and text.strip():
            by_language[language].append(text)
    if not by_language:
        return None
    language = max(by_language, key=lambda name: sum(map(len, by_language[name])))
    return Code(_unprompted("\n".join(by_language[language]), language), language)


def _unprompted(text: str, language: str | None) -> str:
    """Return the input lines of a Python console transcript; any other text is unchanged."""
    if language != "python" or not text.lstrip().startswith(">>> "):
        return text
    return "\n".join(_PROMPT.findall(text))


def _without_prose(text: str) -> str:
    """Remove paragraphs of prose, lines of prose at both ends, and example output at the end."""
    paragraphs = re.split(r"\n[ \t]*\n", text.strip("\n"))
    shown = next((n for n, p in enumerate(paragraphs) if n and _SHOWN_OUTPUT.match(p.split("\n")[0])), None)
    lines = "\n\n".join(p for p in paragraphs[:shown] if not _is_prose(p)).split("\n")
    while lines and _is_prose(lines[0]):
        del lines[0]
    while lines and _is_prose(lines[-1]):
        del lines[-1]
    return textwrap.dedent("\n".join(lines))


def _is_prose(paragraph: str) -> bool:
    """Return whether a paragraph is a sentence or a list of sentences, and not code with few words and many marks."""
    lines = [line for line in paragraph.split("\n") if line.strip()]
    if not lines or _SHOWN_OUTPUT.match(lines[0]):
        return True
    if len(lines) == 1 and _ANNOUNCES.match(lines[0]):
        return True
    parts = paragraph.split()
    if len(parts) < _PROSE_LEAST_WORDS or _COMMENT.search(paragraph):
        return False
    begins = re.match(r"[A-Z\d\"'*-]", lines[0]) is not None and lines[-1].rstrip()[-1] in ".:!?,"
    if not begins and not all(map(_LIST_ITEM.match, lines)):
        return False
    return sum(_WORD.match(part) is not None for part in parts) >= _PROSE_LEAST_SHARE * len(parts)
