"""Publish files on the Hugging Face hub in one commit.

In: files and texts by their name in the repository. Out: the commit's URL. A repository with files that no export wrote
is not changed. The token is that of huggingface_hub (`hf auth login` or HF_TOKEN); it is never printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wizardcoder.core.console import StageError
from wizardcoder.publishing.atomic_folder import MANIFEST, read_manifest

if TYPE_CHECKING:  # takes most of a second to import
    from huggingface_hub import HfApi

HUB_FILES = {".gitattributes"}


def require_token() -> None:
    """Refuse to publish without a login.

    Raises:
        StageError: there is no token.
    """
    import huggingface_hub

    if not huggingface_hub.get_token():
        raise StageError("--push: not logged in to the Hugging Face hub: `hf auth login`, or set HF_TOKEN")


def publish(repo: str, kind: str, files: Mapping[str, Path | bytes], title: str) -> str:
    """Commit files to a dataset or model repository, which is created if need be.

    Files of an earlier export that this one does not contain are deleted.

    Raises:
        StageError: the hub refuses or cannot be reached, or the repository contains files that no export wrote.
    """
    import httpx2
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    try:
        api.create_repo(repo, repo_type=kind, exist_ok=True, private=None)
        existing = set(api.list_repo_files(repo, repo_type=kind)) - HUB_FILES
        _refuse_files_of_others(api, repo, kind, existing)
        added = [
            CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
            for name, content in files.items()
        ]
        deleted = [CommitOperationDelete(name) for name in sorted(existing - files.keys())]
        done = api.create_commit(repo, [*added, *deleted], commit_message=title, repo_type=kind)
    except (OSError, ValueError, httpx2.HTTPError) as exc:
        raise StageError(f"--push: {kind} {repo}: {' '.join(str(exc).split())[:300] or type(exc).__name__}") from exc
    return str(done.commit_url)


def _refuse_files_of_others(api: HfApi, repo: str, kind: str, existing: set[str]) -> None:
    """Refuse a repository with files that are not in the list of an earlier export."""
    known: Mapping[str, str] = {}
    if MANIFEST in existing:
        listed = read_manifest(Path(api.hf_hub_download(repo, MANIFEST, repo_type=kind)).read_text())
        known = {} if listed is None else {**listed, MANIFEST: ""}
    other = sorted(existing - known.keys())
    if other:
        raise StageError(f"--push: {kind} {repo} contains {other[0]}, which no export wrote; choose another repository")
