"""Words, TF-IDF and model vectors of texts, similarity, and measures of instructions.

Does not read records; source code is in source_code.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.text.embedding_models import EmbeddingModel as EmbeddingModel
    from wizardcoder.text.embeddings import embed as embed
    from wizardcoder.text.measures import compute_distinct_share as compute_distinct_share
    from wizardcoder.text.measures import count_requirements as count_requirements
    from wizardcoder.text.measures import count_tokens as count_tokens
    from wizardcoder.text.nearest import compare_pairs as compare_pairs
    from wizardcoder.text.nearest import find_nearest as find_nearest
    from wizardcoder.text.words import split_tokens as split_tokens
    from wizardcoder.text.words import split_words as split_words

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "EmbeddingModel": "embedding_models",
        "embed": "embeddings",
        "compute_distinct_share": "measures",
        "count_requirements": "measures",
        "count_tokens": "measures",
        "compare_pairs": "nearest",
        "find_nearest": "nearest",
        "split_tokens": "words",
        "split_words": "words",
    },
)
