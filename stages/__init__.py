"""The pipeline's stages, one file each, run as `python -m stages.NAME`. Each reads params.yaml; dvc.yaml connects them.

A stage is a dataclass of its params, a function `run` without side effects, and a `main` that reads, calls and writes.
The logic is in the packages of wizardcoder; a stage never imports a stage.
"""

from wizardcoder.core.environment import require_packages

require_packages()
