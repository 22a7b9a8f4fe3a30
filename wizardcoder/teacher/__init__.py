"""Ask a teacher model through an OpenAI-compatible endpoint, and pay for each answer once.

Chats, requests, the rate limit, retries, the Batch API, the budget, models that a stage serves itself, many questions
at once, and the parsers of one-word judgements. Does not contain prompts (params.yaml) and does not decide what an
answer means.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.teacher.answer import Answer as Answer
    from wizardcoder.teacher.answer import RequestFailedError as RequestFailedError
    from wizardcoder.teacher.answer import incomplete_reason as incomplete_reason
    from wizardcoder.teacher.ask_all import stream_answers as stream_answers
    from wizardcoder.teacher.endpoint import Endpoint as Endpoint
    from wizardcoder.teacher.reasoning import separate_reasoning as separate_reasoning
    from wizardcoder.teacher.request import build_request as build_request
    from wizardcoder.teacher.request import stored_answer as stored_answer
    from wizardcoder.teacher.settings import TeacherParams as TeacherParams
    from wizardcoder.teacher.teacher import Teacher as Teacher
    from wizardcoder.teacher.teacher import open_teacher as open_teacher
    from wizardcoder.teacher.yes_no import parse_equality as parse_equality
    from wizardcoder.teacher.yes_no import parse_yes_no as parse_yes_no

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "Answer": "answer",
        "RequestFailedError": "answer",
        "incomplete_reason": "answer",
        "stream_answers": "ask_all",
        "Endpoint": "endpoint",
        "separate_reasoning": "reasoning",
        "build_request": "request",
        "stored_answer": "request",
        "TeacherParams": "settings",
        "Teacher": "teacher",
        "open_teacher": "teacher",
        "parse_equality": "yes_no",
        "parse_yes_no": "yes_no",
    },
)
