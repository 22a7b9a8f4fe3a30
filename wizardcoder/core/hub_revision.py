"""The commit to which a branch or tag of the Hugging Face hub points.

In: a data set's id and a revision. Out: the commit's hash, from the hub or, if it cannot be reached, from the cache of
earlier downloads. Model downloads already return the commit; they only report it through `warn_unpinned`. DVC tracks
the revision and not the commit, so a branch that moved reruns nothing. The commit is therefore printed, and the stages
seed and base record it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from wizardcoder.core import console

MAIN = "main"  # the branch if no revision is given
_COMMIT = re.compile(r"[0-9a-f]{40}")  # in full: a shorter one may be the name of a branch or tag


@cache
def commit_of(dataset: str, revision: str | None) -> str | None:
    """Return the commit to which a revision points, None if unknown; looked up once per process."""
    if is_pinned(revision):
        return revision
    name = revision or MAIN
    commit = _from_hub(dataset, name) or _from_cache(dataset, name)
    warn_unpinned(dataset, revision, commit)
    return commit


def is_pinned(revision: str | None) -> bool:
    """Return whether a revision is a commit's hash, which cannot move."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


@cache
def warn_unpinned(repository: str, revision: str | None, commit: str | None) -> None:
    """Print that a revision can move and to which commit it points now; once per process."""
    name = f"{repository}@{revision or MAIN} is a branch or tag, which DVC cannot track"
    if commit:
        console.say(f"{name}. It currently points to {commit}; use that commit as the revision to pin it")
    else:
        console.say(f"{name}. The commit to which it points is unknown")


def _from_hub(dataset: str, revision: str) -> str | None:
    import httpx2
    from huggingface_hub import HfApi

    try:
        return HfApi().dataset_info(dataset, revision=revision).sha
    except (OSError, ValueError, httpx2.HTTPError):  # reading the data set afterwards reports the error
        return None


def _from_cache(dataset: str, revision: str) -> str | None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=dataset, repo_type="dataset")
    try:
        return (folder / "refs" / revision).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
