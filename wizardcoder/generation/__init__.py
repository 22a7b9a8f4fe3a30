"""Generate answers and measure likelihoods: local transformers models, and models behind an endpoint.

Samples are kept in an answer store, so nothing is generated or paid for twice, also over several processes. Does not
build prompts and does not extract or run code.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.generation.endpoint_sampler import EndpointSampler as EndpointSampler
    from wizardcoder.generation.local_model import LoadedModel as LoadedModel
    from wizardcoder.generation.local_model import generate_batch as generate_batch
    from wizardcoder.generation.local_model import load_model as load_model
    from wizardcoder.generation.local_model import negative_log_likelihood as negative_log_likelihood
    from wizardcoder.generation.sampler import LocalSampler as LocalSampler
    from wizardcoder.generation.sampler import Sampler as Sampler
    from wizardcoder.generation.sampler import Sampling as Sampling

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "EndpointSampler": "endpoint_sampler",
        "LoadedModel": "local_model",
        "LocalSampler": "sampler",
        "Sampler": "sampler",
        "Sampling": "sampler",
        "generate_batch": "local_model",
        "load_model": "local_model",
        "negative_log_likelihood": "local_model",
    },
)
