"""`wizardcoder plan --teacher`: one small request per role shows what a run would get."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from command_line import wizardcoder

from bench.mock_endpoint import MockEndpoint
from wizardcoder.core.console import StageError
from wizardcoder.core.params_file import applied, nested

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Work in a folder with this project's params.yaml; give a function that changes values."""
    shutil.copytree(ROOT / "bundled", tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "any")

    def change(**values):
        changes = nested({name.replace("__", "."): value for name, value in values.items()})
        Path("params.yaml").write_text(applied((ROOT / "params.yaml").read_text(), changes, "test"))

    return change


def rows(capsys):
    """Return the table's rows as lists of cells, and the line below it."""
    lines = capsys.readouterr().err.splitlines()
    table = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    return table, lines[-1]


def test_each_role_sends_its_own_body_once(project, capsys):
    with MockEndpoint(reply=lambda body: f"ok {body['max_tokens']}") as mock:
        project(
            teacher__base_url=mock.url,
            teacher__model="asked-model",
            runtime__teacher__price__input=10.0,
            runtime__teacher__price__output=100.0,
        )
        wizardcoder("plan", "--teacher")
    assert [body["max_tokens"] for body in mock.bodies] == [96, 320, 8]
    table, last = rows(capsys)
    assert [row[0] for row in table] == ["instruct", "respond", "judge"]
    role, _, model, finish_reason, tokens, reasoning, price = table[0]
    assert (role, model, finish_reason, reasoning) == ("instruct", "asked-model", "stop", "no")
    assert (tokens, price) == ("3 + 2", "0.00023")
    assert last == "3 requests, 0.00069 in the currency of the prices"


def test_roles_with_the_same_request_share_it(project, capsys):
    alike = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 8}
    with MockEndpoint() as mock:
        changes = {f"teacher__{role}__{name}": alike[name] for role in ("instruct", "respond") for name in alike}
        project(teacher__base_url=mock.url, **changes)
        wizardcoder("plan", "--teacher")
    assert mock.counts["requests"] == 1
    assert rows(capsys)[0][0][0] == "instruct, respond, judge"


def test_it_asks_again_although_the_answer_is_known(project):
    with MockEndpoint() as mock:
        project(teacher__base_url=mock.url)
        wizardcoder("plan", "--teacher")
        wizardcoder("plan", "--teacher")
    assert mock.counts["requests"] == 6
    assert not list(Path("cache").glob("*.sqlite"))


@pytest.mark.parametrize(
    ("refusal", "error"),
    [((401, None), "runtime.teacher.api_key_env: the endpoint refuses the key: "), ((404, None), "teacher.model: ")],
)
def test_a_wrong_setting_costs_one_request_and_is_one_line(project, refusal, error):
    with MockEndpoint(refuses=refusal) as mock:
        project(teacher__base_url=mock.url)
        with pytest.raises(StageError) as caught:
            wizardcoder("plan", "--teacher")
    assert mock.counts["requests"] == 1
    assert str(caught.value).startswith(error)
    assert "\n" not in str(caught.value)


def test_a_failed_request_is_not_repeated(project):
    with MockEndpoint(p500=1.0) as mock:
        project(teacher__base_url=mock.url)
        with pytest.raises(StageError, match=r"^teacher\.instruct: HTTP 500"):
            wizardcoder("plan", "--teacher")
    assert mock.counts["requests"] == 1


def test_a_served_teacher_is_started_for_the_question(project, capsys, tmp_path):
    project(
        teacher__base_url="served",
        teacher__model="org/mock",
        runtime__teacher__serve__command=f"{sys.executable} {ROOT}/bench/mock_endpoint.py --port {{port}}",
    )
    wizardcoder("plan", "--teacher")
    table, _ = rows(capsys)
    assert {row[1] for row in table} == {"served:org/mock"}
    assert (tmp_path / "cache/logs/mock-0.log").is_file()


def test_a_server_that_does_not_start_is_one_line(project):
    project(
        teacher__base_url="served",
        runtime__teacher__serve__command=f"{sys.executable} -c 'raise SystemExit(\"no GPU\")' {{port}}",
    )
    with pytest.raises(StageError) as caught:
        wizardcoder("plan", "--teacher")
    assert re.match(r"runtime\.teacher\.serve: server 1 of 1 exited .*: no GPU; log: ", str(caught.value))
