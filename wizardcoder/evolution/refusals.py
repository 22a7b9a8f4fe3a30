"""Recognise a refusal: a text that starts by saying that its writer, a model, will not do what it was asked.

In: a text. Out: True or False, and a response's prose. A text that only contains such words is none: a task about a
chatbot that says "I'm sorry, but I can't help", a user's "I can't connect to MySQL". English only; a refusal later in
the text is not found.
"""

from __future__ import annotations

import re

from wizardcoder.evolution.lead_ins import unwrap
from wizardcoder.source_code.fences import remove_fences

_UNABLE = (
    r"(?:can ?not|can't|could not|couldn't|won't|will not|refuse to|decline to"
    r"|(?:am|'m) (?:not able|unable|not allowed|not permitted|not programmed|not comfortable|not going)(?: to)?"
    r"|(?:do not|don't) (?:feel comfortable|have the ability to|have the capability to|have access)"
    r")"
)
# Verbs of a refusal. A user's own problem has some of them too ("I can't create a table in MySQL"), so those need an
# object that only a refusal has.
_ASSIST = (
    r"(?:(?:assist|comply|engage|accommodate)(?:ing)?\b|(?:fulfil+|satisfy|honou?r)\b"
    r"|help(?:ing)?(?: you)?(?= with\b| in\b|[.,;!]|$)"
    r"|(?:continue|proceed)\b(?= with (?:this|that|your)\b|[.,;!]|$))"
)
_PRODUCE = (
    r"(?:provide|generate|creat|writ|rewrit|produc|answer|respond to|do|increas|modify|evolv|mak|complet|support|giv"
    r"|offer|process|perform|execut|discuss|help)(?:e|ing)? (?:you )?(?:with )?"
    r"(?:that|this|such|it\b|any\b|your|an? (?:more|harder|new|re-?written|evolved|response|answer|prompt|question)\b"
    r"|the (?:\w+ )?(?:prompt|question|instruction|request|task|difficulty|content|test)\b"
    r"|(?:harmful|malicious|illegal|inappropriate|unethical|explicit|dangerous)\b"
    r"|(?:instructions|code|content) (?:for|that|to)\b)"
)
_REFUSES = rf"\bi ?{_UNABLE}[, ]+(?:\w+ly )?(?:{_ASSIST}|{_PRODUCE}|$)"
_SORRY = r"(?:(?:i'm |i am )?(?:so |very |really |truly )?sorry|i apologi[sz]e|(?:my )?apologies)"
_MODEL = r"an? (?:\w+ )?(?:ai|artificial intelligence|language model)\b"
_STARTS = (
    rf"{_SORRY}(?: for [^.]{{0,60}}?| about [^.]{{0,60}}?)?[\s,.;:!\u2014-]+(?:(?:but|however|that)[\s,]+)*"
    rf"(?:as {_MODEL}[^,.]{{0,40}}, )?(?:i ?{_UNABLE}\b|(?:it is|it's|this is|that is) (?:not|beyond)\b|this request)",
    rf"as {_MODEL}[^.]{{0,60}}?,? (?:i|it)(?:'m| am| can| can't| cannot| do| don't| must| have| will| won't)\b",
    rf"i(?:'m| am) (?:just |only )?{_MODEL}(?: model| assistant)?(?:[,.;]| and)",
    r"(?:unfortunately,? )?i (?:must|have to|need to) (?:respectfully |politely )?(?:decline|refuse)\b",
    rf"(?:unfortunately|regrettably|no|however)?[,\s]*{_REFUSES}",
    rf"(?:i understand|i appreciate|i see|thank you|thanks)\b.{{0,120}}?[,.;] ?(?:but|however|unfortunately),? "
    rf"{_REFUSES}",
    r"(?:this|your) (?:request|question|prompt) (?:violates|goes against|is against)\b",
)
_REFUSAL = re.compile(rf"[\W_]*(?:{'|'.join(_STARTS)})")

# also single quotes, unless the first is an apostrophe
_QUOTED = re.compile(r"\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|`[^`\n]*`|(?<!\w)'[^'\n]*'(?!\w)")


def is_refusal(text: str) -> bool:
    r"""Return whether a text starts as a refusal, also within quotes, with straight or curly apostrophes.

    >>> is_refusal("I\u2019m sorry, but I can\u2019t assist with that."), is_refusal("I can't sort this. Fix my code.")
    (True, False)
    """
    plain = re.sub(r"\s+", " ", unwrap(text.strip()).replace("\u2019", "'").lower())
    return _REFUSAL.match(plain) is not None


def prose_of(response: str) -> str:
    r"""Return a response without code fences and quoted texts, where "Sorry, wrong guess!" is a program's message.

    >>> prose_of("Use this:\n```\nprint('Sorry')\n```").split()
    ['Use', 'this:']
    """
    return _QUOTED.sub(" ", remove_fences(unwrap(response.strip())))
