"""Merge rounds into one training set: exclude heuristics, remove duplicates and near-duplicates, equalise round sizes.

Decides by id and reason; the stage merge reads and writes the files. Does not compare with tests (decontamination).
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.merging.choice import check_choice as check_choice
    from wizardcoder.merging.merge_rounds import merge_rounds as merge_rounds
    from wizardcoder.merging.near_duplicates import NearDuplicateIndex as NearDuplicateIndex
    from wizardcoder.merging.selection import Selection as Selection
    from wizardcoder.merging.settings import MergeParams as MergeParams

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "check_choice": "choice",
        "merge_rounds": "merge_rounds",
        "NearDuplicateIndex": "near_duplicates",
        "Selection": "selection",
        "MergeParams": "settings",
    },
)
