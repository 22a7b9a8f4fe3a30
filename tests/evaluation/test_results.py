"""The flat metrics of an evaluation, with intervals and significance beside every score."""

from __future__ import annotations

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.evaluation.results import ModelResults, SampleResult, compare_counts, counts_of, flat_metrics

WILSON_1_OF_4 = (0.045587, 0.699358)  # worked out by hand, as in test_significance.py
WILSON_2_OF_4 = (0.150039, 0.849961)
WILSON_3_OF_4 = (0.300642, 0.954413)


def problems(*groups):
    return [Problem(f"T/{n}", "", "", group=group) for n, group in enumerate(groups)]


def scored(benchmark, label, passed, groups=None, nlls=None):
    """Return results; `passed` has a text per problem with a character per sample: x passed, . failed."""
    nlls = nlls or [None] * len(passed)
    rows = [
        SampleResult(f"T/{n}", number, "", sample == "x", "", 0.0, "", nlls[n])
        for n, samples in enumerate(passed)
        for number, sample in enumerate(samples)
    ]
    return ModelResults(benchmark, label, problems(*(groups or [""] * len(passed))), rows)


def rounded(metrics):
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in metrics.items()}


def test_the_metrics_of_one_greedy_benchmark_are_these():
    found = flat_metrics(
        [
            scored("mine", "base", ["x", ".", ".", "."], nlls=[1.0, 2.0, 3.0, None]),
            scored("mine", "tuned", ["x", "x", ".", "x"], nlls=[0.5, 1.0, 1.5, None]),
        ],
        dev="dev",
        pass_at=[1],
        seed=42,
    )
    assert rounded(found) == {
        "mine.problems": 4,
        "mine.base.pass_at_1": 0.25,
        "mine.base.pass_at_1.low": WILSON_1_OF_4[0],
        "mine.base.pass_at_1.high": WILSON_1_OF_4[1],
        "mine.base.nll": 2.0,
        "mine.pass_at_1": 0.75,
        "mine.pass_at_1.low": WILSON_3_OF_4[0],
        "mine.pass_at_1.high": WILSON_3_OF_4[1],
        "mine.nll": 1.0,
        "mine.gain": 0.5,
        "mine.gain.low": -0.135488,  # 0.5 - sqrt(2) * 0.449, from 0.25 to its upper end
        "mine.gain.high": 0.789083,  # 0.5 + sqrt(2) * 0.204; phi is 0, since both * neither = 1 is below n / 2
        "mine.gain.p_value": 0.5,  # two gained, none lost: 2 * (1/2)^2
    }


def test_several_samples_give_pass_at_k_and_pass_at_1_always():
    found = flat_metrics(
        [scored("mine", "base", ["....", "...."]), scored("mine", "tuned", ["x...", "xx.."])], "dev", [2, 4], 42
    )
    values = {key: value for key, value in rounded(found).items() if key.startswith("mine.pass_at")}
    # of 4 samples 1 and 2 pass: pass@1 (1/4 + 2/4) / 2, pass@2 (1 - 3/6 + 1 - 1/6) / 2
    assert values == {
        "mine.pass_at_1": 0.375,
        "mine.pass_at_1.low": 0.25,
        "mine.pass_at_1.high": 0.5,
        "mine.pass_at_2": 0.666667,
        "mine.pass_at_2.low": 0.5,
        "mine.pass_at_2.high": 0.833333,
        "mine.pass_at_4": 1.0,
        "mine.pass_at_4.low": 1.0,
        "mine.pass_at_4.high": 1.0,
    }
    assert found["mine.gain"] == 0.375
    assert found["mine.gain.p_value"] > 0.4  # of the four tosses of two signs, two are as extreme


