"""The text of params.yaml: values and comments at the end of lines are set, everything else stays."""

from __future__ import annotations

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from wizardcoder.core.params_file import applied, line_comments, overrides

PARAMS = """\
# about the file
train:                        # of the model
  # about the key
  lr: 5.0e-5                  # ours: few steps
  name: "a # b"               # quoted
  sizes: [1, 2]               # in one line
  prompt: |-                  # the frame
    # no comment
    text
  rows:                       # a list
    - a # of an item
  epochs: 1.0

report: {}
"""
COMMENTS = {
    ("train",): "# of the model",
    ("train", "lr"): "# ours: few steps",
    ("train", "name"): "# quoted",
    ("train", "sizes"): "# in one line",
    ("train", "prompt"): "# the frame",
    ("train", "rows"): "# a list",
}


def test_line_comments_are_found_by_key():
    assert line_comments(PARAMS) == COMMENTS


def test_values_are_set_and_all_comments_stay():
    expected = PARAMS.replace("epochs: 1.0", "epochs: 2.0").replace("[1, 2]", "[3, 4]")
    assert applied(PARAMS, {"train": {"epochs": 2.0, "sizes": [3, 4]}}) == expected


def test_a_comment_is_replaced_in_the_column_of_the_others():
    found = applied(PARAMS, {"train": {"name": "x"}}, comments={("train", "name"): "# short"})
    assert '\n  name: "x"                   # short\n' in found


def test_a_comment_after_a_long_value_follows_one_space():
    name = "x" * 40
    found = applied(PARAMS, {"train": {"name": name}}, comments={("train", "name"): "# long"})
    assert f'\n  name: "{name}" # long\n' in found


def test_a_comment_is_added_where_there_was_none():
    found = applied(PARAMS, {"train": {"epochs": 2.0}}, comments={("train", "epochs"): "# two passes"})
    assert "\n  epochs: 2.0                 # two passes\n\nreport: {}\n" in found


@pytest.mark.parametrize("key", COMMENTS)
def test_a_comment_is_removed_alone(key):
    left = line_comments(applied(PARAMS, {}, comments={key: None}))
    assert left == {other: comment for other, comment in COMMENTS.items() if other != key}
    assert "    # no comment\n" in applied(PARAMS, {}, comments={key: None})


@pytest.mark.parametrize("key", COMMENTS)
def test_removing_and_restoring_a_comment_changes_no_byte(key):
    without = applied(PARAMS, {}, comments={key: None})
    assert applied(without, {}, comments={key: COMMENTS[key]}) == applied(PARAMS, {})


def test_a_list_in_one_line_replaces_a_list_in_lines_and_back():
    short = applied(PARAMS, {"train": {"rows": []}}, comments={("train", "rows"): "# none"})
    assert "\n  rows: []                    # none\n" in short
    back = applied(short, {"train": {"rows": ["b"]}}, comments={("train", "rows"): "# a list"})
    assert line_comments(back)["train", "rows"] == "# a list"


BODY = {"max_tokens": None, "chat_template_kwargs": {"enable_thinking": False}}


@pytest.mark.parametrize("body", [BODY, {}])
def test_the_body_of_requests_is_replaced_as_a_whole(body):
    before = "teacher:\n  body: {top_k: 20}\n  model: m\n"
    assert YAML(typ="safe").load(applied(before, {"teacher": {"body": body}})) == {
        "teacher": {"body": body, "model": "m"}
    }


@pytest.mark.parametrize("body", [BODY, {}])
def test_dvc_replaces_the_body_of_requests_as_a_whole(tmp_path, body):
    path = tmp_path / "params.yaml"
    path.write_text("teacher:\n  body: {top_k: 20}\n  model: m\n")
    apply_overrides(path, overrides({"teacher": {"body": body}}))
    assert YAML(typ="safe").load(path)["teacher"]["body"] == body
