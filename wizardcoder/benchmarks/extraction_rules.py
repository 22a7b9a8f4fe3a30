"""The code in a model's answer, by a rule that is named beside every score.

In: an answer in Markdown. Out: the code to run. The rule moves scores by many points, so it is a setting. `wizardcoder`
is that of WizardCoder's repository (evaluation scripts of HumanEval); the others are what people use elsewhere.
"""

from __future__ import annotations

import re
from typing import Literal

Rule = Literal["wizardcoder", "first_fence", "last_fence", "longest_fence", "none"]
CUTS = ('if __name__ == "__main__":', "if __name__ == '__main__':", "# Example usage")
_LABELS = {
    "python": ("python", "py", "python3"),
    "js": ("javascript", "js", "typescript"),
    "cpp": ("cpp", "c++"),
    "jl": ("julia", "jl"),
    "rs": ("rust", "rs"),
}
_LABELLED = re.compile(r"```([\w+#-]*)[^\n`]*\n?(.*?)(?:```|\Z)", flags=re.DOTALL)
_FENCED = re.compile(r"```[^\n`]*\n(.*?)(?:\n?```|\Z)", flags=re.DOTALL)


def extract_code(answer: str, rule: Rule = "wizardcoder", language: str = "python") -> str:
    """Take the code out of an answer; an answer without a fence is code as it stands.

    `wizardcoder`: the first block fenced with the language's name, else the first fenced block, an unclosed one to its
    end; for Python cut at the main guard and at example usage. `first_fence`, `last_fence`, `longest_fence`: that block
    whatever its label, uncut. `none`: the answer as it stands.
    """
    if rule == "none":
        return answer
    if rule == "wizardcoder":
        code = _first_labelled(answer, _LABELS.get(language, (language,)))
        for cut in CUTS if language == "python" else ():
            code = code.split(cut, 1)[0]
        return code.strip("\n")
    blocks = _FENCED.findall(answer)
    if not blocks:
        return answer.strip("\n")
    chosen = {"first_fence": blocks[0], "last_fence": blocks[-1], "longest_fence": max(blocks, key=len)}[rule]
    return str(chosen).strip("\n")


def continuation(prefix: str, code: str, tests_close: bool) -> str:
    """Give what of `code` follows the prefix, for languages where a function may not be defined twice.

    Where the code repeats the prefix's last line, the signature, what follows it is taken; what stands before it in the
    code, such as helpers, is lost, since the prefix already stands there. With `tests_close` the tests begin with the
    function's closing brace, so the code ends before its own.
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
    """Give the place of the brace that closes the block in which `body` begins; its end where there is none."""
    depth = 1
    for match in _BRACES.finditer(body):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return match.start()
    return len(body)


def _first_labelled(answer: str, labels: tuple[str, ...]) -> str:
    # the repository's own rule knows "```python" alone; with "```py" the label would stand in the code
    blocks = _LABELLED.findall(answer)
    for label, code in blocks:
        if label.lower() in labels:
            return str(code)
    return str(blocks[0][1]) if blocks else answer
