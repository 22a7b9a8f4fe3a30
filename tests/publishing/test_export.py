"""The dataset: what `datasets` loads from it is what the stages wrote, and nothing else is ever overwritten."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from finished_project import ROOT, SOURCE, copy_of
from ruamel.yaml import YAML

from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.core.records import Example, Rejected, read_records
from wizardcoder.publishing import export, parquet
from wizardcoder.publishing import hub as publisher
from wizardcoder.publishing.atomic_folder import mark_text, replacing_folder
from wizardcoder.publishing.dataset import write_dataset
from wizardcoder.training.model_package import card as model_card
from wizardcoder.training.model_package.licences import of_base, of_seeds, together


@pytest.fixture
def token(monkeypatch, tmp_path):
    """Put huggingface_hub's settings into the test's folder, without a token."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    return monkeypatch


def exported(project, **options) -> Path:
    """Export into `out` beside the project's folder."""
    out = project.path.parent / "out"
    with contextlib.chdir(project.path):
        export.export(out, **options)
    return out


def refused(project, **options) -> str:
    with pytest.raises(StageError) as error:
        exported(project, **options)
    return str(error.value)


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


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_more_rows_than_a_shard_make_more_files(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_A_SHARD", 5)
    monkeypatch.setattr(parquet, "ROWS_A_BATCH", 2)
    rows = ({"n": n, "s": None if n == 3 else str(n), "l": ("a",) * (n % 2)} for n in range(11))
    columns = {"n": "int64", "s": "string", "l": "list<string>"}
    paths = parquet.write_shards(tmp_path / "data", "train", rows, 11, columns)
    assert [path.name for path in paths] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    from datasets import load_dataset

    found = load_dataset("parquet", data_files=str(tmp_path / "data/*"), split="train", cache_dir=str(tmp_path / "c"))
    assert found["n"][:] == list(range(11))
    assert found[3] == {"n": 3, "s": None, "l": ["a"]}


def test_rows_are_taken_one_batch_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_A_BATCH", 10)
    import pyarrow.parquet

    taken, written = [], []
    write_table = pyarrow.parquet.ParquetWriter.write_table

    def noted(writer, table):
        written.append((table.num_rows, len(taken)))
        write_table(writer, table)

    monkeypatch.setattr(pyarrow.parquet.ParquetWriter, "write_table", noted)
    rows = ({"n": taken.append(n) or n} for n in range(25))
    parquet.write_shards(tmp_path, "train", rows, 25, {"n": "int64"})
    assert written == [(10, 10), (10, 20), (5, 25)]


def test_an_empty_table_keeps_its_columns(tmp_path):
    import pyarrow.parquet

    (path,) = parquet.write_shards(tmp_path, "train", [], 0, {"n": "int64"})
    assert (path.name, pyarrow.parquet.read_schema(path).names) == ("train-00000-of-00001.parquet", ["n"])


def test_an_export_replaces_an_earlier_one_whole(tmp_path):
    out = tmp_path / "out"
    for name in ("first", "second"):
        with replacing_folder(out) as folder:
            (folder / name).write_text(name)
    assert set(files(out)) == {"second", "export.json"}
    assert list(tmp_path.iterdir()) == [out]


def test_a_failed_export_leaves_what_was_there(tmp_path):
    out = tmp_path / "out"
    with replacing_folder(out) as folder:
        (folder / "first").write_text("first")
    before = files(out)
    with pytest.raises(StageError, match="bad"), replacing_folder(out) as folder:
        (folder / "second").write_text("half")
        raise StageError("bad")
    assert files(out) == before
    assert list(tmp_path.iterdir()) == [out]


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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda out: (out / "notes.txt").write_text("mine"), "notes.txt is not as an export wrote it"),
        (lambda out: (out / "first").write_text("edited"), "first is not as an export wrote it"),
        (lambda out: (out / "export.json").unlink(), "holds files that no export wrote"),
        (lambda out: (out / "export.json").write_text("{}"), "holds files that no export wrote"),
    ],
    ids=["added", "edited", "unmarked", "foreign_mark"],
)
def test_what_no_export_wrote_is_never_overwritten(tmp_path, change, reason):
    out = tmp_path / "out"
    with replacing_folder(out) as folder:
        (folder / "first").write_text("first")
    change(out)
    before = files(out)
    with pytest.raises(StageError, match=re.escape(reason)), replacing_folder(out):
        pass
    assert files(out) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(StageError, match="is not a folder"), replacing_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "mine"


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
    told = refused(project, licence="mit", push="me/data")
    assert told == "--push: not logged in to the Hugging Face hub: `hf auth login`, or set HF_TOKEN"
    assert not (tmp_path / "out").exists()


