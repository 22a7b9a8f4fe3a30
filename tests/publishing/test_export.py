"""The dataset: what `datasets` loads from it is what the stages wrote, and nothing else is ever overwritten."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from finished_project import ROOT, SOURCE, copy_of
from ruamel.yaml import YAML

from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.core.records import Example, Rejected, read_records
from wizardcoder.publishing import export
from wizardcoder.publishing.atomic_folder import replacing_folder
from wizardcoder.publishing.dataset import write_dataset
from wizardcoder.training.model_package.card import ModelOrigin, PublishedFacts, model_card
from wizardcoder.training.model_package.licences import combine, of_base, of_seeds

pytestmark = pytest.mark.heavy


def exported(project, **options) -> Path:
    """Export into `out` beside the project's folder."""
    out = project.path.parent / "out"
    with contextlib.chdir(project.path):
        export.export_dataset(out, **options)
    return out


def refused(project, **options) -> str:
    with pytest.raises(StageError) as error:
        exported(project, **options)
    return str(error.value)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def dataset(finished, tmp_path_factory):
    return exported(copy_of(finished, tmp_path_factory.mktemp("dataset")), licence="mit")


def loaded(folder: Path, config: str, cache: Path) -> list[dict]:
    from datasets import load_dataset

    return list(load_dataset(str(folder), config, split="train", cache_dir=str(cache)))


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.open()]


def header(readme: Path) -> dict:
    return YAML(typ="safe").load(readme.read_text().split("---\n")[1])


def test_datasets_loads_every_example_with_every_field(finished, dataset, tmp_path):
    written = lines(finished.path / "data/decontaminated/examples.jsonl")
    assert loaded(dataset, "default", tmp_path) == written
    assert set(written[0]) == set(Example.__slots__)


def test_rejected_and_excluded_come_with_their_reasons_and_without_their_texts(finished, dataset, tmp_path):
    rejected = loaded(dataset, "rejected", tmp_path)
    by_round = {n: list(read_records(finished.path / f"data/rounds/r{n}/rejected.jsonl", Rejected)) for n in range(5)}
    for number, records in by_round.items():
        step = f"evolve_r{number}" if number else "seed"
        assert [(r["id"], r["reason"]) for r in rejected if r["step"] == step] == [(r.id, r.reason) for r in records]
    (excluded,) = loaded(dataset, "excluded", tmp_path)
    (wanted,) = lines(finished.path / "data/decontaminated/excluded.jsonl")
    assert excluded == {key: wanted.get(key) for key in excluded}
    published = b"".join(path.read_bytes() for path in dataset.rglob("*.json")) + (dataset / "README.md").read_bytes()
    assert wanted["response"].splitlines()[0].encode() not in published
    assert {"instruction", "response", "test_text"} & (set(rejected[0]) | set(excluded)) == set()


def test_the_card_counts_what_is_in_the_files(finished, dataset):
    examples = list(read_records(finished.path / "data/decontaminated/examples.jsonl", Example))
    card = (dataset / "README.md").read_text()
    assert f"\n{len(examples)} instruction-response pairs" in card
    for name in ("round", "heuristic", "language"):
        for value, number in Counter(getattr(e, name) for e in examples).items():
            assert f"| {'none' if value is None else value} | {number} |\n" in card
    reasons = Counter(r.reason for r in read_records(finished.path / "data/rounds/r2/rejected.jsonl", Rejected))
    for reason, number in reasons.items():
        assert f"| evolve_r2 | {reason} | {number} |\n" in card
    assert "| decontaminate | too close to dev | 1 |" in card


def test_the_header_is_what_the_hub_reads(dataset):
    found = header(dataset / "README.md")
    assert (found["license"], found["size_categories"]) == ("mit", ["n<1K"])
    assert [config["config_name"] for config in found["configs"]] == ["default", "rejected", "excluded"]
    assert found["configs"][0]["default"] is True


