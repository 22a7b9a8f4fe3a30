"""The keyed store: answers by request, kept from the moment they arrive. For teachers, verdicts, generations.

In: a request as plain data. Out: the answer to exactly that request, if there is one. One SQLite file in WAL mode, safe
for several processes; it is outside of DVC's outs and outlives code changes, failed stages and experiments. It survives
the end of any process, kill -9 included; a power cut can lose the last moments. The caller must put everything that
determines the answer into the request.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizardcoder.core.cache import create_cache_folder
from wizardcoder.core.console import StageError
from wizardcoder.core.locks import hold_lock

BUSY_TIMEOUT_S = 60
FILE_NAME = "answers.sqlite"
_IGNORED_FOR_LENGTH = ("messages", "seed", "temperature", "top_p", "endpoint", "attempt")
_SELECT_LENGTHS = """
SELECT json_extract(answer, '$.completion_tokens') FROM answers WHERE json_extract(request, '$.model') = ?
AND json_remove(request, '$.messages', '$.seed', '$.temperature', '$.top_p', '$.endpoint', '$.attempt') = ? LIMIT 500
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT NOT NULL, cost REAL NOT NULL DEFAULT 0,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pruned (id INTEGER PRIMARY KEY CHECK (id = 1), total REAL NOT NULL);
INSERT OR IGNORE INTO pruned VALUES (1, 0);
CREATE TABLE IF NOT EXISTS batches (id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, keys TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS refusals (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, reason TEXT NOT NULL, created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A request (JSON values only) as canonical text, and its hash; the order of its keys does not matter."""

    text: str
    digest: str

    @classmethod
    def of(cls, request: dict[str, Any]) -> Key:
        """Return the key of a request."""
        text = _canonical(request)
        return cls(text, hashlib.sha256(text.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class StoreSize:
    """Numbers of answers and of refused requests, bytes on disk, and the total ever paid."""

    answers: int
    refusals: int
    bytes: int
    spent: float


class AnswerStore:
    """A persistent mapping from request to answer."""

    def __init__(self, path: Path) -> None:
        create_cache_folder(path.parent)
        self._path = path
        self._known_endpoints: dict[str, bool] = {}
        try:
            self._db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            # SQLite fails, instead of waiting, when two processes turn the WAL on at once
            with hold_lock(path.with_name(path.name + ".lock")):
                self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as exc:
            raise StageError(f"{path}: not a usable answer store: {exc}") from exc

    def __enter__(self) -> AnswerStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def get(self, key: Key) -> dict[str, Any] | None:
        """Return the stored answer to this request, or None."""
        row = self._db.execute("SELECT answer FROM answers WHERE key = ?", (key.digest,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, key: Key, answer: dict[str, Any], cost: float = 0.0) -> dict[str, Any]:
        """Store an answer and its cost; return the first answer stored for this request. Costs add up."""
        row = (key.digest, key.text, _encode(answer), cost)
        try:
            kept = self._db.execute(
                "INSERT INTO answers (key, request, answer, cost) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (key) DO UPDATE SET cost = cost + excluded.cost RETURNING answer",
                row,
            ).fetchone()
        except sqlite3.Error as exc:
            raise StageError(f"{self._path}: an answer cannot be kept: {exc}") from exc
        return answer if kept[0] == row[2] else json.loads(kept[0])

    def forget(self, key: Key) -> None:
        """Delete one answer that cost nothing."""
        self._db.execute("DELETE FROM answers WHERE key = ?", (key.digest,))

    def put_refusal(self, key: Key, reason: str) -> None:
        """Remember that the endpoint refuses this request, which is not an answer."""
        row = (key.digest, key.text, reason)
        self._db.execute("INSERT OR REPLACE INTO refusals (key, request, reason) VALUES (?, ?, ?)", row)

    def refusals(self) -> dict[str, str]:
        """Return the refused requests: digest of the key -> reason."""
        return dict(self._db.execute("SELECT key, reason FROM refusals"))

    def spent(self) -> float:
        """Return the total paid for everything that was ever stored here, including pruned answers."""
        return float(self._db.execute("SELECT total(cost) + (SELECT total FROM pruned) FROM answers").fetchone()[0])

    def tokens_per_character(self, model: str) -> float | None:
        """Return the prompt tokens per character, as this model's endpoint counted them over at most 500 answers."""
        rows = self._db.execute(
            "SELECT request, answer FROM answers WHERE json_extract(request, '$.model') = ? LIMIT 500", (model,)
        ).fetchall()
        characters = tokens = 0
        for request, answer in rows:
            characters += sum(len(message["content"]) for message in json.loads(request)["messages"])
            tokens += json.loads(answer)["prompt_tokens"]
        return tokens / characters if characters and tokens else None

    def completion_tokens(self, body: dict[str, Any]) -> list[int]:
        """Return the lengths, in tokens, of at most 500 answers to requests like this one.

        Like it are requests to the same model with the same limit and the same other fields; question, seed,
        temperature and top_p may differ.
        """
        fields = {name: value for name, value in body.items() if name not in _IGNORED_FOR_LENGTH}
        rows = self._db.execute(_SELECT_LENGTHS, (body["model"], _canonical(fields)))
        return [int(row[0]) for row in rows]

    def has_endpoint(self, endpoint: str) -> bool:
        """Return whether any answer is stored under this endpoint; looked up once, because it reads every row."""
        if endpoint not in self._known_endpoints:
            found = self._db.execute(
                "SELECT 1 FROM answers WHERE json_extract(request, '$.endpoint') = ? LIMIT 1", (endpoint,)
            ).fetchone()
            self._known_endpoints[endpoint] = found is not None
        return self._known_endpoints[endpoint]

    def open_batches(self, endpoint: str) -> dict[str, list[str]]:
        """Return the batches that were submitted to an endpoint and not yet collected: id -> keys of the requests."""
        rows = self._db.execute("SELECT id, keys FROM batches WHERE endpoint = ?", (endpoint,)).fetchall()
        return {batch: json.loads(keys) for batch, keys in rows}

    def add_batch(self, batch: str, endpoint: str, keys: list[str]) -> None:
        """Record a submitted batch."""
        self._db.execute("INSERT INTO batches VALUES (?, ?, ?)", (batch, endpoint, json.dumps(keys)))

    def drop_batch(self, batch: str) -> None:
        """Forget a batch whose results were collected."""
        self._db.execute("DELETE FROM batches WHERE id = ?", (batch,))

    def size(self) -> StoreSize:
        """Count answers, refusals, bytes and cost."""
        answers, refusals = self._db.execute(
            "SELECT (SELECT count(*) FROM answers), (SELECT count(*) FROM refusals)"
        ).fetchone()
        files = [self._path.with_name(self._path.name + suffix) for suffix in ("", "-wal")]
        return StoreSize(answers, refusals, sum(file.stat().st_size for file in files if file.exists()), self.spent())

    def by_model(self) -> list[tuple[str, str, int]]:
        """Return (endpoint, model, number of answers) of the stored answers, largest number first."""
        return self._db.execute(
            "SELECT json_extract(request, '$.endpoint'), json_extract(request, '$.model'), count(*) FROM answers"
            " GROUP BY 1, 2 ORDER BY 3 DESC"
        ).fetchall()

    def damaged(self) -> list[str]:
        """Check the file and each row: the key must be the request's hash, the answer an object. Return what is not."""
        try:
            found = [f"file: {row[0]}" for row in self._db.execute("PRAGMA integrity_check") if row[0] != "ok"]
            for key, request, answer in self._db.execute("SELECT key, request, answer FROM answers"):
                if hashlib.sha256(request.encode()).hexdigest() != key:
                    found.append(f"{key}: the request was altered")
                elif not _is_object(answer):
                    found.append(f"{key}: the answer is not readable")
        except sqlite3.DatabaseError as exc:
            return [f"file: {exc}"]
        return found

    def prune_refusals(self, older_than_days: float | None, endpoint: str | None, model: str | None) -> int:
        """Delete the refusals that match every given condition, so that these requests are sent again."""
        where, values = _conditions(older_than_days, endpoint, model)
        return self._db.execute(f"DELETE FROM refusals WHERE {where}", values).rowcount  # noqa: S608

    def prune(self, older_than_days: float | None, endpoint: str | None, model: str | None) -> int:
        """Delete the answers that match every given condition and return their number; their cost stays counted."""
        where, values = _conditions(older_than_days, endpoint, model)
        assert values, "a prune without a condition would delete everything"
        with self._transaction():
            paid = self._db.execute(f"SELECT total(cost) FROM answers WHERE {where}", values).fetchone()[0]  # noqa: S608
            deleted = self._db.execute(f"DELETE FROM answers WHERE {where}", values).rowcount  # noqa: S608
            self._db.execute("UPDATE pruned SET total = total + ?", (paid,))
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


_encode = json.JSONEncoder(ensure_ascii=False).encode
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def _conditions(older_than_days: float | None, endpoint: str | None, model: str | None) -> tuple[str, list[str]]:
    """Return an SQL condition and its values."""
    conditions, values = ["true"], []
    if older_than_days is not None:
        conditions.append("created < datetime('now', ?)")
        values.append(f"{-older_than_days:+} days")
    for field, value in (("endpoint", endpoint), ("model", model)):
        if value is not None:
            conditions.append(f"json_extract(request, '$.{field}') = ?")
            values.append(value)
    return " AND ".join(conditions), values


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
