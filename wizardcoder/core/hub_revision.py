"""Which commit a branch or tag of the Hugging Face hub stands for.

In: a data set's id and a revision. Out: the commit's hash, as the hub tells it, or where that is out of reach the
cache of what was downloaded before. Who downloads a model learns it from that and only tells it here. DVC sees the
revision and not the commit, so a branch that moved reruns nothing: the commit is said in one line, and the stages seed
and base write it down.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from wizardcoder.core import console

MAIN = "main"  # the branch that no revision stands for
_COMMIT = re.compile(r"[0-9a-f]{40}")  # whole: a shorter one may be the name of a branch or tag


@cache
def commit_of(dataset: str, revision: str | None) -> str | None:
    """Give the commit that a revision stands for, None where nobody tells; asked once a process."""
    if is_pinned(revision):
        return revision
    name = revision or MAIN
    commit = _from_hub(dataset, name) or _from_cache(dataset, name)
    tell(dataset, revision, commit)
    return commit


def is_pinned(revision: str | None) -> bool:
    """Say whether a revision is a commit's hash, which stays what it is."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


@cache
def tell(repository: str, revision: str | None, commit: str | None) -> None:
    """Say in one line what a revision that can move stands for now; once a process."""
    found = f"it is commit {commit} now" if commit else "which commit it is now is not known"
    console.say(
        f"{repository}@{revision or MAIN} can move, which DVC does not see: {found}; as revision a hash pins it"
    )


def _from_hub(dataset: str, revision: str) -> str | None:
    import httpx2
    from huggingface_hub import HfApi

    try:
        return HfApi().dataset_info(dataset, revision=revision).sha
    except (OSError, ValueError, httpx2.HTTPError):  # who reads the data set afterwards says what is wrong with it
        return None


def _from_cache(dataset: str, revision: str) -> str | None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=dataset, repo_type="dataset")
    try:
        return (folder / "refs" / revision).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
