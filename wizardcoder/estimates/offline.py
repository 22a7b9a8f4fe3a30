"""Keep the Hugging Face libraries from the network for a while.

In: nothing. Out: a block in which `datasets` and `huggingface_hub` read only what was downloaded before. Does not cover
other libraries.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLES = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")
_MODULES = ("huggingface_hub.constants", "datasets.config")  # they read the variables when they are imported


@contextmanager
def offline() -> Iterator[None]:
    """Run a block offline; afterwards the environment is as before, so that child processes are not affected."""
    before = {name: os.environ.get(name) for name in _VARIABLES}
    loaded = {name: sys.modules[name] for name in _MODULES if name in sys.modules}
    constants = {name: getattr(module, "HF_HUB_OFFLINE", None) for name, module in loaded.items()}
    os.environ.update(dict.fromkeys(_VARIABLES, "1"))
    for module in loaded.values():
        vars(module)["HF_HUB_OFFLINE"] = True
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for name, module in loaded.items():
            vars(module)["HF_HUB_OFFLINE"] = constants[name]
