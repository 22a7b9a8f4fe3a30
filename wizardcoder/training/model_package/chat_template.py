"""The training prompt as a chat template, so that a server's chat endpoint uses the prompt of the training.

For one question, the template yields exactly the tokens of the training prompt. Later turns are appended. A system
message, for which the training prompt has no slot, is put before the instruction.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wizardcoder.core.templates import fill
from wizardcoder.training.settings import SLOT

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROBE = "Write a function that adds 1."


def make_template(frame: str, before: str, after: str) -> str:
    """Return the Jinja template; `before` and `after` are the special tokens around a prompt, as text."""
    head, tail = frame.split(SLOT, 1)
    asked = f"{_text(head)} + state.system + message['content'] + {_text(tail + after)}"
    return "".join(
        (
            "{%- set state = namespace(system='') -%}",
            "{{- " + _text(before) + " -}}",
            "{%- for message in messages -%}",
            "{%- if message['role'] == 'system' -%}{%- set state.system = message['content'] + '\\n\\n' -%}",
            "{%- elif message['role'] == 'user' -%}{{- " + asked + " -}}{%- set state.system = '' -%}",
            "{%- elif message['role'] == 'assistant' -%}{{- message['content'] + eos_token -}}",
            "{%- endif -%}",
            "{%- endfor -%}",
        )
    )


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[str, str]:
    """Return the special tokens that the tokenizer adds before and after a text."""
    bare = tokenizer(PROBE, add_special_tokens=False)["input_ids"]
    whole = tokenizer(PROBE)["input_ids"]
    extra = len(whole) - len(bare)
    start = next((n for n in range(extra + 1) if whole[n : n + len(bare)] == bare), 0)
    before, after = whole[:start], whole[start + len(bare) :]
    return "".join(tokenizer.convert_ids_to_tokens(before)), "".join(tokenizer.convert_ids_to_tokens(after))


def matches_training(tokenizer: PreTrainedTokenizerBase, frame: str) -> bool:
    """Return whether the tokenizer's template yields the tokens of the training prompt."""
    chat = [{"role": "user", "content": PROBE}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    asked = tokenizer(fill(frame, instruction=PROBE))["input_ids"]
    return bool(tokenizer(text, add_special_tokens=False)["input_ids"] == asked)


def _text(text: str) -> str:
    """Return a string literal that Jinja and its ports to other languages read."""
    return "'" + json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
