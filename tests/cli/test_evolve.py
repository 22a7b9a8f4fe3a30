"""`wizardcoder evolve`: its arguments reach the library, and its closing line counts."""

from __future__ import annotations

import json

import pytest
import typer
from command_line import wizardcoder

from bench.mock_endpoint import MockEndpoint
from wizardcoder.core.console import StageError


def test_a_file_is_evolved_into_another_in_the_order_of_its_lines(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    seeds = [{"id": f"s{n}", "instruction": f"Write a function that adds {n} to a number."} for n in range(3)]
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    with MockEndpoint() as endpoint:
        wizardcoder(
            *("evolve", "--base-url", endpoint.url, "--model", "m", "--seeds", tmp_path / "seeds.jsonl"),
            *("--out", tmp_path / "out.jsonl", "--work", tmp_path / "work", "--concurrency", 2),
        )
        assert endpoint.counts["requests"] == 6
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["parent_id"] for row in rows] == ["s0", "s1", "s2"]
    assert (tmp_path / "work/metrics.json").is_file()
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("evolve: 3 seeds, 0 seeds rejected, 3 attempted, 3 accepted, ")
    )


def test_an_endpoint_that_is_down_is_named_by_its_option(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setattr("wizardcoder.teacher.endpoint.FIRST_BACKOFF_S", 0.001)
    (tmp_path / "seeds.jsonl").write_text('{"id": "s0", "instruction": "Write a function that adds 1."}\n')
    with pytest.raises(
        StageError, match=r"^--base-url: http://127\.0\.0\.1:9/v1 cannot be reached: Connection refused$"
    ):
        wizardcoder(
            *("evolve", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--seeds", tmp_path / "seeds.jsonl"),
            *("--out", tmp_path / "out.jsonl", "--work", tmp_path / "work"),
        )


SEEDS = [{"prompt": f"Write a function that adds {n} to a number.", "completion": "x"} for n in range(4)]


@pytest.fixture
def evolve(tmp_path, monkeypatch):
    """Return a function that calls the command in a folder with four seeds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in SEEDS))

    def call(url, *args, out=("--out", "out.jsonl", "--work", "work")):
        wizardcoder("evolve", "--base-url", url, "--model", "m", "--seeds", "seeds.jsonl", *out, *args)

    return call


def test_an_estimate_prints_the_price_sends_nothing_and_writes_nothing(tmp_path, evolve, capsys):
    with MockEndpoint() as endpoint:
        evolve(endpoint.url, "--estimate", "--rounds", 3, "--price", 1, 2, "--judge", out=())
        assert endpoint.counts["requests"] == 0
    shown = capsys.readouterr().err
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines() if line[:1] == "│"]
    assert [(row[0], row[2]) for row in rows] == [("r1", "12"), ("r2", "12"), ("r3", "12"), ("all", "36")]
    assert "4 instructions of seeds.jsonl" in shown
    assert "teacher: price 1 / 2 per million tokens" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["seeds.jsonl"]


def test_an_estimate_after_the_run_deducts_its_answers(evolve, capsys):
    with MockEndpoint() as endpoint:
        evolve(endpoint.url, "--price", 1, 2, "--budget", 5)
        capsys.readouterr()
        evolve(endpoint.url, "--price", 1, 2, "--estimate")
    total = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("│ all"))
    assert [cell.strip() for cell in total.strip("│").split("│")][1:3] == ["8", "0"]


def test_a_price_needs_a_budget_before_anything_is_sent(tmp_path, evolve):
    with MockEndpoint() as endpoint:
        with pytest.raises(
            StageError,
            match=r"^--budget: null, and the teacher has a price, so nothing was sent\. The estimate is [\d.]+ for 8 "
            r"requests, at most [\d.]+: set `--budget [\d.]+`$",
        ):
            evolve(endpoint.url, "--price", 1, 2)
        assert endpoint.counts["requests"] == 0
        assert not (tmp_path / "out.jsonl").exists()
        evolve(endpoint.url, "--price", 1, 2, "--budget", 5)
        sent = endpoint.counts["requests"]
        evolve(endpoint.url, "--price", 1, 2)  # from the store, so no budget is needed
        assert endpoint.counts["requests"] == sent == 8


def test_several_rounds_are_evolved_and_counted(tmp_path, evolve, capsys):
    with MockEndpoint() as endpoint:
        evolve(endpoint.url, "--rounds", 3)
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 12
    assert (
        capsys.readouterr().err.splitlines()[-1].startswith("evolve: 4 seeds, 0 seeds rejected, 12 attempted, 12 acc")
    )


def test_a_fields_name_is_an_option(tmp_path, evolve):
    (tmp_path / "seeds.jsonl").write_text('{"name": "a", "question": "Write a function that adds 1 to a number."}\n')
    with MockEndpoint() as endpoint:
        evolve(endpoint.url, "--field", "instruction=question", "--field", "id=name")
    assert json.loads((tmp_path / "out.jsonl").read_text())["parent_id"] == "a"


def test_the_key_is_read_from_the_named_variable(evolve, monkeypatch):
    monkeypatch.setenv("MY_KEY", "right")
    with MockEndpoint(api_key="right") as endpoint:
        evolve(endpoint.url, "--api-key-env", "MY_KEY")
        assert endpoint.counts["requests"] == 8


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("--api-key-env", "NO_SUCH_KEY"), "--api-key-env: the environment variable NO_SUCH_KEY is not set"),
        (
            ("--field", "prompt"),
            "--field: found 'prompt', accepted: NAME=FIELD, where NAME is one of id, instruction, ",
        ),
        (
            ("--field", "task=x"),
            "--field: found 'task=x', accepted: NAME=FIELD, where NAME is one of id, instruction, ",
        ),
        (("--field", "id=x", "--field", "id=y"), "--field: found id twice, accepted: each name once"),
        (("--field", "instruction=x"), "--field instruction=x: no record of seeds.jsonl has this field"),
        (("--out", "seeds.jsonl"), "--out: seeds.jsonl is also --seeds, accepted: another file"),
        (("--seeds", "no.jsonl"), "--seeds: no.jsonl: no such file"),
        (("--base-url", "localhost:9/v1"), "--base-url: found 'localhost:9/v1', accepted: http://localhost:9/v1"),
        (
            ("--api-key-env", "sk-abcdef123"),
            "--api-key-env: a value that looks like a key, ",
        ),
        (("--price", "-1", "0"), "--price: found -1 0, accepted: two numbers of at least 0"),
    ],
)
def test_a_wrong_option_is_one_line(evolve, args, line):
    with pytest.raises(StageError) as caught:
        evolve("http://127.0.0.1:9/v1", *args)
    assert str(caught.value).startswith(line)
    assert "abcdef123" not in str(caught.value)


def test_the_files_are_needed_except_for_an_estimate(evolve):
    with pytest.raises(typer.BadParameter, match="is needed, except with --estimate"):
        evolve("http://127.0.0.1:9/v1", out=("--out", "out.jsonl"))
