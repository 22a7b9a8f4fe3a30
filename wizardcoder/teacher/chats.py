"""Build the chats that a teacher is asked.

In: templates from params.yaml and a record's texts. Out: messages. Contains no wording of its own: every word that a
model sees comes from params.yaml.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT, Text
from wizardcoder.core.templates import fill

Message = dict[str, str]


@dataclass(frozen=True, slots=True, config=STRICT)
class Shot:
    """A worked example of an evolution, shown before the question.

    It has its own `method`, so that a changed heuristic changes only the records that drew it.
    """

    instruction: Text
    method: Text
    evolved: Text


def evolve_messages(
    template: str, heuristics: Mapping[str, str], few_shot: Sequence[Shot], heuristic: str, question: str
) -> list[Message]:
    """Return the chat that asks for an evolved instruction: worked examples as turns, then the question."""
    messages = []
    for shot in few_shot:
        question_text = fill(template, method=shot.method, question=shot.instruction)
        messages += [_message("user", question_text), _message("assistant", shot.evolved)]
    return [*messages, _message("user", fill(template, method=heuristics[heuristic], question=question))]


def plain_messages(text: str) -> list[Message]:
    """Return the chat of a single question."""
    return [_message("user", text)]


def prompt_version(template: str, heuristic_text: str, few_shot: Sequence[Shot]) -> str:
    """Hash everything that shaped an evolved instruction, except the question, to eight hex digits."""
    parts = [template, heuristic_text, [[s.instruction, s.method, s.evolved] for s in few_shot]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:8]


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}
