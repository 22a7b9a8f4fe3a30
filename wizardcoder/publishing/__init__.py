"""Export the training data as a Hugging Face dataset, and publish data and model on the hub.

Covers parquet files, the dataset's card and lineage, and one commit on the hub that never replaces files of others.
Does not write the model's files or card: wizardcoder/training does.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.publishing.atomic_folder import replacing_folder as replacing_folder
    from wizardcoder.publishing.dataset import write_dataset as write_dataset
    from wizardcoder.publishing.dataset_card import DatasetOrigin as DatasetOrigin
    from wizardcoder.publishing.export import export_dataset as export_dataset
    from wizardcoder.publishing.hub import publish as publish

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "DatasetOrigin": "dataset_card",
        "export_dataset": "export",
        "publish": "hub",
        "replacing_folder": "atomic_folder",
        "write_dataset": "dataset",
    },
)
