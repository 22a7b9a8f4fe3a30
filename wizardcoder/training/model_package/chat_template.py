"""The training prompt as a chat template, so that a server's chat endpoint asks the model as it was trained.

In: the frame with its `{instruction}` slot, and what the tokenizer puts around a text. Out: a Jinja template whose
tokens for one question are those of the training prompt. Later turns follow each other; a system message, which the
frame has no room for, stands before the instruction.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizardcoder.core.templates import fill
from wizardcoder.training.settings import SLOT

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROBE = "Write a function that adds 1."


def template_of(frame: str, before: str, after: str) -> str:
    """Give the template; `before` and `after` are the special tokens around a prompt, as text."""
    head, tail = frame.split(SLOT, 1)
    asked = f"{_text(head)} + told.system + message['content'] + {_text(tail + after)}"
    return "".join(
        (
            "{%- set told = namespace(system='') -%}",
            "{{- " + _text(before) + " -}}",
            "{%- for message in messages -%}",
            "{%- if message['role'] == 'system' -%}{%- set told.system = message['content'] + '\\n\\n' -%}",
            "{%- elif message['role'] == 'user' -%}{{- " + asked + " -}}{%- set told.system = '' -%}",
            "{%- elif message['role'] == 'assistant' -%}{{- message['content'] + eos_token -}}",
            "{%- endif -%}",
            "{%- endfor -%}",
        )
    )


def around(tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """Give the special tokens that the tokenizer puts before and after a text."""
    bare = tokenizer(PROBE, add_special_tokens=False)["input_ids"]
    whole = tokenizer(PROBE)["input_ids"]
    extra = len(whole) - len(bare)
    start = next((n for n in range(extra + 1) if whole[n : n + len(bare)] == bare), 0)
    before, after = whole[:start], whole[start + len(bare) :]
    return "".join(tokenizer.convert_ids_to_tokens(before)), "".join(tokenizer.convert_ids_to_tokens(after))


def asks_alike(tokenizer: PreTrainedTokenizerBase, frame: str) -> bool:
    """Whether the tokenizer's template gives the tokens of the training prompt."""
    chat = [{"role": "user", "content": PROBE}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    asked = tokenizer(fill(frame, instruction=PROBE))["input_ids"]
    return bool(tokenizer(text, add_special_tokens=False)["input_ids"] == asked)


def _text(text: str) -> str:
    """Give a string as Jinja and its ports to other languages read it."""
    return "'" + json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