def test_the_lineage_names_commit_lock_and_every_step_with_its_params(finished, dataset):
    lineage = json.loads((dataset / "lineage.json").read_text())
    assert lineage["commit"]["id"] == finished.git("rev-parse", "HEAD")
    assert lineage["lock_md5"] == hashlib.md5((finished.path / "dvc.lock").read_bytes()).hexdigest()
    steps = {stage["name"]: stage for stage in lineage["lineage"]["stages"]}
    assert steps["seed"]["params"]["seed"]["source"] == SOURCE
    assert steps["decontaminate"]["outs"][0]["md5"] in (dataset / "README.md").read_text()
    assert {"evolve_r1", "merge"} <= set(steps)
    assert "train" not in steps


def test_the_same_data_gives_the_same_bytes(finished, dataset, tmp_path):
    again = exported(copy_of(finished, tmp_path), licence="mit")
    assert files(again) == files(dataset)


def test_bad_data_leaves_no_folder(finished, tmp_path):
    project = copy_of(finished, tmp_path)
    path = project.path / "data/decontaminated/examples.jsonl"
    text = path.read_text()
    path.unlink()
    path.write_text(text + "{}\n")
    with (
        contextlib.chdir(project.path),
        pytest.raises(StageError, match=r"^data/decontaminated/examples\.jsonl:"),
        replacing_folder(tmp_path / "out") as folder,
    ):
        write_dataset(folder, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project"]


def test_seeds_of_unknown_licence_are_refused_in_one_line(finished):
    assert refused(finished).startswith(f"export: the licence of the seeds, {SOURCE}, is not known: --license ID ")


def test_a_source_declares_its_licence(tmp_path):
    root = Path(__file__).resolve().parents[2]
    assert of_seeds(root / "bundled/seeds.json") == "apache-2.0"
    assert of_seeds(root / "hub/code_alpaca_20k.yaml") == "cc-by-nc-4.0"
    (tmp_path / "s.json.license").write_text("Copyright someone\nSPDX-License-Identifier: MIT\n")
    assert of_seeds(tmp_path / "s.json") == "mit"
    assert of_seeds(tmp_path / "other.json") is None


def test_without_a_token_nothing_is_written_or_sent(finished, tmp_path, token):
    project = copy_of(finished, tmp_path)
    message = refused(project, licence="mit", push="me/data")
    assert message == "--push: not logged in to the Hugging Face hub: `hf auth login`, or set HF_TOKEN"
    assert not (tmp_path / "out").exists()


def test_model_without_push_is_refused(finished):
    assert refused(finished, licence="mit", with_model=True).startswith("--model: needs --push")


def test_push_publishes_the_folder_and_the_model(finished, tmp_path, hub, capsys):
    project = copy_of(finished, tmp_path)
    out = exported(project, licence="mit", push="me/data", with_model=True)
    published = {name: content for name, content in hub.repos["datasets/me/data"].items() if name != ".gitattributes"}
    assert published == files(out)
    model = hub.repos["models/me/data"]
    assert model["made_up.txt"] == (project.path / "models/wizardcoder/made_up.txt").read_bytes()
    steps = {stage["name"] for stage in json.loads(model["lineage.json"])["lineage"]["stages"]}
    assert {"seed", "train", "evaluate"} <= steps
    assert "hf_secret" not in capsys.readouterr().err


def test_the_model_s_card_has_scores_training_prompt_and_both_licences(finished, tmp_path, hub):
    project = copy_of(finished, tmp_path)
    exported(project, licence="cc-by-nc-4.0", push="me/data", with_model=True)
    readme = hub.repos["models/me/data"]["README.md"]
    found = header_of(readme)
    assert (found["license"], found["license_name"]) == ("other", "apache-2.0-and-cc-by-nc-4.0")
    assert found["datasets"] == ["me/data"]
    message = readme.decode()
    for text in (
        "`SmolLM2-135M-Instruct.Q4_1`, fine-tuned on 36 instruction-response pairs",
        f"```\n{project.params()['train']['prompt']}\n```",
        "| max_grad_norm | 1 |",
        "| held_out_loss_after | 1.5 |",
        "| dev | 30 | pass@1 | 13.3% | 5.3% to 29.7% | 0.0% |",
        "- the base model `SmolLM2-135M-Instruct.Q4_1`: apache-2.0\n",
        f"- the seeds `{SOURCE}`: cc-by-nc-4.0; data derived from them inherits it\n",
    ):
        assert text in message
    assert "Not measured yet" not in message


def test_the_card_shows_each_benchmark_once_whatever_its_name():
    of_mbpp = {".problems": 90, ".pass_at_1": 0.5, ".pass_at_1.low": 0.4, ".pass_at_1.high": 0.6}
    of_mbpp |= {".base.pass_at_1": 0.25, ".base.pass_at_1.low": 0.2, ".base.pass_at_1.high": 0.3}
    scores = {f"{name}{key}": value for name in ("mbpp_400", "my-bench", "dev") for key, value in of_mbpp.items()}
    scores |= {"extract": "wizardcoder", "mode": "strict"}
    card = model_card(
        ModelOrigin("base", None, "seeds", None, Path("data"), "0"),
        load(export.ModelParams, ROOT / "params.yaml").train,
        [],
        {"examples": 36},
        PublishedFacts(scores, dev="mbpp_400", dataset="me/data", lineage=""),
    )
    assert [line for line in card.splitlines() if "pass@1" in line] == [
        "| mbpp_400 | 90 | pass@1 | 50.0% | 40.0% to 60.0% | 25.0% |",
        "| my-bench | 90 | pass@1 | 50.0% | 40.0% to 60.0% | 25.0% |",
    ]


def test_a_model_that_no_longer_follows_from_its_data_is_not_published(finished, tmp_path, hub):
    project = copy_of(finished, tmp_path)
    project.set(train__lr=0.1)
    project.git("commit", "--quiet", "-am", "another learning rate")
    message = refused(project, licence="mit", push="me/data", with_model=True)
    assert message.startswith("--push: stale stages: train; ")
    assert hub.repos == {}


@pytest.mark.parametrize(
    ("base", "seeds", "front"),
    [
        ("apache-2.0", "apache-2.0", ("apache-2.0", None)),
        ("apache-2.0", "cc-by-nc-4.0", ("other", "apache-2.0-and-cc-by-nc-4.0")),
        ("bigcode-openrail-m", "mit", ("other", "bigcode-openrail-m-and-mit")),
        ("apache-2.0", None, ("other", "apache-2.0-and-unknown")),
        (None, None, ("unknown", None)),
        ("other", "other", ("other", "other-and-other")),
    ],
)
def test_no_licence_stands_for_two(base, seeds, front):
    assert combine(base, seeds) == front


@pytest.mark.parametrize(
    ("text", "licence"),
    [("---\nlicense: Apache-2.0\n---\n", "apache-2.0"), ("# no front matter\n", None), (None, None)],
)
def test_a_base_s_licence_is_its_card_s(tmp_path, text, licence):
    if text is not None:
        (tmp_path / "README.md").write_text(text)
    assert of_base(tmp_path) == licence


def header_of(readme: bytes) -> dict:
    return YAML(typ="safe").load(readme.decode().split("---\n")[1])


def test_what_is_not_committed_is_not_published(finished, tmp_path, hub):
    project = copy_of(finished, tmp_path)
    project.set(merge__rounds=[0])
    message = refused(project, licence="mit", push="me/data")
    assert message.startswith("--push: params.yaml not committed; stale stages: merge; ")
    assert hub.repos == {}
    out = exported(project, licence="mit")
    assert "- stale stages: merge\n" in (out / "README.md").read_text()
