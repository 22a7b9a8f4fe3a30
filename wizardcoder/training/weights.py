"""Load a model's weights for training, and save them in the base model's data type.

Loading adds adapters if `train.lora` has a rank. Saving merges adapters, gathers ZeRO-3's partitions and writes full
weights. Does not write the tokenizer or the card.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.utils import is_flash_attn_2_available

from wizardcoder.core.console import StageError
from wizardcoder.training.settings import TrainParams

LORA_LAYERS = "all-linear"  # in peft: every linear layer except the output, as in QLoRA (arXiv 2305.14314)


def model_class(config: Any) -> Any:  # noqa: ANN401 - transformers' classes are untyped here
    """Return the auto class of a configuration: of a decoder or of an encoder-decoder."""
    return AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM


def choose_attention(params: TrainParams, config: Any) -> str | None:  # noqa: ANN401 - transformers' config
    """Return the attention implementation; None leaves it to transformers, which uses SDPA if the model has it."""
    if params.attention != "auto":
        return params.attention
    kind = AutoModelForCausalLM._model_mapping.get(type(config), None)
    fits = torch.cuda.is_available() and params.precision != "fp32" and is_flash_attn_2_available()
    return "flash_attention_2" if fits and getattr(kind, "_supports_flash_attn", False) else None


def load(config: Any, params: TrainParams, base: Path, attention: str | None) -> Any:  # noqa: ANN401
    """Load the base model, with adapters if `train.lora` has a rank.

    The weights are 32-bit, because updates are smaller than 16-bit weights can represent. They have the training's
    precision where DeepSpeed's optimizer keeps 32-bit copies, or where the weights are frozen (LoRA).
    """
    from_16 = params.precision != "fp32" and (params.deepspeed is not None or params.lora.rank > 0)
    dtype = getattr(torch, {"bf16": "bfloat16", "fp16": "float16"}[params.precision]) if from_16 else torch.float32
    how: dict[str, Any] = {"dtype": dtype}
    if attention is not None:
        how["attn_implementation"] = attention
    if params.lora.load_in_4bit:
        how |= {"quantization_config": _four_bits(dtype), "device_map": {"": 0}}
    model = model_class(config).from_pretrained(base, **how)
    if not params.lora.rank:
        return model
    return _with_adapters(model, params)


def save(trainer: Any, params: TrainParams, base: Path, out: Path) -> None:  # noqa: ANN401
    """Write full weights in the base model's data type; with ZeRO-3, all processes must call it together."""
    dtype = dtype_of(base)
    if params.lora.rank:
        merged = (
            _merged(trainer.model, base, out.parent) if params.lora.load_in_4bit else trainer.model.merge_and_unload()
        )
        merged.to(dtype).save_pretrained(out)
        return
    if trainer.is_deepspeed_enabled:
        weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
        if trainer.is_world_process_zero():
            kept = {name: tensor.to(dtype) for name, tensor in weights.items()}
            model = trainer.accelerator.unwrap_model(trainer.model)
            model.save_pretrained(out, state_dict=kept)
            _write_dtype(out, dtype)
    elif trainer.is_world_process_zero():
        trainer.accelerator.unwrap_model(trainer.model).to(dtype).save_pretrained(out)


def dtype_of(base: Path) -> torch.dtype:
    """Return the data type in which the base model's weights are stored."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    found = getattr(torch, str(config.get("dtype") or config.get("torch_dtype") or "float32"))
    assert isinstance(found, torch.dtype)
    return found


def saved_bytes(trainer: Any, base: Path) -> float:  # noqa: ANN401
    """Return the bytes of the weights to save; parameters that ZeRO-3 partitions count in full."""
    counts = (getattr(p, "ds_numel", p.numel()) for p in trainer.model.parameters())
    return float(sum(counts) * torch.finfo(dtype_of(base)).bits // 8)


def _with_adapters(model: Any, params: TrainParams) -> Any:  # noqa: ANN401 - transformers' classes
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if params.lora.load_in_4bit:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=params.gradient_checkpointing)
    adapters = LoraConfig(
        r=params.lora.rank,
        lora_alpha=params.lora.alpha,
        lora_dropout=params.lora.dropout,
        target_modules=LORA_LAYERS,
        task_type="SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM",
    )
    torch.manual_seed(params.seed)
    return get_peft_model(model, adapters)


def _four_bits(dtype: torch.dtype) -> Any:  # noqa: ANN401 - transformers' config
    """Return QLoRA's quantization (arXiv 2305.14314): NF4 with quantized scales."""
    from transformers import BitsAndBytesConfig

    try:
        import bitsandbytes  # noqa: F401
    except ImportError as exc:
        raise StageError(
            "params.yaml: train.lora.load_in_4bit: bitsandbytes is not installed: pip install -r requirements-gpu.txt"
        ) from exc
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _merged(model: Any, base: Path, scratch: Path) -> Any:  # noqa: ANN401
    """Return the base model with the adapters merged into its full weights, not into the 4-bit ones."""
    from peft import PeftModel

    adapters = scratch / "adapters"
    model.save_pretrained(adapters)
    whole = model_class(model.config).from_pretrained(base, dtype=torch.float32)
    merged = PeftModel.from_pretrained(whole, adapters).merge_and_unload()
    shutil.rmtree(adapters)
    return merged


def _write_dtype(directory: Path, dtype: torch.dtype) -> None:
    """Write the data type of the weights into config.json, where transformers has written the training's."""
    path = directory / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"dtype": str(dtype).removeprefix("torch.")}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
