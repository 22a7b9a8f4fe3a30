"""docs/parameters.md, generated from params.yaml and its comments, and the comments of profiles/default.yaml.

In: the text of params.yaml. Out: Markdown, a table per section with each key, its value and its comment. Write both
files with `python -m wizardcoder.core.params_reference`; tests compare them with params.yaml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.core.profiles import DEFAULT, PROFILES, repeat_comments

DOCUMENT = Path("docs/parameters.md")
_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z_]\w*):(?: +(?P<rest>.*))?$")
_HEAD = """# Parameters

Every key of [params.yaml](../params.yaml), with the value of the embedded default. Generated from the comments of that
file by `python -m wizardcoder.core.params_reference`. Sources: "paper" is arXiv 2306.08568, "WizardLM" arXiv
2304.12244, "reviews" the paper's reviews, "ours" a choice of this project. Section `runtime` cannot change an output,
so an edit there reruns nothing.
"""


@dataclass(slots=True)
class _Entry:
    """A key with its value as one line and its comment."""

    name: str
    value: str
    comment: str


@dataclass(slots=True)
class _Section:
    """A top-level section."""

    name: str
    comment: str
    entries: list[_Entry] = field(default_factory=list)


def render_reference(params: str) -> str:
    """Return docs/parameters.md for this text of params.yaml."""
    parts = [_HEAD]
    for section in _read_sections(params):
        lines = [f"## {section.name}", ""]
        lines += [section.comment, ""] if section.comment else []
        lines += ["| key | default | meaning |", "|---|---|---|"]
        lines += [_row(entry) for entry in section.entries]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Write both files."""
    params = PARAMS_FILE.read_text(encoding="utf-8")
    DOCUMENT.write_text(render_reference(params), encoding="utf-8")
    (PROFILES / f"{DEFAULT}.yaml").write_text(repeat_comments(params), encoding="utf-8")


def _read_sections(params: str) -> list[_Section]:
    sections: list[_Section] = []
    above: list[str] = []  # comment lines directly above the next key
    parents: list[tuple[int, str]] = []  # (indent, key) of the mappings that hold the line
    skipped_indent: int | None = None  # inside a text block or a list: lines from this indent on
    for line in params.splitlines():
        indent = len(line) - len(line.lstrip())
        if skipped_indent is not None and (not line.strip() or indent >= skipped_indent):
            continue
        skipped_indent = indent if line.lstrip().startswith("- ") else None
        if line.lstrip().startswith("#"):
            above.append(line.strip().removeprefix("#").strip())
            continue
        match = _KEY.match(line)
        if match is None:
            above = []
            continue
        value, trailing = _split_comment(match["rest"] or "")
        comment = ". ".join(filter(None, (trailing, " ".join(above))))
        above = []
        parents = [parent for parent in parents if parent[0] < indent]
        if indent == 0:
            sections.append(_Section(match["key"], comment))
        else:
            name = ".".join([*(key for _, key in parents), match["key"]])
            if value or comment:
                sections[-1].entries.append(_Entry(name, _shorten(value), comment))
        if value.startswith(("|", ">")):
            skipped_indent = indent + 1
        elif not value:
            parents.append((indent, match["key"]))
    return sections


def _split_comment(rest: str) -> tuple[str, str]:
    value, separator, comment = rest.partition("#")
    if separator and value and not value.endswith(" "):  # a `#` inside a value
        return rest.strip(), ""
    return value.strip(), comment.strip()


def _row(entry: _Entry) -> str:
    comment = entry.comment.replace("|", "\\|")
    return f"| `{entry.name}` | {_code(entry.value)} | {comment} |"


def _shorten(value: str) -> str:
    return "(text)" if value.startswith(("|", ">")) else value


def _code(value: str) -> str:
    return f"`{value}`" if value and value != "(text)" else value


if __name__ == "__main__":
    main()
