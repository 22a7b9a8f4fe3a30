"""The code in a model's answer, by WizardCoder's rule.

In: an answer in Markdown. Out: the code to run. Source: WizardCoder's repository, evaluation scripts of HumanEval.
"""

from __future__ import annotations

FENCES = ("```python", "```")
CUTS = ('if __name__ == "__main__":', "if __name__ == '__main__':", "# Example usage")


def extract_code(answer: str) -> str:
    """Take the first fenced block (an unclosed one to its end), cut at the main guard and at example usage.

    An answer without a fence is taken as code as it stands.
    """
    code = answer
    for fence in FENCES:
        if fence in answer:
            code = answer.split(fence, 1)[1].split("```", 1)[0]
            break
    for cut in CUTS:
        code = code.split(cut, 1)[0]
    return code.strip("\n")
