"""What a tuned model needs besides its weights: tokenizer, chat template, generation settings, card and licences.

Does not publish; see wizardcoder/publishing.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.training.model_package.card import ModelOrigin as ModelOrigin
    from wizardcoder.training.model_package.card import PublishedFacts as PublishedFacts
    from wizardcoder.training.model_package.card import model_card as model_card
    from wizardcoder.training.model_package.chat_template import make_template as make_template
    from wizardcoder.training.model_package.directory import complete as complete
    from wizardcoder.training.model_package.directory import load_tokenizer as load_tokenizer

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "ModelOrigin": "card",
        "PublishedFacts": "card",
        "complete": "directory",
        "load_tokenizer": "directory",
        "make_template": "chat_template",
        "model_card": "card",
    },
)
