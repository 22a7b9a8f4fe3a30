"""Sample answers from an OpenAI-compatible endpoint, with one request per sample.

Shares the answer store and the division of work with sampler.py. Rate limits, retries and errors are handled by
teacher/endpoint.py. A request that finally fails ends the run, because an evaluation must not lack a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wizardcoder.core import console
from wizardcoder.core.console import StageError, Track
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.generation.sampler import Sampling, WantedSample, find_missing, read_stored
from wizardcoder.teacher.answer import RequestFailedError, answer_fields
from wizardcoder.teacher.ask_all import ask_all, window_size
from wizardcoder.teacher.endpoint import Api, Endpoint, read_api_key
from wizardcoder.teacher.rate_limit import RateLimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSampler:
    """A model behind a URL: `chat` sends a prompt as one user message, `completions` sends it as it is.

    `section` is the part of params.yaml that errors name. The store must not be the teacher's.
    """

    base_url: str
    model: str
    api: Api
    api_key_env: str
    sampling: Sampling
    concurrency: int
    timeout_s: float
    retries: int
    store: AnswerStore
    section: str = "evaluate"

    def settings(self) -> dict[str, Any]:
        """Return endpoint, model and sampling; the weights behind the endpoint are not known."""
        return self._identity() | {"model": self.model, "sampling": asdict(self.sampling)}

    def answers(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> list[list[str]]:
        """As in `Sampler`."""
        self.fill(prompts, bar, n)
        return read_stored(self.store, prompts, n or self.sampling.n, self.key)

    def fill(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> None:
        """As in `Sampler`; a request that finally fails ends it, after the answers in flight are stored."""
        missing = find_missing(self.store, prompts, n or self.sampling.n, self.key, bar)
        if missing:
            console.run_async(self._ask_all(missing, bar))

    def stored(self, prompts: Sequence[str], n: int) -> dict[str, tuple[str, dict[str, Any] | None]]:
        """Return, by key digest, each sample's prompt and stored answer; None where `fill` would send a request."""
        wanted = {self.key(prompt, sample): prompt for prompt in prompts for sample in range(n)}
        return {key.digest: (prompt, self.store.get(key)) for key, prompt in wanted.items()}

    def close(self) -> None:
        """Do nothing: each `fill` closes its connections."""

    def _identity(self) -> dict[str, Any]:
        # a trailing slash does not make another endpoint
        return {"backend": "endpoint", "endpoint": self.base_url.rstrip("/"), "api": self.api}

    def key(self, prompt: str, sample: int) -> Key:
        """Return the key under which a sample is stored."""
        return Key.of(self._identity() | {"request": self._body(prompt, sample), "sample": sample})

    def _body(self, prompt: str, sample: int) -> dict[str, Any]:
        fields = self.sampling.key_fields()
        prompt_fields = (
            {"messages": [{"role": "user", "content": prompt}]} if self.api == "chat" else {"prompt": prompt}
        )
        body = {"model": self.model, **prompt_fields, "max_tokens": fields.pop("max_new_tokens"), **fields}
        return body | {"seed": body["seed"] + sample} if "seed" in body else body

    async def _ask_all(self, missing: Sequence[WantedSample], bar: Track) -> None:
        key = read_api_key(self.api_key_env, self.base_url, f"{self.section}.api_key_env")
        limiter = RateLimiter(self.concurrency, requests_per_minute=None, tokens_per_minute=None)
        endpoint = Endpoint(
            [self.base_url],
            key,
            limiter,
            self.timeout_s,
            self.retries,
            api=self.api,
            section=self.section,
            key_setting=f"{self.section}.api_key_env",
        )

        async def ask(wanted: WantedSample) -> None:
            await self._ask(wanted, endpoint, bar)

        try:
            await ask_all(missing, ask, window_size(self.concurrency), endpoint.stop)
        finally:
            await endpoint.close()

    async def _ask(self, wanted: WantedSample, endpoint: Endpoint, bar: Track) -> None:
        try:
            answer = await endpoint.answer(self._body(wanted.prompt, wanted.sample), expected_tokens=0)
        except RequestFailedError as exc:
            raise StageError(
                f"{self.section}.model: {self.model} returned no sample {wanted.sample} of {wanted.prompt[:60]!r}: "
                f"{exc}. All answers so far are stored"
            ) from exc
        self.store.put(wanted.key, answer_fields(answer))
        bar.advance()
