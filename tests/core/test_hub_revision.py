"""The commit to which a movable revision points: looked up on the hub, else in the cache, and reported."""

from __future__ import annotations

import json
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import datasets
import huggingface_hub
import pytest
from huggingface_hub import constants

from stages import base, seed
from tests.publishing.conftest import Hub
from wizardcoder.core import paths
from wizardcoder.core.hub_revision import commit_of, warn_unpinned
from wizardcoder.evolution import seed_source
from wizardcoder.text.embedding_models import open_model
from wizardcoder.training import checkpoints

SHA = "0123456789abcdef0123456789abcdef01234567"
PAIR = {"instruction": "Add two numbers.", "input": "", "output": "a + b"}


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    forget()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


def forget():
    """Know as little as a new process does."""
    commit_of.cache_clear()
    warn_unpinned.cache_clear()


@pytest.fixture
def asked(monkeypatch):
    """Stand in for the hub, which knows `main`; gives what it was asked."""
    calls = []

    def info(_, repository, *, revision=None, files_metadata=False):
        calls.append((repository, revision))
        return SimpleNamespace(sha=SHA, siblings=[SimpleNamespace(rfilename="config.json", size=2)])

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", info)
    return calls


@pytest.fixture
def unreachable(monkeypatch):
    def info(*_, **__):
        raise ConnectionError("no hub")

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)


def test_a_branch_is_asked_once_and_told_in_one_line(asked, capsys):
    assert [commit_of("own/er", "main"), commit_of("own/er", "main")] == [SHA, SHA]
    assert asked == [("own/er", "main")]
    line = (
        f"own/er@main is a branch or tag, which DVC cannot track. It currently points to {SHA}; "
        "use that commit as the revision to pin it\n"
    )
    assert capsys.readouterr().err == line


def test_a_hash_stays_what_it_is_and_nobody_is_asked(asked, capsys):
    assert commit_of("own/er", SHA) == SHA
    assert asked == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["20240615", "deadbeef", SHA[:39]])
def test_a_name_that_only_looks_like_a_hash_is_asked(asked, name):
    assert commit_of("own/er", name) == SHA
    assert asked == [("own/er", name)]


def test_where_the_hub_is_out_of_reach_the_cache_tells(unreachable, tmp_path):
    refs = tmp_path / "hub/datasets--own--er/refs"
    refs.mkdir(parents=True)
    (refs / "main").write_text(SHA)
    assert commit_of("own/er", "main") == SHA


def test_where_nobody_tells_that_is_said(unreachable, capsys):
    assert commit_of("own/er", "main") is None
    assert (
        "own/er@main is a branch or tag, which DVC cannot track. The commit to which it points is unknown"
        in capsys.readouterr().err
    )


def test_seed_reads_the_commit_that_it_writes_into_its_metrics(asked, monkeypatch, tmp_path):
    loaded = []

    def load_dataset(name, *, revision, split):
        loaded.append((name, revision, split))
        return datasets.Dataset.from_list([PAIR])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    (tmp_path / "hub.yaml").write_text("id: own/er\nrevision: main\nsplit: train\n")
    (tmp_path / "params.yaml").write_text("run: {seed: 42}\nseed: {source: hub.yaml, limit: null}\n")
    seed.main()
    assert loaded == [("own/er", SHA, "train")]
    assert json.loads(Path("metrics/seed.json").read_text())["commit"] == SHA


def test_a_source_that_is_a_file_has_no_commit(tmp_path):
    assert seed_source.source_commit(tmp_path / "seeds.json") is None


@pytest.fixture
def downloaded(monkeypatch):
    """Stand in for the download of a base; gives what was asked of it."""
    calls = []

    def snapshot_download(repository, *, revision, local_dir, allow_patterns):
        calls.append((repository, revision, allow_patterns))
        local_dir.mkdir()
        (local_dir / "config.json").write_text("{}")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return calls


def test_base_downloads_the_commit_that_it_writes_beside_the_model(asked, downloaded, tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("base: {source: own/model, revision: main}\n")
    base.main()
    assert downloaded == [("own/model", SHA, ["config.json"])]
    assert json.loads(Path("models/base/hub.json").read_text()) == {"id": "own/model", "commit": SHA}
    assert (
        f"own/model@main is a branch or tag, which DVC cannot track. It currently points to {SHA}"
        in capsys.readouterr().err
    )


def test_to_pin_the_commit_that_was_read_leaves_the_base_as_it_is(asked, downloaded, tmp_path):
    keys = []
    for revision in ("null", "main", SHA):
        (tmp_path / "params.yaml").write_text(f"base: {{source: own/model, revision: {revision}}}\n")
        base.main()
        keys.append(checkpoints.fingerprint({}, "", paths.BASE_MODEL))
    assert keys == keys[:1] * 3


@pytest.fixture
def served(monkeypatch):
    """Serve a hub on loopback that has one model, whose branches all stand for one commit."""
    handler = type("Handler", (Hub,), {"repos": {"models/own/model": {"config.json": b"{}"}}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("name", "revision"), [("own/model", "main"), ("own/model@dev", "dev")])
def test_an_embedder_that_was_downloaded_by_a_branch_is_found_without_a_hub(
    served, name, revision, monkeypatch, capsys
):
    online = open_model(name).fingerprint
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    forget()
    assert open_model(name).fingerprint == online
    line = f"own/model@{revision} is a branch or tag, which DVC cannot track. It currently points to {'c' * 40}"
    assert capsys.readouterr().err.count(line) == 2


def test_an_embedder_at_a_commit_is_not_told(served, capsys):
    open_model(f"own/model@{'c' * 40}")
    assert "cannot track" not in capsys.readouterr().err
