"""Sample answers from an OpenAI-compatible endpoint, with one request per sample.

Shares the answer store and the division of work with sampler.py. Rate limits, retries and errors are handled by
teacher/endpoint.py. A request that finally fails ends the run, because an evaluation must not lack a sample. An answer
that a limit or a filter cut is scored as it is, and counted in a line. The first missing sample starts the servers of a
model that the stage serves itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError, Track
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.generation.sampler import Sampling, WantedSample, find_missing, read_stored
from wizardcoder.teacher.answer import Answer, RequestFailedError, answer_fields, incomplete_reason
from wizardcoder.teacher.ask_all import ask_all, window_size
from wizardcoder.teacher.endpoint import Api, Endpoint, read_api_key
from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.request import endpoint_identity, merge_body, token_limit
from wizardcoder.teacher.served_endpoint import ServedEndpoint
from wizardcoder.teacher.served_endpoint import start as start_servers
from wizardcoder.teacher.served_model import LOGS, ServedModel
from wizardcoder.teacher.serving import GpuPool, ServeParams
from wizardcoder.teacher.wait_limits import RetryLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSampler:
    """A model behind a URL: `chat` sends a prompt as one user message, `completions` sends it as it is.

    `name` identifies the endpoint in the store, None means host and path of the URL. `body` is merged into each
    request. `section` is the part of params.yaml that errors name, `serve_setting` the key of `serve`, with which the
    model is served instead of reached at `base_url`. The store must not be the teacher's.
    """

    base_url: str
    model: str
    api: Api
    api_key_env: str
    sampling: Sampling
    concurrency: int
    timeout_s: float
    limits: RetryLimits
    store: AnswerStore
    name: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    section: str = "evaluate"
    serve: ServeParams | None = None
    serve_setting: str = "runtime.evaluate.serve"
    _served: list[ServedModel] = field(default_factory=list)

    def settings(self) -> dict[str, Any]:
        """Return endpoint, model, sampling and other fields; the weights behind the endpoint are not known."""
        own = {"body": dict(self.body)} if self.body else {}
        return self._identity() | {"model": self.model, "sampling": asdict(self.sampling)} | own

    @property
    def token_limit(self) -> int:
        """The most tokens that an answer can have."""
        return token_limit(self._request_body("", 0))

    def answers(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> list[list[str]]:
        """As in `Sampler`."""
        self.fill(prompts, bar, n)
        return read_stored(prompts, n or self.sampling.n, self._stored)

    def fill(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> None:
        """As in `Sampler`; a request that finally fails ends it, after the answers in flight are stored."""
        missing = find_missing(prompts, n or self.sampling.n, self.key, self._stored, bar)
        if missing:
            incomplete = Counter(filter(None, console.run_async(self._ask_all(missing, bar))))
            if incomplete:
                counts = ", ".join(f"{count} {reason}" for reason, count in sorted(incomplete.items()))
                console.say(
                    f"{self.section}: of {len(missing)} new answers, incomplete and scored as they are: {counts}"
                )

    def stored(self, prompts: Sequence[str], n: int) -> dict[str, tuple[str, dict[str, Any] | None]]:
        """Return, by key digest, each sample's prompt and stored answer; None where `fill` would send a request."""
        wanted = {self.key(prompt, sample).digest: (prompt, sample) for prompt in prompts for sample in range(n)}
        return {digest: (prompt, self._stored(prompt, sample)) for digest, (prompt, sample) in wanted.items()}

    def close(self) -> None:
        """End the model's servers, if the stage started any; each `fill` closes its connections."""
        for served in self._served:
            served.close()
        self._served.clear()

    def _identity(self, endpoint: str | None = None) -> dict[str, Any]:
        own = endpoint_identity(self.base_url, self.name, self.model)
        return {"backend": "endpoint", "endpoint": endpoint or own, "api": self.api}

    def key(self, prompt: str, sample: int, endpoint: str | None = None) -> Key:
        """Return the key under which a sample is stored, by default of this endpoint."""
        return Key.of(self._identity(endpoint) | {"request": self._request_body(prompt, sample), "sample": sample})

    def _stored(self, prompt: str, sample: int) -> dict[str, Any] | None:
        """Return a stored answer, also one that version 0.2.0 stored under the URL; a name does not find those."""
        found, earlier = self.store.get(self.key(prompt, sample)), self.base_url.rstrip("/")
        if found is None and self.serve is None and self.name is None and self.store.has_endpoint(earlier):
            return self.store.get(self.key(prompt, sample, earlier))
        return found

    def _request_body(self, prompt: str, sample: int) -> dict[str, Any]:
        fields = self.sampling.key_fields()
        prompt_fields = (
            {"messages": [{"role": "user", "content": prompt}]} if self.api == "chat" else {"prompt": prompt}
        )
        body = {"model": self.model, **prompt_fields, "max_tokens": fields.pop("max_new_tokens"), **fields}
        seed = {"seed": body["seed"] + sample} if "seed" in body else {}
        return merge_body(body, seed, self.body)

    async def _ask_all(self, missing: Sequence[WantedSample], bar: Track) -> list[str | None]:
        """Ask for the samples and return for each why it is incomplete, or None."""
        endpoint = await self._open()

        async def ask(wanted: WantedSample) -> str | None:
            return incomplete_reason(await self._ask(wanted, endpoint, bar))

        try:
            return await ask_all(missing, ask, window_size(self.concurrency), endpoint.stop)
        finally:
            await endpoint.close()

    async def _open(self) -> Endpoint | ServedEndpoint:
        if self.serve is not None:
            served = await self._start()
            return ServedEndpoint(self._endpoint(served.urls, "none"), served)
        key = read_api_key(self.api_key_env, self.base_url, f"{self.section}.api_key_env")
        return self._endpoint([self.base_url], key)

    def _endpoint(self, urls: Sequence[str], key: str) -> Endpoint:
        return Endpoint(
            urls,
            key,
            RateLimiter(self.concurrency, requests_per_minute=None, tokens_per_minute=None),
            self.timeout_s,
            self.limits,
            api=self.api,
            section=self.section,
            key_setting=f"{self.section}.api_key_env",
        )

    async def _start(self) -> ServedModel:
        """Return the model's servers, started by the first call."""
        assert self.serve is not None
        if not self._served:
            gpus = GpuPool().take(self.serve, self.serve_setting)
            self._served.append(ServedModel(self.serve, self.serve_setting, self.model, gpus, cache_dir() / LOGS))
        await start_servers(self._served[0])
        return self._served[0]

    async def _ask(self, wanted: WantedSample, endpoint: Endpoint | ServedEndpoint, bar: Track) -> Answer:
        try:
            answer = await endpoint.answer(self._request_body(wanted.prompt, wanted.sample), expected_tokens=0)
        except RequestFailedError as exc:
            raise StageError(
                f"{self.section}.model: {self.model} returned no sample {wanted.sample} of {wanted.prompt[:60]!r}: "
                f"{exc}. All answers so far are stored"
            ) from exc
        self.store.put(wanted.key, answer_fields(answer))
        bar.advance()
        return answer
