"""Which commit a branch or tag of the Hugging Face hub stands for.

In: a repository's id and a revision. Out: the commit's hash, as the hub tells it, or where that is out of reach the
cache of what was downloaded before. DVC sees the revision and not the commit, so a branch that moved reruns nothing:
the commit is said in one line, and the stages seed and base write it down.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

from stages.lib import console

Kind = Literal["dataset", "model"]
MAIN = "main"  # the branch that no revision stands for
_COMMIT = re.compile(r"[0-9a-f]{40}")  # whole: a shorter one may be the name of a branch or tag


@cache
def commit_of(kind: Kind, repository: str, revision: str | None) -> str | None:
    """Give the commit that a revision stands for, None where nobody tells; asked once a process, and told once."""
    if is_pinned(revision):
        return revision
    name = revision or MAIN
    commit = _from_hub(kind, repository, name) or _from_cache(kind, repository, name)
    tell(repository, revision, commit)
    return commit


def is_pinned(revision: str | None) -> bool:
    """Say whether a revision is a commit's hash, which stays what it is."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def tell(repository: str, revision: str | None, commit: str | None) -> None:
    """Say in one line what a revision that can move stands for now."""
    found = f"it is commit {commit} now" if commit else "which commit it is now is not known"
    console.say(
        f"{repository}@{revision or MAIN} can move, which DVC does not see: {found}; as revision a hash pins it"
    )


def _from_hub(kind: Kind, repository: str, revision: str) -> str | None:
    import httpx2
    from huggingface_hub import HfApi

    info = HfApi().dataset_info if kind == "dataset" else HfApi().model_info
    try:
        return info(repository, revision=revision).sha
    except (OSError, ValueError, httpx2.HTTPError):  # who reads the repository afterwards says what is wrong with it
        return None


def _from_cache(kind: Kind, repository: str, revision: str) -> str | None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type=kind)
    try:
        return (folder / "refs" / revision).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
