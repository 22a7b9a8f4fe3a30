"""`wizardcoder evolve`: its arguments reach the library, and its closing line counts."""

from __future__ import annotations

import json

from command_line import wizardcoder

from bench.mock_endpoint import MockEndpoint


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
