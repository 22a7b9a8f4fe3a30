"""Lineage in one command: every answer is compared with the files of a finished run."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys

import pytest
from command_line import wizardcoder
from dvc.repo import Repo
from finished_project import SOURCE, UNSAFE, copy_of, few_seeds
from ruamel.yaml import YAML
from test_pipeline import environment

from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, Rejected, read_records
from wizardcoder.evolution.seed_forms import read_texts, to_example
from wizardcoder.lineage.lock import read_lock
from wizardcoder.lineage.revision import Revision
from wizardcoder.lineage.trace import outs_of, trace
from wizardcoder.lineage.tree import plain_lines

pytestmark = pytest.mark.heavy


def traced(project, what: str, rev: str | None = None):
    """Return what was found and the plain text of its tree."""
    with contextlib.chdir(project.path):
        found, tree = trace(what, Revision(rev))
    return found, "\n".join(plain_lines(tree))


def refused(project, what: str, rev: str | None = None) -> str:
    with pytest.raises(StageError) as error:
        traced(project, what, rev)
    return str(error.value)


def examples(project, number: int) -> list[Example]:
    return list(read_records(project.path / f"data/rounds/r{number}/examples.jsonl", Example))


def deepest(project) -> Example:
    return max((e for n in range(1, 4) for e in examples(project, n)), key=lambda e: (len(e.id), e.id))


def test_a_sample_comes_from_a_row_of_the_source_file(finished):
    found, text = traced(finished, deepest(finished).id)
    number = next(n for n, row in enumerate(few_seeds()) if to_example(read_texts(row)).id == found.seed.record.id)
    assert found.seed.place == f"{SOURCE}: record {number}"
    assert found.seed.md5 == found.seed.recorded_md5
    assert found.seed.record.instruction == few_seeds()[number]["instruction"].strip()
    assert found.seed.md5 in text


def test_each_round_shows_the_requests_that_were_sent_and_their_stored_answers(finished):
    sent = {json.dumps(body, sort_keys=True) for body in finished.teacher.bodies}
    found, text = traced(finished, deepest(finished).id)
    requests = [request for attempt in found.attempts for request in attempt.requests]
    assert [attempt.round for attempt in found.attempts] == list(range(1, found.attempts[-1].round + 1))
    assert {json.dumps(request.body, sort_keys=True) for request in requests} <= sent
    assert all(request.stored for request in requests)
    assert [request.role for request in found.attempts[-1].requests] == ["instruct", "judge", "respond"]
    for request in requests:
        assert request.answer in text
        assert request.body["messages"][-1]["content"].split("\n")[-1] in text


def test_each_attempt_shows_heuristic_prompt_version_and_texts_as_recorded(finished):
    sample = deepest(finished)
    found, text = traced(finished, sample.id)
    last = found.attempts[-1]
    assert (last.id, last.heuristic, last.prompt_version) == (sample.id, sample.heuristic, sample.prompt_version)
    assert (last.instruction, last.response, last.note) == (sample.instruction, sample.response, None)
    assert last.heuristic_text == finished.params()["evolve"]["heuristics"][sample.heuristic]
    assert f"prompt_version {sample.prompt_version}" in text


def test_failed_attempts_between_are_part_of_a_lineage(finished):
    rejected = {
        r.id: r for n in range(1, 4) for r in read_records(finished.path / f"data/rounds/r{n}/rejected.jsonl", Rejected)
    }
    sample = next(e for n in (2, 3) for e in examples(finished, n) if f"{e.parent_id}-r{n - 1}" in rejected)
    found, text = traced(finished, sample.id)
    failed = [attempt for attempt in found.attempts if attempt.reason]
    assert [(a.id, a.reason) for a in failed] == [(r.id, r.reason) for r in map(rejected.get, (a.id for a in failed))]
    assert f"rejected, {failed[-1].reason}" in text


def test_a_kept_sample_passed_every_step(finished):
    kept = list(read_records(finished.path / "data/decontaminated/examples.jsonl", Example))
    found, text = traced(finished, kept[-1].id)
    assert [(outcome.stage, outcome.state) for outcome in found.outcomes] == [
        ("screen", "kept"),
        ("merge", "kept"),
        ("decontaminate", "kept"),
        ("train", "kept"),
    ]
    assert text.startswith(f"{kept[-1].id}: a training sample\n")


def test_what_train_held_out_dropped_or_cut_says_so(finished):
    held_out, dropped, cut, *_ = read_records(finished.path / "data/decontaminated/examples.jsonl", Example)
    texts = [traced(finished, each.id)[1] for each in (held_out, dropped, cut)]
    assert texts[0].startswith(f"{held_out.id}: train: held out, to measure the loss\n")
    assert texts[1].startswith(f"{dropped.id}: train: dropped\n")
    assert "train: dropped\n    reason: no_response" in texts[1]
    assert texts[2].startswith(f"{cut.id}: a training sample, cut at its end\n")


@pytest.mark.parametrize(
    ("ran", "shown"),
    [(True, "unknown, this run did not record the outcome of each record"), (False, "not run yet")],
)
def test_what_train_did_is_not_guessed(finished, tmp_path, ran, shown):
    project = copy_of(finished, tmp_path)
    shutil.rmtree(project.path / "data/train")
    pipeline = (project.path / "dvc.yaml").read_text()
    (project.path / "dvc.yaml").write_text(pipeline.replace("      - data/train\n", ""))
    if not ran:
        lock = YAML().load(project.path / "dvc.lock")
        del lock["stages"]["train"]
        YAML().dump(lock, project.path / "dvc.lock")
    sample = list(read_records(project.path / "data/decontaminated/examples.jsonl", Example))[-1]
    assert traced(project, sample.id)[1].startswith(f"{sample.id}: train: {shown}\n")


def test_the_ids_of_the_rejected_the_screened_and_the_excluded_can_be_traced(finished):
    rejected = next(read_records(finished.path / "data/rounds/r1/rejected.jsonl", Rejected))
    assert traced(finished, rejected.id)[1].startswith(f"{rejected.id}: rejected in round 1, {rejected.reason}\n")
    dropped = next(read_records(finished.path / "data/screened/dropped.jsonl", Rejected))
    assert f"screen: dropped\n    reason: flag.{UNSAFE}\n    detail: rm -rf" in traced(finished, dropped.id)[1]
    excluded = json.loads((finished.path / "data/decontaminated/excluded.jsonl").open().readline())
    found, text = traced(finished, excluded["id"])
    assert (found.outcomes[-1].state, found.outcomes[-1].detail["task_id"]) == ("dropped", excluded["task_id"])
    assert excluded["judgement"] in text


def test_a_seed_that_was_rejected_says_why(finished):
    rejected = next(read_records(finished.path / "data/rounds/r0/rejected.jsonl", Rejected))
    assert f"rejected: {rejected.reason}" in traced(finished, rejected.id)[1]


def test_a_task_id_of_the_results_leads_to_what_was_excluded_for_it(finished):
    excluded = json.loads((finished.path / "data/decontaminated/excluded.jsonl").open().readline())
    _, text = traced(finished, excluded["task_id"])
    assert "dev.tuned.jsonl: passed" in text
    assert f"excludes training sample {excluded['id']}" in text


def test_an_answer_that_is_not_in_the_store_is_said_and_taken_from_the_record(finished, tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path))
    sample = deepest(finished)
    found, text = traced(finished, sample.id)
    last = found.attempts[-1]
    assert [(r.stored, r.answer) for r in last.requests] == [
        (False, sample.instruction),
        (False, None),
        (False, sample.response),
    ]
    assert "is not in the store" in text
    assert list(tmp_path.iterdir()) == []


def test_the_recorded_parameters_count_not_those_of_today(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    sample = deepest(project)
    before = traced(project, sample.id)[0]
    project.set(**{f"evolve__heuristics__{sample.heuristic}": "Ask for a proof, too."})
    assert traced(project, sample.id)[0] == before


def test_a_record_that_its_answers_do_not_lead_to_is_pointed_out(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    sample = examples(project, 1)[0]
    path = project.path / "data/rounds/r1/examples.jsonl"
    path.unlink()  # DVC's cache may share it
    changed = (
        (finished.path / "data/rounds/r1/examples.jsonl").read_text().replace(sample.response[:40], "Edited by hand")
    )
    path.write_text(changed)
    assert "lead to another record" in traced(project, sample.id)[1]


def test_a_model_is_followed_back_to_the_seeds(finished):
    found, text = traced(finished, "models/wizardcoder")
    lock = read_lock((finished.path / "dvc.lock").read_text())
    names = [stage.name for stage in found.stages]
    assert {
        "seed",
        "evolve_r1",
        "evolve_r2",
        "evolve_r3",
        "evolve_r4",
        "merge",
        "decontaminate",
        "base",
        "train",
    } <= set(names)
    assert names[-1] == "train"
    for stage in found.stages:
        recorded = lock[stage.name]
        assert {r.file for r in (*stage.code, *stage.data)} == set(recorded.deps)
        assert (stage.params, tuple(stage.outs), stage.cmd) == (recorded.params, recorded.outs, recorded.cmd)
        writers = [name for r in stage.data for name in r.writers]
        assert all(names.index(name) < names.index(stage.name) for name in writers)
        assert stage.commit.title == "a finished run"
        assert stage.stale == []
    assert found.remote.name is None
    assert "no remote is configured: nothing is pushed" in text
    assert f"read {SOURCE} " in text
    assert text.count("stage seed: python -m stages.seed") == 1


def test_a_stage_a_file_and_a_folder_mean_their_outs(finished):
    with contextlib.chdir(finished.path):
        revision = Revision()
    assert outs_of("models/wizardcoder/made_up.txt", revision) == ["models/wizardcoder/made_up.txt"]
    assert sorted(outs_of("models", revision)) == ["models/base", "models/wizardcoder"]
    assert "models/wizardcoder" in outs_of("train", revision)
    assert outs_of("model", revision) == []


def test_what_changed_since_is_stale(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    project.set(train__lr=0.5)
    (project.path / "stages/merge.py").write_text("# another")
    (project.path / "data/rounds/r2/pool.jsonl").unlink()
    (project.path / "data/rounds/r2/pool.jsonl").write_text("")
    edited = (project.path / "dvc.yaml").read_text().replace("python -m stages.base", "python -m stages.base --other")
    (project.path / "dvc.yaml").write_text(edited)
    found, text = traced(project, "models/wizardcoder")
    # a stage tracks its section or the single keys of it
    shown = {(f.stage, f.subject.removesuffix(".lr"), f.state) for stage in found.stages for f in stage.stale}
    assert shown == {
        ("base", "command", "changed to `python -m stages.base --other`"),
        ("evolve_r2", "data/rounds/r2", "changed in the workspace"),
        ("evolve_r3", "data/rounds/r2", "changed in the workspace"),
        ("screen", "data/rounds/r2", "changed in the workspace"),
        ("merge", "stages/merge.py", "changed"),
        ("train", "train", "changed in params.yaml"),
    }
    assert "    stale: stages/merge.py changed\n" in text


def test_data_that_is_not_checked_out_is_not_stale_and_samples_come_from_the_cache(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    sample = deepest(project)
    before = traced(project, sample.id)[0]
    for out in (
        out.path for stage in read_lock((project.path / "dvc.lock").read_text()).values() for out in stage.outs
    ):
        project.run("rm", "-r", out)
    assert [stage.stale for stage in traced(project, "models/wizardcoder")[0].stages if stage.stale] == []
    assert traced(project, sample.id)[0] == before


def test_each_step_names_the_commit_that_last_changed_its_entry(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    lock = project.path / "dvc.lock"
    lock.write_text(
        lock.read_text().replace("cmd: python -m stages.merge", "cmd: python -m stages.merge "[:-1] + "_again")
    )
    project.git("commit", "--quiet", "-am", "merge again")
    lock.write_text(lock.read_text().replace("cmd: python -m stages.train", "cmd: python -m stages.train_again"))
    with contextlib.chdir(project.path):
        revision = Revision()
        commits = {name: revision.last_change(name) for name in revision.stages}
    assert commits.pop("train") is None
    assert commits.pop("merge").title == "merge again"
    assert {commit.title for commit in commits.values()} == {"a finished run"}


def test_a_revision_is_traced_from_its_own_lock_code_and_params(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    first = project.git("rev-parse", "HEAD")
    sample = deepest(project)
    expected = traced(project, sample.id)[0]
    project.set(merge__rounds=[0])
    (project.path / "stages/seed.py").write_text("# another")
    (project.path / "data/rounds/r1/examples.jsonl").unlink()
    project.git("commit", "--quiet", "-am", "edited, not run")
    found, _ = traced(project, "models/wizardcoder", first)
    assert (found.rev, [stage.stale for stage in found.stages if stage.stale]) == (first, [])
    later = {
        (f.stage, f.subject) for stage in traced(project, "models/wizardcoder", "HEAD")[0].stages for f in stage.stale
    }
    assert {(stage, subject.removesuffix(".rounds")) for stage, subject in later} == {
        ("merge", "merge"),
        ("seed", "stages/seed.py"),
    }
    assert traced(project, sample.id, first)[0] == expected


@pytest.mark.parametrize("rev", [None, "HEAD"])
def test_a_folder_of_code_is_held_against_its_listing(finished, tmp_path, rev):
    project = copy_of(finished, tmp_path)
    (project.path / "settings/deep").mkdir(parents=True)
    (project.path / "settings/deep/a.json").write_text("1")
    (project.path / "settings/b.json").write_text("2")
    edited = (
        (project.path / "dvc.yaml")
        .read_text()
        .replace("    deps:\n      - stages/base.py\n", "    deps:\n      - settings\n      - stages/base.py\n")
    )
    (project.path / "dvc.yaml").write_text(edited)
    with contextlib.chdir(project.path), Repo(".") as repo:
        repo.commit(force=True)
    project.git("add", ".")
    project.git("commit", "--quiet", "-m", "a folder as dep")
    assert traced(project, "base", rev)[0].stages[0].stale == []
    (project.path / "settings/b.json").write_text("3")
    project.git("commit", "--quiet", "-am", "edited, not run")
    shown = [(f.subject, f.state.split()[0]) for f in traced(project, "base", rev)[0].stages[0].stale]
    assert shown == [("settings", "changed")]


def test_a_step_that_ran_again_makes_those_after_it_stale_in_a_revision(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    lock = project.path / "dvc.lock"
    made = read_lock(lock.read_text())["evolve_r2"].deps
    md5 = next(dep.md5 for dep in made if dep.path == "data/rounds/r1")
    before, name, stage = lock.read_text().partition("\n  evolve_r2:\n")
    lock.write_text(before + name + stage.replace(md5, "a1" * 16, 1))
    project.git("commit", "--quiet", "-am", "a lock of two runs")
    found = traced(project, "evolve_r2", "HEAD")[0]
    shown = [(f.stage, f.subject, f.state) for stage in found.stages for f in stage.stale]
    assert shown == [("evolve_r2", "data/rounds/r1", "rewritten by evolve_r1 since")]


def add_remote(project, folder) -> None:
    with Repo(str(project.path)) as repo, repo.config.edit("repo") as config:
        config["core"]["remote"] = "store"
        config["remote"]["store"] = {"url": str(folder)}


def push(project, *targets: str) -> None:
    with Repo(str(project.path)) as repo, contextlib.chdir(project.path):
        repo.push(targets or None)


def test_the_remote_is_asked_for_every_out(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    add_remote(project, tmp_path / "store")
    push(project, "data/merged", "data/rounds/r0")
    found, text = traced(project, "merge")
    assert {"data/rounds/r1", "data/rounds/r4"} <= set(found.remote.lacks)
    assert not {"data/merged", "data/rounds/r0", "metrics/merge.json"} & set(found.remote.lacks)
    assert "data/rounds/r1 (not pushed)" in text
    push(project)
    found, text = traced(project, "merge")
    assert found.remote.lacks == {}
    assert f"remote store ({tmp_path / 'store'}) has all of it" in text


def test_what_neither_cache_nor_remote_holds_is_said(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    add_remote(project, tmp_path / "store")
    project.run("rm", "-r", ".dvc/cache", "data")
    found, _ = traced(project, "seed")
    assert found.remote.lacks == {"data/rounds/r0": "neither in the cache nor pushed"}
    sample = "0123456789abcdef"
    assert refused(project, sample) == (
        f"trace: {sample}: unknown; the data that may contain it is not here: `dvc pull` or `dvc repro` gets it"
    )


def test_what_lies_after_data_that_is_not_at_hand_is_left_open(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    sample = next(
        e for e in examples(project, 1) if f'"{e.id}"' in (project.path / "data/screened/r1.jsonl").read_text()
    )
    project.run("rm", "-r", ".dvc/cache", "data/rounds/r2", "data/merged")
    found, text = traced(project, sample.id)
    assert [(outcome.stage, outcome.state) for outcome in found.outcomes] == [
        ("screen", "kept"),
        ("merge", "unavailable"),
    ]
    assert found.children == []
    assert "data/merged/examples.jsonl: neither here nor in DVC's cache nor in its remote" in text


def test_an_unknown_name_is_one_line_with_what_is_near(finished):
    sample = deepest(finished)
    assert refused(finished, "models/wizardcodr").endswith(
        "models/wizardcodr: unknown (did you mean models/wizardcoder?)"
    )
    assert sample.id in refused(finished, sample.id[:-1] + "9") or f"{sample.id[:16]}" in refused(
        finished, sample.id[:-1] + "9"
    )
    assert refused(finished, "zzzz").startswith("trace: zzzz: unknown name: not one of ")


def test_the_beginning_of_an_id_names_those_that_begin_so(finished):
    seed_id = examples(finished, 0)[0].id
    assert f"did you mean {seed_id}" in refused(finished, seed_id[:12])


def test_an_unknown_revision_is_one_line(finished):
    assert refused(finished, "models/wizardcoder", "nope") == "--rev: nope: git knows no such revision here"


def test_the_command_ends_with_one_line_for_an_unknown_name(finished):
    command = [sys.executable, "-m", "wizardcoder.cli.main", "trace", "zzzz"]
    done = subprocess.run(command, cwd=finished.path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {refused(finished, 'zzzz')}\n"


def test_a_pipe_gets_the_tree_as_plain_text(finished, monkeypatch, capsys):
    monkeypatch.chdir(finished.path)
    wizardcoder("trace", deepest(finished).id)
    assert capsys.readouterr().out == traced(finished, deepest(finished).id)[1] + "\n"


def test_json_holds_the_same(finished, monkeypatch, capsys):
    monkeypatch.chdir(finished.path)
    wizardcoder("trace", deepest(finished).id, "--json")
    printed = json.loads(capsys.readouterr().out)
    assert printed["id"] == deepest(finished).id
    assert printed["attempts"][-1]["requests"][0]["body"]["messages"]
    assert printed["outcomes"][0]["stage"] == "screen"
