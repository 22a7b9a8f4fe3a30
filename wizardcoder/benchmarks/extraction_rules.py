"""Extract the code from a model's answer by one of several rules.

In: an answer in Markdown. Out: the code to run. The rule changes scores by many points, so it is a setting and is
reported with every score. `wizardcoder` is the rule of WizardCoder's repository (evaluation scripts of HumanEval); the
others are used elsewhere. Does not cover: code in training data (source_code/extraction.py).
"""

from __future__ import annotations

import re
from typing import Literal

from wizardcoder.source_code.fences import parse_inline_fences

ExtractionRule = Literal["wizardcoder", "first_fence", "last_fence", "longest_fence", "none"]
CUTS = ('if __name__ == "__main__":', "if __name__ == '__main__':", "# Example usage")
_LABELS = {
    "python": ("python", "py", "python3"),
    "js": ("javascript", "js", "typescript"),
    "cpp": ("cpp", "c++"),
    "jl": ("julia", "jl"),
    "rs": ("rust", "rs"),
}


def extract_code(answer: str, rule: ExtractionRule = "wizardcoder", language: str = "python") -> str:
    """Return the code in an answer; an answer without a fence is all code.

    `wizardcoder`: the first block fenced with the language's name, else the first fenced block; an unclosed block
    extends to the end. Python is cut at the main guard and at example usage. `first_fence`, `last_fence`,
    `longest_fence`: that block, whatever its label, uncut. `none`: the whole answer.
    """
    if rule == "none":
        return answer
    if rule == "wizardcoder":
        code = _first_labelled(answer, _LABELS.get(language, (language,)))
        for cut in CUTS if language == "python" else ():
            code = code.split(cut, 1)[0]
        return code.strip("\n")
    blocks = [block.text for block in parse_inline_fences(answer) if block.starts_line]
    if not blocks:
        return answer.strip("\n")
    chosen = {"first_fence": blocks[0], "last_fence": blocks[-1], "longest_fence": max(blocks, key=len)}[rule]
    return chosen.strip("\n")


def continuation(prefix: str, code: str, tests_close: bool) -> str:
    """Return the part of `code` that follows the prefix, for languages in which a function may not be defined twice.

    If the code repeats the prefix's last line, the signature, the part after it is returned; helpers before it are
    lost, because the prefix takes their place. With `tests_close` the tests begin with the function's closing brace, so
    the code ends before its own.
    """
    lines = prefix.rstrip().splitlines()
    signature = re.sub(r"\s+", "", lines[-1]) if lines else ""
    position = 0
    for line in code.splitlines(keepends=True) if signature else ():
        position += len(line)
        if re.sub(r"\s+", "", line) == signature:
            code = code[position:]
            break
    return code[: _closing_brace(code)] if tests_close else code


_BRACES = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\\\.|[^\'\\\\\n])\'|//[^\n]*|/\*.*?\*/|[{}]', flags=re.DOTALL)


def _closing_brace(body: str) -> int:
    """Return the index of the brace that closes the block in which `body` begins; its length if there is none."""
    depth = 1
    for match in _BRACES.finditer(body):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.start()
    return len(body)


def _first_labelled(answer: str, labels: tuple[str, ...]) -> str:
    # the repository's own rule knows only "```python"; the label of "```py" would become part of the code
    blocks = parse_inline_fences(answer)
    for block in blocks:
        if block.tag.lower() in labels:
            return block.text
    return blocks[0].text if blocks else answer
