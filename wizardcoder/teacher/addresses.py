"""Check the addresses of endpoints: base URLs, and the names of the environment variables with their keys.

In: a value of params.yaml or of an option. Out: what is accepted instead, where the value is certainly wrong. Whether a
URL lacks its /v1 only the endpoint knows: its 404 gets a hint.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from wizardcoder.core.validation import HIDDEN
from wizardcoder.teacher.serving import SERVED

LOCAL = "local"
"""The base URL of the embedded server."""
ANY_URL = f"{LOCAL}, or a URL such as https://HOST/v1"
VARIABLE_ACCEPTED = (
    "a value that looks like a key, or is no name of a variable, is not shown here; accepted: the name of an "
    "environment variable, such as OPENAI_API_KEY"
)
_API_PATH = re.compile(r"(/chat)?/completions/*$")
_SCHEME = re.compile(r"(https?)\b[:/]*", re.IGNORECASE)
_VERSION = re.compile(r"/v\d")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY_PREFIX = re.compile(r"((sk|pk|hf|gsk|ghp|xai|r8|nvapi|pplx)_|AIza|AKIA)\w{12,}")
# characters between underscores, with a digit or in mixed case; words of a variable's name are shorter
_LONG_WITH_DIGIT, _LONG_MIXED_CASE = 16, 24


def accepted_url(url: str) -> str | None:
    """Return the base URL that was meant, where one is certainly wrong: no scheme, or a path of the API at its end.

    >>> accepted_url("localhost:8000/v1/chat/completions"), accepted_url("https://api.openai.com/v1")
    ('http://localhost:8000/v1', None)
    """
    if url in (LOCAL, SERVED):
        return None
    text = url.strip()
    if not text.lower().startswith(("http://", "https://")):
        scheme = _SCHEME.match(text)
        rest = text[scheme.end() :] if scheme else text.lstrip("/")
        if not re.match(r"localhost|[^/]*[.:]", rest):
            return ANY_URL
        plain = re.match(r"localhost|[^/]*:\d|[\d.]+(/|$)", rest)  # as servers of one's own have it
        text = f"{scheme[1].lower() if scheme else 'http' if plain else 'https'}://{rest}"
    text = _API_PATH.sub("", text)
    try:
        host = urlsplit(text).netloc
    except ValueError:
        return ANY_URL
    if not host or re.search(r"\s", text):
        return ANY_URL
    return None if url == text else text


def missing_version(url: str) -> str:
    """Return what to add to an error of HTTP 404: the URL with /v1, if it has no version."""
    return "" if _VERSION.search(urlsplit(url).path) else f"; did you mean {url.rstrip('/')}/v1?"


def is_variable(name: str) -> bool:
    """Return whether a text is the name of an environment variable and does not look like a key.

    >>> is_variable("OPENAI_API_KEY"), is_variable("sk-abcdef123"), is_variable("hf_abcdefghijklmnopq")
    (True, False, False)
    """
    if _NAME.fullmatch(name) is None or _KEY_PREFIX.match(name):
        return False
    return not any(_is_random(part) for part in name.split("_"))


def _is_random(part: str) -> bool:
    if any(each.isdigit() for each in part) and any(each.isalpha() for each in part):
        return len(part) >= _LONG_WITH_DIGIT
    return len(part) >= _LONG_MIXED_CASE and part not in (part.upper(), part.lower())


def _checked_url(url: str) -> str:
    accepted = accepted_url(url)
    if accepted is not None:
        raise PydanticCustomError("base_url", "Input should be {accepted}", {"accepted": accepted})
    return url


def _checked_urls(urls: object) -> object:
    for url in urls if isinstance(urls, list) else [urls]:
        if isinstance(url, str) and url:
            _checked_url(url)
    return urls


def _checked_variable(name: object) -> object:
    if isinstance(name, str) and not is_variable(name):
        raise PydanticCustomError(HIDDEN, VARIABLE_ACCEPTED)
    return name


BaseUrl = Annotated[str, Field(min_length=1), AfterValidator(_checked_url)]
BaseUrls = Annotated[str | list[BaseUrl], BeforeValidator(_checked_urls)]
"""One base URL, or those of the replicas of one model."""
KeyVariable = Annotated[str, BeforeValidator(_checked_variable)]
"""The name of the environment variable with a key; a key in its place is never shown."""
