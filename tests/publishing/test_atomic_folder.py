"""An export's folder appears whole or not at all, and replaces nothing that no export wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.publishing.atomic_folder import read_manifest, replacing_folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda out: (out / "notes.txt").write_text("mine"), "notes.txt was added or changed since the export"),
        (lambda out: (out / "first").write_text("edited"), "first was added or changed since the export"),
        (lambda out: (out / "export.json").unlink(), "contains files that no export wrote"),
        (lambda out: (out / "export.json").write_text("{}"), "contains files that no export wrote"),
    ],
    ids=["added", "edited", "unmarked", "foreign_mark"],
)
def test_files_of_others_are_never_overwritten(tmp_path, change, reason):
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


@pytest.mark.parametrize("writer", ["wizardcoder export", "python -m stages.export"])
def test_the_list_of_an_earlier_version_is_accepted(writer):
    assert read_manifest(json.dumps({"written_by": writer, "files": {"a": "1"}})) == {"a": "1"}
    assert read_manifest(json.dumps({"written_by": "me", "files": {}})) is None
