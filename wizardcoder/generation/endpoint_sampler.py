"""The sampler that asks an OpenAI-compatible endpoint: same store, same shares, one request a sample.

In: prompts, a URL and a model's name. Out: the samples of each prompt. Pace, retries and errors are endpoint.py's; a
request that fails for good ends the run, since an evaluation must not lack a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from wizardcoder.core import console
from wizardcoder.core.console import StageError, Track
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.generation.sampler import Sampling, Wanted, kept, missing_share
from wizardcoder.teacher.answer import RequestFailedError, answer_fields
from wizardcoder.teacher.ask_all import ask_all, window_size
from wizardcoder.teacher.endpoint import Api, Endpoint, read_api_key
from wizardcoder.teacher.rate_limit import RateLimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSampler:
    """Asks a model behind a URL: `chat` sends a prompt as one user message, `completions` as it is.

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
        """Give endpoint, model and sampling; what runs behind the endpoint is not known."""
        return self._identity() | {"model": self.model, "sampling": asdict(self.sampling)}

    def answers(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> list[list[str]]:
        """As in `Sampler`."""
        self.fill(prompts, bar, n)
        return kept(self.store, prompts, n or self.sampling.n, self.key)

    def fill(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> None:
        """As in `Sampler`; a request that fails for good ends it, with what was in flight still kept."""
        missing = missing_share(self.store, prompts, n or self.sampling.n, self.key, bar)
        if missing:
            console.run_async(self._ask_all(missing, bar))

    def known(self, prompts: Sequence[str], n: int) -> dict[str, tuple[str, dict[str, Any] | None]]:
        """Give by its key's digest each sample's prompt and the answer that is kept, None where `fill` would ask."""
        wanted = {self.key(prompt, sample): prompt for prompt in prompts for sample in range(n)}
        return {key.digest: (prompt, self.store.get(key)) for key, prompt in wanted.items()}

    def close(self) -> None:
        """Do nothing: connections are closed by each `fill`."""

    def _identity(self) -> dict[str, Any]:
        # one endpoint, with or without a slash at the end
        return {"backend": "endpoint", "endpoint": self.base_url.rstrip("/"), "api": self.api}

    def key(self, prompt: str, sample: int) -> Key:
        """Give what a sample is kept under."""
        return Key.of(self._identity() | {"request": self._body(prompt, sample), "sample": sample})

    def _body(self, prompt: str, sample: int) -> dict[str, Any]:
        drawn = self.sampling.drawn()
        asked = {"messages": [{"role": "user", "content": prompt}]} if self.api == "chat" else {"prompt": prompt}
        body = {"model": self.model, **asked, "max_tokens": drawn.pop("max_new_tokens"), **drawn}
        return body | {"seed": body["seed"] + sample} if "seed" in body else body

    async def _ask_all(self, missing: Sequence[Wanted], bar: Track) -> None:
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

        async def ask(wanted: Wanted) -> None:
            await self._ask(wanted, endpoint, bar)

        try:
            await ask_all(missing, ask, window_size(self.concurrency), endpoint.stop)
        finally:
            await endpoint.close()

    async def _ask(self, wanted: Wanted, endpoint: Endpoint, bar: Track) -> None:
        try:
            answer = await endpoint.answer(self._body(wanted.prompt, wanted.sample), expected_tokens=0)
        except RequestFailedError as exc:
            raise StageError(
                f"{self.section}.model: {self.model} gave no sample {wanted.sample} of {wanted.prompt[:60]!r}: "
                f"{exc}. All answers are kept"
            ) from exc
        self.store.put(wanted.key, answer_fields(answer))
        bar.advance()
