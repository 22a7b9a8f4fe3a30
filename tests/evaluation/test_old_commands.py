"""The old spellings refuse options that mean nothing."""

from __future__ import annotations

import pytest

from wizardcoder.evaluation import old_commands

SCORE = ["score", "--benchmark", "mine", "--source", "b.jsonl", "--samples", "s.jsonl", "--out", "o.jsonl"]


@pytest.mark.parametrize(
    "option",
    [
        ("--k", "0"),
        ("--workers", "0"),
        ("--memory-mb", "-1"),
        ("--timeout-s", "0"),
        ("--timeout-s", "-1"),
        ("--timeout-s", "nan"),
        ("--timeout-s", "inf"),
        ("--mode", "lenient"),
        ("--extract", "all"),
    ],
    ids=" ".join,
)
def test_an_option_that_means_nothing_is_refused_by_its_name(capsys, option):
    with pytest.raises(SystemExit):
        old_commands.parser().parse_args([*SCORE, *option])
    assert option[0] in capsys.readouterr().err
