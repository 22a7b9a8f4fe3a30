"""Profiles: every one fits params.yaml, is undone by `default`, and means the same to DVC."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import wizardcoder
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from wizardcoder.core.console import StageError
from wizardcoder.core.params import load, read_yaml
from wizardcoder.core.params_file import applied, leaves, line_comments, overrides
from wizardcoder.core.profiles import is_source, profile_overrides, read_comments, read_profile, repeat_comments
from wizardcoder.preflight.endpoints import endpoints_of
from wizardcoder.preflight.params import AllParams, contradictions
from wizardcoder.teacher.request import build_request
from wizardcoder.teacher.serving import server_command

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
def test_a_profile_writes_its_values_and_no_others(name):
    before = flat("params.yaml")
    wizardcoder("profile", name)
    assert flat("params.yaml") == before | flat(f"profiles/{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_passes_the_check_of_all_parameters(name, project):
    shutil.copytree(ROOT / "bundled", project / "bundled")
    wizardcoder("profile", name)
    assert list(contradictions(load(AllParams))) == []


def test_openai_sends_only_what_its_model_accepts():
    wizardcoder("profile", "openai")
    teacher = load(AllParams).teacher
    bodies = {role: build_request(teacher, role, [], 7).body for role in ("instruct", "respond", "judge")}
    every = {"model": "gpt-6-luna", "messages": [], "reasoning_effort": "none", "seed": 7}
    assert bodies == {
        "instruct": every | {"max_completion_tokens": 2048},
        "respond": every | {"max_completion_tokens": 4096},
        "judge": every | {"max_completion_tokens": 64},
    }


def test_qwen_1b_serves_its_teacher_and_needs_no_key():
    wizardcoder("profile", "qwen_1b")
    params = load(AllParams)
    assert [use.url for use in endpoints_of(params)] == []
    command = server_command(params.teacher.runtime.serve, "serve", params.teacher.model, 8100, "0")
    assert command[:3] == ["vllm", "serve", "Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8"]
    assert "8100" in command


@pytest.mark.parametrize("earlier", NAMES)
@pytest.mark.parametrize("name", NAMES)
def test_a_profile_gives_the_same_file_and_arguments_after_any_other(name, earlier, capsys):
    wizardcoder("profile", name)
    wizardcoder("profile", name, "--args")
    alone = Path("params.yaml").read_bytes(), capsys.readouterr().out
    wizardcoder("profile", earlier)
    wizardcoder("profile", name)
    wizardcoder("profile", name, "--args")
    assert (Path("params.yaml").read_bytes(), capsys.readouterr().out) == alone


@pytest.mark.parametrize("name", NAMES)
def test_the_arguments_undo_an_earlier_profile_too(name, project):
    wizardcoder("profile", name)
    wanted = plain(Path("params.yaml").read_text())
    wizardcoder("profile", "paper_15b" if name == "qwen_1b" else "qwen_1b")
    apply_overrides(project / "params.yaml", profile_overrides(name))
    assert plain(Path("params.yaml").read_text()) == wanted


def test_a_hand_edit_stays_where_no_profile_sets_the_key():
    edited = Path("params.yaml").read_text().replace("top_k: 5 ", "top_k: 7 ").replace("lr: 5.0e-5", "lr: 9.0e-5")
    Path("params.yaml").write_text(edited)
    wizardcoder("profile", "qwen_1b")
    found = flat("params.yaml")
    assert found["decontaminate", "top_k"] == 7
    assert found["train", "lr"] == 2.0e-5


@pytest.mark.parametrize("name", OTHERS)
def test_default_undoes_a_profile_to_the_byte(name):
    before = Path("params.yaml").read_bytes()
    wizardcoder("profile", name)
    wizardcoder("profile", "default")
    assert Path("params.yaml").read_bytes() == before


def test_default_on_a_fresh_params_yaml_changes_no_byte():
    before = Path("params.yaml").read_bytes()
    wizardcoder("profile", "default")
    assert Path("params.yaml").read_bytes() == before


@pytest.mark.parametrize("name", OTHERS)
def test_comments_on_lines_of_their_own_survive_a_profile(name):
    before = comment_lines(Path("params.yaml").read_text())
    wizardcoder("profile", name)
    assert comment_lines(Path("params.yaml").read_text()) == before


def comment_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.lstrip().startswith("#")]


@pytest.mark.parametrize("name", OTHERS)
def test_a_profiles_comments_come_with_its_values(name):
    wizardcoder("profile", name)
    own = line_comments(Path(f"profiles/{name}.yaml").read_text())
    assert {key: line_comments(Path("params.yaml").read_text()).get(key) for key in own} == own


@pytest.mark.parametrize("name", OTHERS)
def test_no_source_of_a_default_value_stays_on_a_value_that_the_profile_changes(name):
    default, sources = flat("params.yaml"), line_comments(Path("params.yaml").read_text())
    own = line_comments(Path(f"profiles/{name}.yaml").read_text())
    wizardcoder("profile", name)
    kept = line_comments(Path("params.yaml").read_text())
    changed = [key for key, value in flat("params.yaml").items() if value != default[key] and key not in own]
    assert [key for key in changed if is_source(kept.get(key, ""))] == []
    assert ("decontaminate", "judge") in sources
    assert kept.get(("decontaminate", "judge")) != sources["decontaminate", "judge"]


@pytest.mark.parametrize("name", OTHERS)
def test_other_comments_stay(name):
    before = line_comments(Path("params.yaml").read_text())
    wizardcoder("profile", name)
    after = line_comments(Path("params.yaml").read_text())
    touched = set(read_comments(name))
    assert {k: c for k, c in after.items() if k not in touched} == {k: c for k, c in before.items() if k not in touched}


def test_the_default_profile_repeats_the_comments_of_params_yaml():
    repeated = repeat_comments(Path("params.yaml").read_text())
    assert Path("profiles/default.yaml").read_text() == repeated, "run `python -m wizardcoder.core.params_reference`"


@pytest.mark.parametrize("name", NAMES)
def test_dvc_reads_the_printed_arguments_as_the_same_values(name, project):
    values = read_profile(name)
    wanted = plain(applied(Path("params.yaml").read_text(), values))
    apply_overrides(project / "params.yaml", overrides(values))
    assert plain(Path("params.yaml").read_text()) == wanted


def test_arguments_are_printed_for_a_shell_and_nothing_is_written(capsys):
    before = Path("params.yaml").read_bytes()
    wizardcoder("profile", "qwen_1b", "--args")
    assert "-S 'base.source='\"'\"'Qwen/Qwen2.5-Coder-1.5B'\"'\"'' " in capsys.readouterr().out
    assert Path("params.yaml").read_bytes() == before


def test_a_key_that_params_yaml_lacks_is_refused_by_name():
    with pytest.raises(StageError, match=r"^profile: train\.speed: params\.yaml has no such key$"):
        applied("train:\n  lr: 1.0\n", {"train": {"speed": 2}})


def test_an_unknown_profile_is_refused_with_the_known_ones():
    with pytest.raises(StageError) as caught:
        wizardcoder("profile", "gpt5")
    assert str(caught.value) == "profile: found 'gpt5', accepted: default, openai, paper_15b, paper_34b, qwen_1b"


@pytest.mark.parametrize("arguments", [(), ("qwen_1b",), ("qwen_1b", "--args")])
def test_another_folder_is_refused(tmp_path, monkeypatch, arguments):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    with pytest.raises(StageError, match=r"^params\.yaml: no such file; run this command in the project's folder"):
        wizardcoder("profile", *arguments)


def test_without_a_name_the_profiles_are_listed(capsys):
    wizardcoder("profile")
    assert capsys.readouterr().out.split() == NAMES
