"""Requests that an endpoint refuses: remembered in the answer store, so that a rerun does not send them again.

In: how each request of a role ended. Out: known refusals, and an error if nothing but refusals came: then a setting is
wrong, not the records. Nothing is remembered for a role before its first answer, from the store or the endpoint.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.teacher.settings import Role

MIN_REFUSALS = 5  # fewer say nothing about a setting
MIN_REFUSALS_IN_RUN = 10  # while a run is going on, more can follow
_NUMBER = re.compile(r"\d+")


class Refusals:
    """The refused requests of one run and of earlier ones.

    Args:
        store: remembers them.
        concurrency: as many requests and as many again must be refused before a run is stopped, because refusals
            arrive before answers.
        section: the key of params.yaml that errors name.
    """

    def __init__(self, store: AnswerStore, concurrency: int, section: str = "teacher") -> None:
        self._store, self._section = store, section
        self._enough = max(MIN_REFUSALS_IN_RUN, 2 * concurrency)
        self._known = store.refusals()
        self._answered: set[Role] = set()
        self._unproven: dict[Role, list[tuple[Key, str]]] = defaultdict(list)

    def reason(self, key: Key) -> str | None:
        """Return why this request was refused in an earlier run, or None."""
        return self._known.get(key.digest)

    def record_answer(self, role: Role) -> None:
        """Note that the role's requests are answered: its refusals are about single requests, so remember them."""
        if role in self._answered:
            return
        self._answered.add(role)
        for key, reason in self._unproven.pop(role, ()):
            self._store.put_refusal(key, reason)

    def record_refusal(self, role: Role, key: Key, reason: str) -> None:
        """Remember a refused request.

        Raises:
            StageError: nothing was answered, and as many as it takes were refused with the same reason.
        """
        if role in self._answered:
            self._store.put_refusal(key, reason)
            return
        self._unproven[role].append((key, reason))
        if len(self._unproven[role]) >= self._enough:
            self._raise_if_one_reason(role)

    def check(self) -> None:
        """Raise StageError if all requests of a role were refused with the same reason; call it when a run ends."""
        for role, found in self._unproven.items():
            if len(found) >= MIN_REFUSALS:
                self._raise_if_one_reason(role)

    def _raise_if_one_reason(self, role: Role) -> None:
        reasons = Counter(_NUMBER.sub("#", reason) for _, reason in self._unproven[role])
        if len(reasons) == 1:
            reason = self._unproven[role][-1][1]
            raise StageError(
                f"{self._section}.{role}: {len(self._unproven[role])} requests were refused for one reason, none was "
                f"answered: {reason}. Correct the setting that it names and run the same command again"
            )
