"""Publishing on the Hugging Face hub: one commit, or none.

In: files and texts by their name in the repository. Out: the commit's URL. A repository that holds what no export wrote
is left alone; the token is huggingface_hub's own (`hf auth login` or HF_TOKEN) and is never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wizardcoder.core.console import StageError
from wizardcoder.publishing.atomic_folder import MARK, listed

OF_THE_HUB = {".gitattributes"}


def need_token() -> None:
    """Refuse to go on without being logged in."""
    import huggingface_hub

    if not huggingface_hub.get_token():
        raise StageError("--push: not logged in to the Hugging Face hub: `hf auth login`, or set HF_TOKEN")


def publish(repo: str, kind: str, files: Mapping[str, Path | bytes], title: str) -> str:
    """Make one commit of these files in a dataset or model repository, creating it where there is none.

    What an earlier export wrote there and this one does not is deleted.

    Raises:
        StageError: the hub refuses, cannot be reached, or the repository holds what no export wrote.
    """
    import httpx2
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi()
    try:
        api.create_repo(repo, repo_type=kind, exist_ok=True, private=None)
        there = set(api.list_repo_files(repo, repo_type=kind)) - OF_THE_HUB
        own: Mapping[str, str] | None = {}
        if there:
            own = listed(Path(api.hf_hub_download(repo, MARK, repo_type=kind)).read_text()) if MARK in there else None
        other = sorted(there if own is None else there - own.keys() - {MARK})
        if other:
            raise StageError(f"--push: {kind} {repo} holds {other[0]}, which no export wrote; name another repository")
        added = [
            CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
            for name, content in files.items()
        ]
        gone = [CommitOperationDelete(name) for name in sorted(there - files.keys())]
        done = api.create_commit(repo, [*added, *gone], commit_message=title, repo_type=kind)
    except (OSError, ValueError, httpx2.HTTPError) as exc:
        raise StageError(f"--push: {kind} {repo}: {' '.join(str(exc).split())[:300] or type(exc).__name__}") from exc
    return str(done.commit_url)
