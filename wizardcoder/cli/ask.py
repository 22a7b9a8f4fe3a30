"""`wizardcoder ask`: one answer of a model, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def ask(
    instruction: Annotated[str, typer.Argument(help="What the model is asked.")],
    *,
    model: Annotated[Path, typer.Option(metavar="DIR", help="A transformers directory.")] = Path("models/wizardcoder"),
    max_new_tokens: Annotated[int, typer.Option(metavar="N", min=1, help="Tokens of the answer at most.")] = 512,
    dtype: Annotated[
        str, typer.Option(metavar="TYPE", help="A torch type; auto: bfloat16 on a GPU, else float32.")
    ] = "auto",
) -> None:
    """Ask the trained model, or any other local one.

    Frames the instruction by the model's chat template and prints the answer while it is generated, without sampling.
    """
    from wizardcoder.generation.local_model import stream_answer

    stream_answer(instruction, model, max_new_tokens=max_new_tokens, dtype=dtype)
