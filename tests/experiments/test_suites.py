"""ablations.yaml is read strictly, and the suites that are shipped fit params.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.params import read_yaml
from wizardcoder.core.params_file import applied, nested
from wizardcoder.experiments.suites import read_suites, refuse_placeholders, suite_experiments

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = read_suites(ROOT / "ablations.yaml")
GOOD = """
rounds:
  description: how many rounds help
  baseline: "0"
  common: {train.max_steps: 5}
  entries:
    "0": {merge.rounds: [0]}
    0-1: {merge.rounds: [0, 1], train.max_steps: 9}
"""


def read(tmp_path: Path, text: str):
    path = tmp_path / "ablations.yaml"
    path.write_text(text)
    return read_suites(path)


def test_an_entrys_values_go_over_the_common_ones(tmp_path):
    first, second = suite_experiments("rounds", read(tmp_path, GOOD)["rounds"])
    assert (first.name, first.arguments()) == ("rounds-0", ["train.max_steps=5", "merge.rounds=[0]"])
    assert (second.name, second.arguments()) == ("rounds-0-1", ["train.max_steps=9", "merge.rounds=[0,1]"])


def test_the_command_makes_an_experiment_in_a_folder_of_its_own(tmp_path):
    first, _ = suite_experiments("rounds", read(tmp_path, GOOD)["rounds"])
    assert first.command() == [
        *("dvc", "exp", "run", "--temp", "--allow-missing", "-n", "rounds-0"),
        *("-S", "train.max_steps=5", "-S", "merge.rounds=[0]", "summary"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('baseline: "0"', "baseline: r0", "rounds.baseline: found 'r0', accepted: 0, 0-1"),
        ('  baseline: "0"\n', "", "rounds.baseline: missing"),
        ("common:", "comon:", "rounds.comon: unknown key"),
        ("0-1:", "0/1:", "rounds: found '0/1', accepted: a name of letters, digits, _ and -"),
        ("rounds: [0, 1], train.max_steps: 9", "rounds: [0]", "rounds.entries: 0-1 and 0 have the same values"),
    ],
    ids=["baseline", "missing", "unknown", "name", "twins"],
)
def test_a_mistake_is_refused_by_its_place(tmp_path, old, new, line):
    assert old in GOOD
    with pytest.raises(StageError) as caught:
        read(tmp_path, GOOD.replace(old, new))
    assert str(caught.value).startswith(f"{tmp_path}/ablations.yaml: {line}")


def test_a_missing_file_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"ablations\.yaml: no such file$"):
        read_suites(tmp_path / "ablations.yaml")


def test_a_placeholder_is_refused_with_its_place_and_the_number_of_others():
    with pytest.raises(StageError) as caught:
        refuse_placeholders(suite_experiments("teachers", SHIPPED["teachers"]))
    assert str(caught.value) == (
        "ablations.yaml: teachers-starcoder-gpt-4: teacher.base_url: found <URL of an OpenAI-compatible endpoint of "
        "the GPT models>, a placeholder to fill in, as in 11 more places"
    )


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "teachers"])
def test_the_other_suites_have_no_placeholder(name):
    refuse_placeholders(suite_experiments(name, SHIPPED[name]))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_of_a_shipped_suite_has_its_key_in_params_yaml(name):
    text = (ROOT / "params.yaml").read_text()
    for experiment in suite_experiments(name, SHIPPED[name]):
        applied(text, nested(experiment.values))


def test_the_heuristics_suite_leaves_out_each_heuristic_once():
    every = set(read_yaml(ROOT / "params.yaml")["evolve"]["heuristics"])
    entries = SHIPPED["heuristics"].entries
    assert entries.pop("all") == {"merge.without": []}
    assert entries == {f"no-{name}": {"merge.without": [name]} for name in every}
