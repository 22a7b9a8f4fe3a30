"""Parsers of a judge's answers: Yes / No, and Equal / Not Equal.

In: the text of an answer. Out: True, False, or None for an unclear answer. Both parsers read every sentence that is an
answer, wherever it is: at the start, in the last line, after "Answer:", in a field of JSON. Questions and echoes of the
choice ("Yes or No:") are not read. Where two sentences differ ("No. ... Final answer: Yes"), the answer is unclear: the
judge has contradicted itself. Does not ask; what an unclear answer means is the caller's decision.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from wizardcoder.teacher.reasoning import separate_reasoning


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MARKUP = re.compile(r"</?\w+>|\\boxed|\\text|[*_`#>|~$\"\u201c\u201d\u00ab\u00bb()\[\]{}]+")
_LIST_MARK = re.compile(r"^\s*(?:[-\u2022+]|\d+[.)])\s+", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.?!;])\s+|\n+")
_FIELD = re.compile(r"[\"']([\w -]+)[\"']\s*:\s*(?:\"([^\"]*)|'([^']*)|(true|false)\b)", re.IGNORECASE)
_UNREAD_FIELD = re.compile(
    r"reason|expla|rationale|thought|analysis|comment|justif|note"  # prose
    r"|^(?:not|non|un|no|is not)[\W_]|harmless|safe|clean|differ|distinct|unequal",  # here true would mean no
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|overall|finally|in conclusion|in short|in my opinion)\b[\s,:]*)*"
    r"(?:(?:the |my |your )?(?:final |short |overall |correct )?"
    r"(?:answer|judge?ment|verdict|conclusion|decision|result|response|assessment|option|assistant|a|ok|okay"
    r"|contaminat(?:ed|ion)|harmful|match|equal(?:ity)?)\b\s*(?:(?:is|would be)\b|[:=\u2192-])[\s:=>]*"
    r"|(?:it|that)(?: is|'s)(?: a\b|\s*:)\s*"
    r"|i(?: would|'d| will|'ll)? (?:say|answer|conclude|think|believe|judge)\b[\s,:]*(?:that\b\s*)?)?",
)
_CONDITION = re.compile(r"\W*(?:if|when|whether|unless)\b")
_ONLY = r"\b(?:(?:just )?(?:answer|reply|respond)(?: with)?\b[\s:]*)?"
_YES_OR_NO_CHOICE = re.compile(_ONLY + r"\b(?:yes\s*(?:or|/)\s*no|no\s*(?:or|/)\s*yes)\b(?: only\b)?")
_EMPHASIS = re.compile(r"\W*(?:definitely|absolutely|certainly|clearly|of course)\b\W*(?=yes\b|no\b|(not)\b)")
_YES_OR_NO = re.compile(r"\W*(yes|yep|yeah|no|nope|true$|false$)(?=$|[^\w])\W*?(?P<next>[,.:;!\u2014\u2013-]|\w+|$)")
_BOTH_WORDS = re.compile(r"^(?=.*\byes\b)(?=.*\bno(?:\s*[,.:;!]|$))")
# "no" before these words is not an answer: "No idea", "No difference"
_NOT_A_NO = _words("""
    idea doubt clue opinion comment answer way problem information context clear definite need matter other
    judgement judgment difference differences change changes one more less longer sample
""")
_EQUAL_CHOICE = re.compile(_ONLY + r"\b(?:equal\s*(?:or|/|,)\s*not equal|not equal\s*(?:or|/|,)\s*equal)\b")
_UNEQUAL = re.compile(r"\b(?:un|in|non|not)[\s-]*equal\b")
_EQUAL = re.compile(r"\b(?P<equal>equals?|equivalent|identical|same)\b|\b(?:different|differ|distinct|dissimilar)\b")
_NEGATION = re.compile(r"\b(?:not|never|neither|cannot|far)\b|n't\b")
_RESTRICTION = re.compile(r"\b(?:but|except|however|although|though|only|not|(?<!no )differ\w*)\b|n't\b")
# only these words may precede "equal" in a judgement; "they have equal length" is none
_BEFORE_EQUAL = _words("""
    they they're both the two these those it first second one 1 2 other another given above prompt prompts
    instruction instructions question questions task tasks problem problems and to each of as from are is be were re
    aren't isn't weren't don't doesn't do does not never neither cannot far think believe i that considered judged
    seem seems appear appears indeed clearly therefore thus so completely exactly quite essentially entirely fully
    really totally strictly all also definitely certainly semantically just simply here