def test_an_endpoint_has_metrics_like_the_base_and_no_gain():
    found = flat_metrics(
        [scored("mine", label, [passed]) for label, passed in (("base", "."), ("tuned", "."), ("gpt", "x"))],
        "dev",
        [1],
        42,
    )
    assert [key for key in found if key.startswith("mine.gpt")] == [
        "mine.gpt.pass_at_1",
        "mine.gpt.pass_at_1.low",
        "mine.gpt.pass_at_1.high",
    ]
    assert found["mine.gpt.pass_at_1"] == 1.0
    assert [key for key in found if "gain" in key] == [
        "mine.gain",
        "mine.gain.low",
        "mine.gain.high",
        "mine.gain.p_value",
    ]


def test_groups_have_metrics_of_their_own_if_there_are_several():
    groups = ["Numpy", "Numpy", "Pandas", "Pandas"]
    results = [
        scored("ds1000", "base", [".", ".", ".", "."], groups),
        scored("ds1000", "tuned", ["x", ".", "x", "x"], groups),
    ]
    found = flat_metrics(results, "dev", [1], 42)
    assert {key: value for key, value in found.items() if "Numpy" in key or "Pandas" in key} == {
        "ds1000.base.Numpy.pass_at_1": 0.0,
        "ds1000.base.Pandas.pass_at_1": 0.0,
        "ds1000.Numpy.pass_at_1": 0.5,
        "ds1000.Pandas.pass_at_1": 1.0,
    }


def test_a_single_part_is_the_whole():
    results = [scored("multiple_js", label, ["x"], ["js"]) for label in ("base", "tuned")]
    assert not [key for key in flat_metrics(results, "dev", [1], 42) if ".js." in key]


def test_the_development_benchmark_appears_under_dev_too_whatever_its_name():
    results = [scored(name, label, ["x", "."]) for name in ("mbpp_400", "mbpp") for label in ("base", "tuned")]
    found = flat_metrics(results, "mbpp_400", [1], 42)
    of_dev = {key.removeprefix("dev."): value for key, value in found.items() if key.startswith("dev.")}
    assert of_dev == {
        key.removeprefix("mbpp_400."): value for key, value in found.items() if key.startswith("mbpp_400.")
    }
    assert sorted(of_dev) == [
        *("base.pass_at_1", "base.pass_at_1.high", "base.pass_at_1.low"),
        *("gain", "gain.high", "gain.low", "gain.p_value"),
        *("pass_at_1", "pass_at_1.high", "pass_at_1.low", "problems"),
    ]


def test_the_benchmark_dev_is_under_its_own_name_once():
    results = [scored("dev", label, ["x", "."]) for label in ("base", "tuned")]
    assert [key for key in flat_metrics(results, "dev", [1], 42) if not key.startswith("dev.")] == []


def test_without_the_development_benchmark_there_is_no_dev():
    results = [scored("humaneval", label, ["x", "."]) for label in ("base", "tuned")]
    assert not [key for key in flat_metrics(results, "dev", [1], 42) if key.startswith("dev")]


def test_samples_and_passes_are_counted_by_problem_and_by_part():
    found = scored("ds1000", "tuned", ["x.", "xx", ".."], ["Numpy", "Pandas", "Pandas"])
    assert found.counts() == {"T/0": (2, 1), "T/1": (2, 2), "T/2": (2, 0)}
    assert found.counts("Pandas") == {"T/1": (2, 2), "T/2": (2, 0)}
    assert counts_of([("T/1", True), ("T/0", False), ("T/1", False)]) == {"T/1": (2, 1), "T/0": (1, 0)}


def test_two_results_are_compared_by_the_share_of_samples_that_pass():
    found = compare_counts({"T/0": (4, 1), "T/1": (4, 4)}, {"T/0": (2, 1), "T/1": (1, 1)}, seed=0)
    assert (found.score_a, found.score_b, found.difference) == (0.625, 0.75, 0.125)
    assert (found.gained, found.lost, found.test) == (("T/0",), (), "permutation")


def test_results_of_different_problems_are_not_compared():
    with pytest.raises(ValueError, match="2 problems are in only one of the two, such as T/0, T/1"):
        compare_counts({"T/0": (1, 1)}, {"T/1": (1, 1)}, seed=0)
