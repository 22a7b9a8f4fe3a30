"""docs/parameters.md is what params.yaml's comments say."""

from __future__ import annotations

from pathlib import Path

from wizardcoder.core.params import read_yaml
from wizardcoder.core.params_file import leaves
from wizardcoder.core.params_reference import render_reference

ROOT = Path(__file__).resolve().parents[2]

PARAMS = """\
# Settings of the run.
run:
  seed: 42                    # ours; a | b
  # first line,
  # second line
  names: [a, b]
  text: |-
    key: not a key
  few:
    - method: x
      instruction: y
  part:                       # a mapping
    url: http://a#b
"""


def test_each_key_has_its_value_and_the_comments_beside_and_above_it():
    table = render_reference(PARAMS).split("## run")[1].strip().splitlines()
    assert table == [
        "Settings of the run.",
        "",
        "| key | default | meaning |",
        "|---|---|---|",
        "| `run.seed` | `42` | ours; a \\| b |",
        "| `run.names` | `[a, b]` | first line, second line |",
        "| `run.text` | (text) |  |",
        "| `run.part` |  | a mapping |",
        "| `run.part.url` | `http://a#b` |  |",
    ]


def test_the_committed_reference_is_up_to_date():
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert (ROOT / "docs/parameters.md").read_text(encoding="utf-8") == render_reference(params), (
        "run `python -m wizardcoder.core.params_reference`"
    )


def test_every_key_of_params_yaml_is_in_the_reference():
    document = (ROOT / "docs/parameters.md").read_text(encoding="utf-8")
    free = ("evolve.few_shot", "evolve.elimination.copied_phrases")
    keys = {".".join(path) for path, _ in leaves(read_yaml(ROOT / "params.yaml"))}
    assert [key for key in sorted(keys) if not key.startswith(free) and f"| `{key}` |" not in document] == []
