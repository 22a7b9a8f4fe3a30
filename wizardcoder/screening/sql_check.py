"""Check whether a text is valid SQL in any dialect. Inside the sandbox.

In: text. Out: None, or why no dialect accepts it. The parser (sqlglot) is pure Python, and model-written text can make
any parser slow, so it runs under the sandbox's time limit. Does not cover: whether tables and columns exist, and
statements that sqlglot skips unparsed (some stored procedures).
"""

from __future__ import annotations

import logging

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.expressions import Command

DIALECTS = ("", "mysql", "postgres", "tsql", "sqlite", "oracle")  # the first, sqlglot's own, is the widest
UNREAD = "unread: "
"""Prefix of the result if no dialect parses all statements and one of them skips a statement unparsed."""


def syntax_error(text: str) -> str | None:
    """Return None if a dialect accepts every statement, else the first dialect's complaint."""
    logging.disable()
    complaints = []
    for dialect in DIALECTS:
        try:
            statements = sqlglot.parse(text, read=dialect or None)
        except (SqlglotError, RecursionError) as exc:
            complaints.append(str(exc).split("\n")[0])
            continue
        if not any(isinstance(statement, Command) for statement in statements):
            return None
        complaints.insert(0, f"{UNREAD}{dialect or 'sqlglot'} passes over a statement")
    return complaints[0]
