"""DeepSpeed configurations: profiles/deepspeed/NAME.json, checked against the `train` section.

params.yaml has the values: a configuration has either "auto" or the same value. A key is required where DeepSpeed would
fill it with a default of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.training.planning.formulas import ZeroSettings
from wizardcoder.training.settings import TrainParams

FOLDER = Path("profiles/deepspeed")
GATHER = "stage3_gather_16bit_weights_on_model_save"


def read(params: TrainParams) -> dict[str, Any] | None:
    """Read and check the configuration that `train.deepspeed` names; None if it names none.

    Raises:
        StageError: the file is missing or not JSON, contradicts params.yaml, or lacks a key for which DeepSpeed would
            use another value than params.yaml; names the key.
    """
    if params.deepspeed is None:
        return None
    path = FOLDER / f"{params.deepspeed}.json"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in FOLDER.glob("*.json")))
        raise StageError(
            f"params.yaml: train.deepspeed: found {params.deepspeed!r}, accepted: null or a file of {FOLDER}: {known}"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise StageError(f"{path}: not valid JSON: {exc}") from exc
    if not isinstance(config, dict):
        raise StageError(f"{path}: found {type(config).__name__}, accepted: an object")
    for key, wanted in _wanted(params).items():
        found = _at(config, key)
        if found not in ("auto", wanted) and (found is not None or _has_own_default(config, key)):
            raise StageError(f"{path}: {key}: found {found!r}, accepted: auto, or {wanted!r} as in params.yaml")
    stage = _at(config, "zero_optimization.stage")
    if stage not in (None, 0, 1, 2, 3):
        raise StageError(f"{path}: zero_optimization.stage: found {stage!r}, accepted: 0, 1, 2 or 3")
    if stage == 3 and not _at(config, f"zero_optimization.{GATHER}"):
        raise StageError(f"{path}: zero_optimization.{GATHER}: accepted: true; without it the model cannot be saved")
    return config


def zero_settings(config: dict[str, Any] | None) -> ZeroSettings:
    """Return the settings of a configuration that determine memory."""
    optimizer, parameters = (
        _at(config or {}, f"zero_optimization.{part}.device") for part in ("offload_optimizer", "offload_param")
    )
    return ZeroSettings(
        stage=_at(config or {}, "zero_optimization.stage") or 0,
        offload_optimizer=optimizer not in (None, "none"),
        offload_parameters=parameters not in (None, "none"),
    )


def _wanted(params: TrainParams) -> dict[str, object]:
    return {
        "train_batch_size": params.batch_size,
        "train_micro_batch_size_per_gpu": params.micro_batch_size,
        "gradient_accumulation_steps": params.batch_size // (params.micro_batch_size * params.processes),
        "gradient_clipping": params.max_grad_norm,
        "bf16.enabled": params.precision == "bf16",
        "fp16.enabled": params.precision == "fp16",
        "optimizer.params.lr": params.lr,
        "optimizer.params.betas": [params.adam_beta1, params.adam_beta2],
        "optimizer.params.eps": params.adam_epsilon,
        "optimizer.params.weight_decay": params.weight_decay,
        "scheduler.params.warmup_max_lr": params.lr,
        "scheduler.params.warmup_num_steps": params.warmup_steps,
    }


def _has_own_default(config: dict[str, Any], key: str) -> bool:
    """Return whether a missing key would get another value than that of params.yaml.

    Accelerate clips gradients at 1.0. A missing optimizer is built from params.yaml; in one that is configured,
    DeepSpeed fills missing keys with its own defaults, such as lr with 0.001.
    """
    return key == "gradient_clipping" or (key.startswith("optimizer.") and config.get("optimizer") is not None)


def _at(config: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - any JSON value
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, dict):
            return None
        node = node.get(part)
    return node