def test_model_without_push_is_refused(finished):
    assert refused(finished, licence="mit", with_model=True).startswith("--model: needs --push")


class Hub(BaseHTTPRequestHandler):
    """The few answers of the hub that publishing needs; `repos` maps kind/name to its files."""

    repos: dict[str, dict[str, bytes]]
    refuses: int | None = None

    @property
    def own_url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def log_message(self, *args):
        pass

    def _send(self, code: int, content: object) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("ETag", '"e"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refuses:
            self._send(self.refuses, {"error": "no"})
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('type', 'model')}s/{asked.get('organization', 'me')}/{asked['name']}"
            self.repos.setdefault(name, {".gitattributes": b""})
            self._send(200, {"url": f"{self.own_url}/{name.removeprefix('models/')}"})
        elif "/preupload/" in self.path:
            listed = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            self._send(200, {"files": listed})
        elif self.path == "/api/validate-yaml":
            self._send(200, {"errors": [], "warnings": []})
        else:
            repo = self.path.removeprefix("/api/").split("/commit/")[0]
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.repos[repo][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del self.repos[repo][line["value"]["path"]]
            url = f"{self.own_url}/{repo.removeprefix('models/')}/commit/{'c' * 40}"
            self._send(200, {"commitOid": "c" * 40, "commitUrl": url, "hookOutput": ""})

    def do_GET(self):
        path = self.path.split("?")[0]
        if self.refuses:
            self._send(self.refuses, {"error": "no"})
        elif "/resolve/" in path:
            repo, name = path.lstrip("/").split("/resolve/")
            self._send(
                200, self.repos[repo if repo.startswith("datasets/") else f"models/{repo}"][name.split("/", 1)[1]]
            )
        elif "/tree/" in path:
            files = self.repos[path.removeprefix("/api/").split("/tree/")[0]]
            self._send(200, [{"type": "file", "path": f, "size": len(c), "oid": "0"} for f, c in files.items()])
        elif not path.startswith(("/api/datasets/", "/api/models/")):
            self._send(404, {"error": "no such page"})
        else:
            repo = path.removeprefix("/api/").split("/revision/")[0]
            siblings = [{"rfilename": name} for name in self.repos[repo]]
            self._send(200, {"id": repo.split("/", 1)[1], "sha": "c" * 40, "siblings": siblings, "tags": []})

    do_HEAD = do_GET  # noqa: N815 - the server's own name


@pytest.fixture
def hub(token, tmp_path):
    """Serve a hub on loopback to which this test is logged in."""
    from huggingface_hub import constants

    handler = type("Handler", (Hub,), {"repos": {}, "refuses": None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    token.setattr(constants, "ENDPOINT", url)
    token.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    token.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    token.setattr(constants, "HF_HUB_OFFLINE", False)
    token.setenv("HF_TOKEN", "hf_secret")
    token.setenv("NO_PROXY", "127.0.0.1")
    yield handler
    server.shutdown()
    server.server_close()


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
    told = readme.decode()
    for text in (
        "`SmolLM2-135M-Instruct.Q4_1`, fine-tuned on 36 instruction-response pairs",
        f"```\n{project.params()['train']['prompt']}\n```",
        "| max_grad_norm | 1 |",
        "| held_out_loss_after | 1.5 |",
        "| dev | 30 | pass@1 | 13.3% | 5.3% to 29.7% | 0.0% |",
        "- the base model `SmolLM2-135M-Instruct.Q4_1`: apache-2.0\n",
        f"- the seeds `{SOURCE}`: cc-by-nc-4.0; what is derived from them inherits it\n",
    ):
        assert text in told
    assert "Not measured yet" not in told


def test_the_card_shows_each_benchmark_once_whatever_its_name():
    of_mbpp = {".problems": 90, ".pass_at_1": 0.5, ".pass_at_1.low": 0.4, ".pass_at_1.high": 0.6}
    of_mbpp |= {".base.pass_at_1": 0.25, ".base.pass_at_1.low": 0.2, ".base.pass_at_1.high": 0.3}
    scores = {f"{name}{key}": value for name in ("mbpp_400", "my-bench", "dev") for key, value in of_mbpp.items()}
    card = model_card.card(
        model_card.Origin("base", None, "seeds", None, Path("data"), "0"),
        load(export.ModelParams, ROOT / "params.yaml").train,
        [],
        {"examples": 36},
        model_card.Published(scores, dev="mbpp_400", dataset="me/data", lineage=""),
    )
    assert [line for line in card.splitlines() if "pass@1" in line] == [
        "| mbpp_400 | 90 | pass@1 | 50.0% | 40.0% to 60.0% | 25.0% |",
        "| my-bench | 90 | pass@1 | 50.0% | 40.0% to 60.0% | 25.0% |",
    ]


def test_a_model_that_no_longer_follows_from_its_data_is_not_published(finished, tmp_path, hub):
    project = copy_of(finished, tmp_path)
    project.set(train__lr=0.1)
    project.git("commit", "--quiet", "-am", "another learning rate")
    told = refused(project, licence="mit", push="me/data", with_model=True)
    assert told.startswith("--push: stale steps: train; ")
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
    assert together(base, seeds) == front


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


def publish(**files: bytes) -> str:
    return publisher.publish("me/data", "dataset", {**files, "export.json": mark_text(files)}, "a title")


def test_a_second_push_replaces_the_first(hub):
    publish(a=b"1", b=b"2")
    publish(b=b"3", c=b"4")
    kept = {"b": b"3", "c": b"4"}
    assert hub.repos["datasets/me/data"] == {".gitattributes": b"", **kept, "export.json": mark_text(kept)}


def test_a_repository_of_others_is_left_alone(hub):
    hub.repos["datasets/me/data"] = {".gitattributes": b"", "theirs.csv": b"1"}
    with pytest.raises(StageError, match=r"^--push: dataset me/data holds theirs\.csv, which no export wrote; name an"):
        publish(a=b"1")
    assert hub.repos["datasets/me/data"] == {".gitattributes": b"", "theirs.csv": b"1"}


def test_a_hub_that_refuses_is_one_line_without_the_token(hub):
    hub.refuses = 403
    with pytest.raises(StageError) as error:
        publish(a=b"1")
    told = str(error.value)
    assert told.startswith("--push: dataset me/data: ")
    assert "403" in told
    assert "\n" not in told
    assert "hf_secret" not in told


def test_a_hub_that_is_not_there_is_one_line(hub, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StageError, match=r"^--push: dataset me/data: [^\n]+$"):
        publish(a=b"1")


def test_what_is_not_committed_is_not_published(finished, tmp_path, hub):
    project = copy_of(finished, tmp_path)
    project.set(merge__rounds=[0])
    told = refused(project, licence="mit", push="me/data")
    assert told.startswith("--push: params.yaml not committed; stale steps: merge; ")
    assert hub.repos == {}
    out = exported(project, licence="mit")
    assert "- stale steps: merge\n" in (out / "README.md").read_text()