""")


def parse_yes_no(answer: str) -> bool | None:
    r"""Read an answer to a question that asks for Yes or No.

    >>> parse_yes_no("**Yes**, it is"), parse_yes_no("The code sorts.\nAnswer: No"), parse_yes_no("No idea")
    (True, False, None)
    """
    return _parse(answer, _read_yes_no, lambda text: _YES_OR_NO_CHOICE.sub(" ", text))


def parse_equality(answer: str) -> bool | None:
    """Read an answer to the equality prompt (`evolve.elimination.equal_prompt`): Equal or Not Equal.

    >>> parse_equality("Equal."), parse_equality("Equal or Not Equal: not equal"), parse_equality("maybe")
    (True, False, None)
    """
    return _parse(answer, _read_equality, _remove_equal_choice)


def _parse(answer: str, read: Callable[[str, bool], bool | None], remove_choice: Callable[[str], str]) -> bool | None:
    answer = separate_reasoning(answer).text
    found = _read_fields(answer, read) or set(_read_sentences(remove_choice(_plain(answer)), read))
    return found.pop() if len(found) == 1 else None


def _plain(answer: str) -> str:
    """Return lower-case text with straight apostrophes, without markup, quotes, brackets and list marks."""
    text = unicodedata.normalize("NFKC", answer).replace("\u2019", "'").lower()
    return _LIST_MARK.sub("", _MARKUP.sub(" ", text)).strip()


def _read_fields(answer: str, read: Callable[[str, bool], bool | None]) -> set[bool]:
    """Return what the fields of a JSON object say, also of one that is cut off; a field for prose is not read."""
    if "{" not in answer:
        return set()
    found = set()
    for name, double, single, boolean in _FIELD.findall(answer.partition("{")[2]):
        if not _UNREAD_FIELD.search(name):
            value = boolean.lower() == "true" if boolean else read(_plain(double or single), True)
            found |= {value} if value is not None else set()
    return found


def _read_sentences(text: str, read: Callable[[str, bool], bool | None]) -> list[bool]:
    """Return the answers of all sentences; those in the middle are read more strictly."""
    sentences = [part.strip() for part in _SENTENCE_END.split(text)]
    statements = [part for part in sentences if re.search(r"\w", part) and not part.endswith("?")]
    ends = (0, len(statements) - 1)
    found = [read(part, number in ends) for number, part in enumerate(statements)]
    return [value for value in found if value is not None]


def _read_yes_no(sentence: str, at_end: bool) -> bool | None:
    """Read a sentence; `at_end`: it is the first or last one, where "No overlap was found" is an answer as well."""
    rest = _EMPHASIS.sub(lambda match: "no " if match[1] else "", _without_label(sentence))
    found = _YES_OR_NO.match(rest.rstrip(" ."))
    if found is None or _BOTH_WORDS.search(rest):
        return None
    followed_by_word = re.match(r"\w", found["next"]) is not None
    if followed_by_word and (not at_end or (found[1] == "no" and found["next"] in _NOT_A_NO)):
        return None
    return found[1] in ("yes", "yep", "yeah", "true")


def _read_equality(sentence: str, at_end: bool) -> bool | None:
    """Read a sentence that is a judgement; one that merely contains "equal" ("they have equal length") is none."""
    rest = _without_label(sentence)
    said, stated = _read_yes_no(rest, at_end), _read_equal_statement(rest)
    if said is None and stated is None:  # "Equal is the answer" has no label
        return _read_equal_statement(sentence)
    if said is not None and stated is not None and said != stated:
        return None
    return said if stated is None else stated


def _read_equal_statement(sentence: str) -> bool | None:
    text = re.sub(r"^\W*(?:yes|no)\b[\s,:]*", "", sentence)
    found = _EQUAL.search(text)
    if found is None or not set(re.findall(r"[\w']+", text[: found.start()])) <= _BEFORE_EQUAL:
        return None
    negations = len(_NEGATION.findall(text[: found.start()]))
    if found["equal"] is None:  # "different": not equal; "not different" is left unclear
        return None if negations else False
    if negations:
        return False if negations == 1 else None
    return None if _RESTRICTION.search(text[found.end() :]) else True


def _without_label(sentence: str) -> str:
    """Return what follows "Answer:", "So the answer is" or "I would say", also after the sentence's last comma.

    A sentence without such words, or with a condition ("If ..., the answer is yes"), is returned unchanged.
    """
    start = 0 if _CONDITION.match(sentence) else sentence.rfind(",") + 1
    for part in (sentence, sentence[start:]):
        label = _LABEL.match(part)
        if label and label[0].strip(" ,"):
            return part[label.end() :]
    return sentence


def _remove_equal_choice(text: str) -> str:
    return _EQUAL_CHOICE.sub(" ", _UNEQUAL.sub("not equal", text))
