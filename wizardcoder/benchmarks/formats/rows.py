"""The strict field types that all formats share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError


def _check_unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise PydanticCustomError("surrogate", "a text in Unicode, without lone surrogates") from exc
    return text


EXTRA_FIELDS_ALLOWED = ConfigDict(extra="ignore")
AnyText = Annotated[str, Strict(), AfterValidator(_check_unicode)]
NonEmptyText = Annotated[str, Strict(), Field(min_length=1), AfterValidator(_check_unicode)]
