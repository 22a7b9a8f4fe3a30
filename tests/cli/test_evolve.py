"""`wizardcoder evolve`: its arguments reach the library, and its closing line counts."""

from __future__ import annotations

import json

import pytest
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
    assert capsys.readouterr().err.splitlines()[-1].startswith("evolve: 3 attempted, 3 accepted, ")


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
