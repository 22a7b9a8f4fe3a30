"""The DVC remote: the full circle through a real S3 API on loopback, its faults, and what the cache's links hold.

The circle runs the project's own dvc.yaml; the faults a small pipeline of two stages.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import s3_server
from dvc.repo import Repo
from finished_project import copy_of
from s3_server import BUCKET
from test_pipeline import Project, ran

from wizardcoder.core.records import write_jsonl
from wizardcoder.lineage.revision import Revision
from wizardcoder.lineage.trace import trace

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[1]
URL = f"s3://{BUCKET}/store"
SMALL = """\
stages:
  make:
    cmd: python make.py
    deps: [make.py]
    outs: [made]
  join:
    cmd: cat made/* > joined
    deps: [made]
    outs: [joined]
"""
MAKE = """\
from pathlib import Path

Path("made").mkdir()
for number in range(6):
    Path(f"made/{number}").write_text(f"{number}" * 5000)
"""


@pytest.fixture(scope="module")
def s3():
    with s3_server.serve() as server:
        yield server


@pytest.fixture
def bucket(s3):
    """Give the server with an empty bucket and open gates."""
    client = s3.client()
    for key in s3.objects():
        client.delete_object(Bucket=BUCKET, Key=key)
    s3.hold_after = None
    s3.held.clear()
    s3.released.clear()
    return s3


@pytest.fixture(scope="module")
def small_run(tmp_path_factory) -> Project:
    """Give the small pipeline after its run, under the project's own DVC settings."""
    path = tmp_path_factory.mktemp("small") / "project"
    path.mkdir()
    project = Project(path, None)
    project.git("init", "--quiet", "--initial-branch=main")
    project.git("config", "user.name", "test")
    project.git("config", "user.email", "test@example.invalid")
    (path / "dvc.yaml").write_text(SMALL)
    (path / "make.py").write_text(MAKE)
    Repo.init(str(path)).close()
    shutil.copy(ROOT / ".dvc/config", path / ".dvc/config")
    project.dvc("repro")
    project.git("add", ".")
    project.git("commit", "--quiet", "-m", "a run")
    return project


@pytest.fixture
def small(small_run, bucket, tmp_path) -> Project:
    project = cloned(small_run, tmp_path / "project")
    shutil.copytree(small_run.path / ".dvc/cache", project.path / ".dvc/cache")
    with at(project) as repo:
        repo.checkout()
    connect(project, bucket)
    return project


def cloned(project: Project, path: Path) -> Project:
    project.git("clone", "--quiet", ".", str(path))
    return Project(path, project.teacher)


@contextlib.contextmanager
def at(project: Project):
    with contextlib.chdir(project.path), Repo(".") as repo:
        yield repo


def connect(project: Project, s3, **changes: object) -> None:
    """Set the remote as a person would: the address in .dvc/config, the keys in .dvc/config.local, out of git."""
    with at(project) as repo:
        with repo.config.edit("repo") as config:
            config["core"]["remote"] = "storage"
            config["remote"]["storage"] = {"url": URL, "endpointurl": s3.url, "verify": True}
        with repo.config.edit("local") as config:
            keys = {"access_key_id": s3.key, "secret_access_key": s3.secret}
            config["remote"]["storage"] = keys | changes


def tree(path: Path, *folders: str) -> dict[str, bytes]:
    """Give the content of every file below some folders."""
    files = (file for folder in folders for file in (path / folder).rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


def in_sync(project: Project) -> bool:
    with at(project) as repo:
        return repo.status(cloud=True) == {}


def test_the_full_circle_push_lose_everything_clone_pull_and_run_nothing(finished, tmp_path, bucket):
    project = copy_of(finished, tmp_path)
    with at(project) as repo:
        kept = [out.def_path for out in repo.index.outs if out.use_cache]
    before = tree(project.path, *kept)
    connect(project, bucket)
    with at(project) as repo:
        assert repo.push() > 0
    project.git("commit", "--quiet", "-am", "a remote")
    assert bucket.secret not in project.git("show", "HEAD:.dvc/config")
    clone = cloned(project, tmp_path / "clone")
    shutil.rmtree(project.path)
    connect(clone, bucket)
    clone.dvc("pull")
    assert tree(clone.path, *kept) == before
    assert in_sync(clone)
    assert ran(clone.dvc("repro")) == []
    assert clone.git("status", "--porcelain") == ""
    with contextlib.chdir(clone.path):
        found, _ = trace("models/wizardcoder", Revision())
    assert (found.remote.url, found.remote.lacks, found.remote.verifies) == (URL, {}, True)
    assert [stage.stale for stage in found.stages if stage.stale] == []


def test_a_wrong_key_is_dvcs_own_error_and_loses_nothing(small, bucket):
    before = tree(small.path, ".dvc/cache", "made")
    connect(small, bucket, secret_access_key="wrong")
    assert "ERROR: unexpected error - Forbidden: An error occurred (403)" in small.dvc("push", code=255)
    assert tree(small.path, ".dvc/cache", "made") == before
    assert bucket.objects() == {}


def test_a_missing_bucket_is_dvcs_own_error_and_loses_nothing(small, bucket):
    before = tree(small.path, ".dvc/cache", "made")
    connect(small, bucket, url="s3://nowhere/store")
    assert "The specified bucket does not exist" in small.dvc("push", code=255)
    assert tree(small.path, ".dvc/cache", "made") == before


def test_an_object_cut_short_in_the_bucket_is_refused_and_can_be_mended(small, bucket, tmp_path):
    with at(small) as repo:
        repo.push()
        broken = next(entry for out in repo.index.outs if out.is_dir_checksum for entry in out.get_obj())[2].value
    sizes = bucket.objects()
    key = next(key for key in sizes if key.endswith(f"{broken[:2]}/{broken[2:]}"))
    bucket.client().put_object(Bucket=BUCKET, Key=key, Body=b"0" * 10)
    clone = cloned(small, tmp_path / "clone")
    connect(clone, bucket)
    assert "ERROR: failed to pull data from the cloud - Checkout failed" in clone.dvc("pull", code=1)
    assert not (clone.path / ".dvc/cache/files/md5" / broken[:2] / broken[2:]).exists()
    assert not (clone.path / "made").exists()
    # a remote is trusted to hold what it lists: the broken object and the listings that name it have to go first
    for each in sizes:
        if each == key or each.endswith(".dir"):
            bucket.client().delete_object(Bucket=BUCKET, Key=each)
    with at(small) as repo:
        repo.push()
    assert bucket.objects() == sizes
    with at(clone) as repo:
        repo.pull()
    assert tree(clone.path, "made") == tree(small.path, "made")


def test_a_push_that_is_killed_leaves_no_listing_without_its_files_and_goes_on_later(small, bucket, tmp_path):
    before = tree(small.path, ".dvc/cache/files", "made")
    bucket.uploaded, bucket.hold_after = 0, 2
    command = [sys.executable, "-m", "dvc", "push", "-j", "1"]
    push = subprocess.Popen(command, cwd=small.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert bucket.held.wait(120)
    push.kill()
    push.wait()
    bucket.hold_after = None
    bucket.released.set()
    assert not any(key.endswith(".dir") for key in bucket.objects())
    assert not in_sync(small)
    assert tree(small.path, ".dvc/cache/files", "made") == before
    with at(small) as repo:
        repo.push()
    assert in_sync(small)
    clone = cloned(small, tmp_path / "clone")
    connect(clone, bucket)
    with at(clone) as repo:
        repo.pull()
    assert tree(clone.path, "made") == tree(small.path, "made")


def objects_of(project: Project) -> dict[int, Path]:
    """Give the cache's files by inode."""
    files = (file for file in (project.path / ".dvc/cache/files").rglob("*") if file.is_file())
    return {file.stat().st_ino: file for file in files}


def test_what_a_run_writes_is_stored_once_and_read_only(small_run):
    cached = objects_of(small_run)
    outs = [*(small_run.path / "made").iterdir(), small_run.path / "joined"]
    assert [out for out in outs if out.stat().st_ino not in cached] == []
    assert {out.stat().st_mode & 0o222 for out in outs} == {0}


def test_a_file_written_anew_in_a_linked_out_does_not_reach_the_cache(small_run, tmp_path):
    project = cloned(small_run, tmp_path / "project")
    shutil.copytree(small_run.path / ".dvc/cache", project.path / ".dvc/cache")
    with at(project) as repo:
        repo.checkout()
    out = project.path / "made/0"
    linked = objects_of(project)[out.stat().st_ino]
    before = linked.read_bytes()
    write_jsonl(out, [{"another": 1}])
    assert linked.read_bytes() == before
    with at(project) as repo:
        assert repo.status()["make"] == [{"changed outs": {"made": "modified"}}]
        repo.checkout(force=True)
    assert out.read_bytes() == before
