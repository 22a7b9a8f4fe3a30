"""Whether a text is SQL, in one dialect or another: the inner side, within the sandbox.

In: text. Out: None, or why no dialect accepts it. A parser in pure Python (sqlglot) reads it, and what a model wrote
can make any parser slow, so it runs where its time is kept. Does not cover: whether tables and columns exist, and what
sqlglot passes over unread (some stored procedures).
"""

from __future__ import annotations

import logging

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.expressions import Command

DIALECTS = ("", "mysql", "postgres", "tsql", "sqlite", "oracle")  # the first is sqlglot's own, wider than the others
UNREAD = "unread: "
"""Begins the answer where no dialect reads all statements, and one passes over what it cannot read."""


def fault(text: str) -> str | None:
    """Give None where a dialect accepts every statement, else the first dialect's complaint."""
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
