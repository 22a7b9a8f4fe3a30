"""Sample answers from an OpenAI-compatible endpoint, with one request per sample.

Shares the answer store and the division of work with sampler.py. Rate limits, retries and errors are handled by
teacher/endpoint.py. A request that finally fails ends the run, because an evaluation must not lack a sample. The first
missing sample starts the servers of a model that the stage serves itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError, Track
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.generation.sampler import Sampling, WantedSample, find_missing, read_stored
from wizardcoder.teacher.answer import RequestFailedError, answer_fields
from wizardcoder.teacher.ask_all import ask_all, window_size
from wizardcoder.teacher.endpoint import Api, Endpoint, read_api_key
from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.served_endpoint import ServedEndpoint
from wizardcoder.teacher.served_endpoint import start as start_servers
from wizardcoder.teacher.served_model import LOGS, ServedModel
from wizardcoder.teacher.serving import GpuPool, ServeParams
from wizardcoder.teacher.weights import served_identity


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSampler:
    """A model behind a URL: `chat` sends a prompt as one user message, `completions` sends it as it is.

    `section` is the part of params.yaml that errors name, `serve_setting` the key of `serve`, with which the model is
    served instead of reached at `base_url`. The store must not be the teacher's.
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
    serve: ServeParams | None = None
    serve_setting: str = "runtime.evaluate.serve"
    _served: list[ServedModel] = field(default_factory=list)

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
        """End the model's servers, if the stage started any; each `fill` closes its connections."""
        for served in self._served:
            served.close()
        self._served.clear()

    def _identity(self) -> dict[str, Any]:
        # a trailing slash does not make another endpoint
        endpoint = self.base_url.rstrip("/") if self.serve is None else served_identity(self.model)
        return {"backend": "endpoint", "endpoint": endpoint, "api": self.api}

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
        endpoint = await self._open()

        async def ask(wanted: WantedSample) -> None:
            await self._ask(wanted, endpoint, bar)

        try:
            await ask_all(missing, ask, window_size(self.concurrency), endpoint.stop)
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
            self.retries,
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

    async def _ask(self, wanted: WantedSample, endpoint: Endpoint | ServedEndpoint, bar: Track) -> None:
        try:
            answer = await endpoint.answer(self._body(wanted.prompt, wanted.sample), expected_tokens=0)
        except RequestFailedError as exc:
            raise StageError(
                f"{self.section}.model: {self.model} returned no sample {wanted.sample} of {wanted.prompt[:60]!r}: "
                f"{exc}. All answers so far are stored"
            ) from exc
        self.store.put(wanted.key, answer_fields(answer))
        bar.advance()
