"""Blind comparison of two models by people: the compared answers, the votes, and their tally with agreement.

Does not generate answers, and needs no server: the page stores votes in the browser and saves them as a file.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.report.votes.comparison import BlindComparison as BlindComparison
    from wizardcoder.report.votes.comparison import Vote as Vote
    from wizardcoder.report.votes.comparison import read_comparison as read_comparison
    from wizardcoder.report.votes.comparison import read_votes as read_votes
    from wizardcoder.report.votes.tally import tally_votes as tally_votes

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "BlindComparison": "comparison",
        "Vote": "comparison",
        "read_comparison": "comparison",
        "read_votes": "comparison",
        "tally_votes": "tally",
    },
)
