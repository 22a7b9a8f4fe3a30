"""Fine-tune a language model on instruction-response pairs.

Covers tokenization with the loss on the response, held-out records, packing, LoRA, several GPUs and machines,
checkpoints that survive a kill, and the plan of memory and hours (`planning`). `model_package` writes tokenizer, chat
template and card. Does not prepare the data and does not score the model.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.training.fit import FitFolders as FitFolders
    from wizardcoder.training.fit import FitResult as FitResult
    from wizardcoder.training.fit import fit as fit
    from wizardcoder.training.outcomes import TrainOutcome as TrainOutcome
    from wizardcoder.training.settings import TrainParams as TrainParams
    from wizardcoder.training.tokenization import tokenize as tokenize
    from wizardcoder.training.train_model import check_machine as check_machine
    from wizardcoder.training.train_model import prepare_job as prepare_job
    from wizardcoder.training.train_model import train_model as train_model

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "FitFolders": "fit",
        "FitResult": "fit",
        "TrainOutcome": "outcomes",
        "TrainParams": "settings",
        "check_machine": "train_model",
        "fit": "fit",
        "prepare_job": "train_model",
        "tokenize": "tokenization",
        "train_model": "train_model",
    },
)
