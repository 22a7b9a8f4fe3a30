"""Profiles: every one fits params.yaml, is undone by `default`, and means the same to DVC."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from wizardcoder.cli import profile
from wizardcoder.core.console import StageError
from wizardcoder.core.params import read_yaml
from wizardcoder.core.params_file import leaves

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))
OTHERS = [name for name in NAMES if name != "default"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with params.yaml and the profiles, and work there."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *args: str) -> None:
    monkeypatch.setattr("sys.argv", ["profile", *args])
    profile.main()


def flat(path: str) -> dict[tuple[str, ...], object]:
    return dict(leaves(read_yaml(Path(path))))


def plain(text: str) -> object:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_profile_stands_in_params_yaml(name):
    assert flat(f"profiles/{name}.yaml").keys() <= flat("params.yaml").keys()


def test_default_holds_the_committed_values():
    committed = flat("params.yaml")
    assert {key: committed[key] for key in flat("profiles/default.yaml")} == flat("profiles/default.yaml")


@pytest.mark.parametrize("name", OTHERS)
def test_default_covers_every_key_that_a_profile_sets(name):
    assert flat(f"profiles/{name}.yaml").keys() <= flat("profiles/default.yaml").keys()


@pytest.mark.parametrize("name", OTHERS)
def test_a_full_profile_does_not_leave_copies_of_a_test_sample_to_the_word_of_a_teacher(name):
    assert flat(f"profiles/{name}.yaml")["decontaminate", "judge"] == "both"


@pytest.mark.parametrize("name", OTHERS)
def test_a_profile_writes_its_values_and_no_others(name, monkeypatch):
    before = flat("params.yaml")
    run(monkeypatch, name)
    assert flat("params.yaml") == before | flat(f"profiles/{name}.yaml")


@pytest.mark.parametrize("earlier", NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_a_profile_gives_the_same_file_and_arguments_after_any_other(name, earlier, monkeypatch, capsys):
    run(monkeypatch, name)
    run(monkeypatch, name, "--args")
    alone = Path("params.yaml").read_bytes(), capsys.readouterr().out
    run(monkeypatch, earlier)
    run(monkeypatch, name)
    run(monkeypatch, name, "--args")
    assert (Path("params.yaml").read_bytes(), capsys.readouterr().out) == alone


@pytest.mark.parametrize("name", NAMES)
def test_the_arguments_undo_an_earlier_profile_too(name, project, monkeypatch):
    run(monkeypatch, name)
    wanted = plain(Path("params.yaml").read_text())
    run(monkeypatch, "starcoder_15b" if name == "qwen_1b" else "qwen_1b")
    apply_overrides(project / "params.yaml", profile.overrides(profile.read_profile(name)))
    assert plain(Path("params.yaml").read_text()) == wanted


def test_a_hand_edit_stays_where_no_profile_sets_the_key(monkeypatch):
    edited = Path("params.yaml").read_text().replace("top_k: 5 ", "top_k: 7 ").replace("lr: 5.0e-5", "lr: 9.0e-5")
    Path("params.yaml").write_text(edited)
    run(monkeypatch, "qwen_1b")
    found = flat("params.yaml")
    assert found["decontaminate", "top_k"] == 7
    assert found["train", "lr"] == 2.0e-5


@pytest.mark.parametrize("name", OTHERS)
def test_default_undoes_a_profile_to_the_byte(name, monkeypatch):
    before = Path("params.yaml").read_bytes()
    run(monkeypatch, name)
    run(monkeypatch, "default")
    assert Path("params.yaml").read_bytes() == before


def test_default_on_a_fresh_params_yaml_changes_no_byte(monkeypatch):
    before = Path("params.yaml").read_bytes()
    run(monkeypatch, "default")
    assert Path("params.yaml").read_bytes() == before


@pytest.mark.parametrize("name", OTHERS)
def test_comments_of_params_yaml_survive_a_profile(name, monkeypatch):
    before = comments(Path("params.yaml").read_text())
    run(monkeypatch, name)
    assert comments(Path("params.yaml").read_text()) == before


def comments(text: str) -> list[str]:
    return [line[line.index("#") :] for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize("name", NAMES)
def test_dvc_reads_the_printed_arguments_as_the_same_values(name, project):
    values = profile.read_profile(name)
    wanted = plain(profile.applied(Path("params.yaml").read_text(), values))
    apply_overrides(project / "params.yaml", profile.overrides(values))
    assert plain(Path("params.yaml").read_text()) == wanted


def test_arguments_are_printed_for_a_shell_and_nothing_is_written(monkeypatch, capsys):
    before = Path("params.yaml").read_bytes()
    run(monkeypatch, "qwen_1b", "--args")
    assert "-S 'base.source='\"'\"'Qwen/Qwen2.5-Coder-1.5B'\"'\"'' " in capsys.readouterr().out
    assert Path("params.yaml").read_bytes() == before


def test_a_key_that_params_yaml_lacks_is_refused_by_name():
    with pytest.raises(StageError, match=r"^profile: train\.speed: params\.yaml has no such key$"):
        profile.applied("train:\n  lr: 1.0\n", {"train": {"speed": 2}})


def test_an_unknown_profile_is_refused_in_one_line_that_names_the_known(project):
    done = subprocess.run(
        [sys.executable, "-m", "wizardcoder.cli.profile", "gpt5"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("error: profile: found 'gpt5', accepted: codellama_34b, default, qwen_1b, starcoder_15b\n")
