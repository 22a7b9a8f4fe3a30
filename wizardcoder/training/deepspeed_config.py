"""DeepSpeed's configurations: profiles/deepspeed/NAME.json, held against the `train` section.

In: `train.deepspeed`, a file's name. Out: the configuration as a mapping, and what it says of memory. params.yaml is
where the values stand: the file says "auto" or the same, also where to say nothing would be a value of DeepSpeed's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.training.planning.formulas import Zero
from wizardcoder.training.settings import TrainParams

FOLDER = Path("profiles/deepspeed")
GATHER = "stage3_gather_16bit_weights_on_model_save"


def read(params: TrainParams) -> dict[str, Any] | None:
    """Read and check the configuration that `train.deepspeed` names; None where it names none.

    Raises:
        StageError: there is no such file, it is not JSON, it contradicts params.yaml, or it leaves out what would then
            not be as params.yaml says; names the key.
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
            raise StageError(f"{path}: {key}: found {found!r}, accepted: auto, or {wanted!r} as params.yaml says")
    stage = _at(config, "zero_optimization.stage")
    if stage not in (None, 0, 1, 2, 3):
        raise StageError(f"{path}: zero_optimization.stage: found {stage!r}, accepted: 0, 1, 2 or 3")
    if stage == 3 and not _at(config, f"zero_optimization.{GATHER}"):
        raise StageError(f"{path}: zero_optimization.{GATHER}: accepted: true; the model could not be saved whole")
    return config


def told(config: dict[str, Any] | None) -> Zero:
    """Give what the configuration says of memory."""
    optimizer, parameters = (
        _at(config or {}, f"zero_optimization.{part}.device") for part in ("offload_optimizer", "offload_param")
    )
    return Zero(
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
    """Say whether another value than that of params.yaml runs where the file leaves this one out.

    Accelerate clips at 1.0. An optimizer that is not there is made of params.yaml; of one that is there DeepSpeed fills
    the gaps, such as lr by 0.001.
    """
    return key == "gradient_clipping" or (key.startswith("optimizer.") and config.get("optimizer") is not None)


def _at(config: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - any JSON value
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, dict):
            return None
        node = node.get(part)
    return node
