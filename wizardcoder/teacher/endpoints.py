"""The endpoints of a teacher: each is opened for the first request that needs it, and closed with the teacher.

In: a request. Out: the endpoint that answers it: a hosted one, the Batch API, or servers that are started here. Does
not send anything itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import openai

from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore
from wizardcoder.teacher.addresses import LOCAL
from wizardcoder.teacher.batch import BatchEndpoint
from wizardcoder.teacher.endpoint import Endpoint, read_api_key
from wizardcoder.teacher.rate_limit import RateLimiter
from wizardcoder.teacher.request import ChatRequest
from wizardcoder.teacher.served_endpoint import ServedEndpoint
from wizardcoder.teacher.served_endpoint import start as start_servers
from wizardcoder.teacher.served_model import ServedModel
from wizardcoder.teacher.serving import TEACHER_SETTING, GpuPool, embedded
from wizardcoder.teacher.settings import TeacherParams

AnyEndpoint = Endpoint | ServedEndpoint | BatchEndpoint


class Endpoints:
    """Opens endpoints on demand. `stack` closes them and ends the servers."""

    def __init__(self, params: TeacherParams, store: AnswerStore, logs: Path, stack: AsyncExitStack) -> None:
        self._params, self._store, self._logs, self._stack = params, store, logs, stack
        self._open_endpoints: dict[tuple[str, ...], AnyEndpoint] = {}
        self._opening = asyncio.Lock()
        self._starting: ServedModel | None = None
        self._gpus = GpuPool()
        self._stopped: StageError | None = None

    async def get(self, request: ChatRequest) -> AnyEndpoint:
        """Return the endpoint of a request; open it if this is its first one.

        Raises:
            StageError: stopped, no key, or the servers cannot be started.
        """
        known = self._open_endpoints.get(request.endpoint_id)
        if known is not None:
            return known
        async with self._opening:
            if self._stopped is not None:
                raise self._stopped
            if request.endpoint_id not in self._open_endpoints:
                self._open_endpoints[request.endpoint_id] = await self._open(request)
        return self._open_endpoints[request.endpoint_id]

    def stop(self, exc: StageError) -> None:
        """Send nothing more; requests in flight are still answered."""
        self._stopped = exc
        if self._starting is not None:
            self._starting.interrupt()
        for endpoint in self._open_endpoints.values():
            endpoint.stop(exc)

    async def _open(self, request: ChatRequest) -> AnyEndpoint:
        runtime = self._params.runtime
        endpoint: AnyEndpoint
        if request.is_served:
            served = await self._serve(request)
            endpoint = ServedEndpoint(self._make_endpoint(served.urls, "none", request.section), served)
        else:
            urls = request.urls
            api_key = read_api_key(request.api_key_env, urls[0], "runtime.teacher.api_key_env")
            if runtime.mode == "batch":
                client = openai.AsyncOpenAI(base_url=urls[0], api_key=api_key, timeout=runtime.timeout_s, max_retries=2)
                endpoint = BatchEndpoint(
                    client,
                    request.namespace,
                    self._store,
                    runtime.batch_limits(),
                    section=request.section,
                    earlier_namespace=request.earlier_namespace,
                )
            else:
                endpoint = self._make_endpoint(urls, api_key, request.section)
        self._stack.push_async_callback(endpoint.close)
        return endpoint

    def _make_endpoint(self, urls: Sequence[str], api_key: str, section: str) -> Endpoint:
        runtime = self._params.runtime
        limiter = RateLimiter(runtime.concurrency, runtime.requests_per_minute, runtime.tokens_per_minute)
        return Endpoint(urls, api_key, limiter, runtime.timeout_s, runtime.retry_limits(), section=section)

    async def _serve(self, request: ChatRequest) -> ServedModel:
        """Start the servers of a model; they end with this teacher."""
        runtime = self._params.runtime
        if runtime.mode == "batch":
            raise StageError("runtime.teacher.mode: found batch, accepted for a model that the stage serves: chat")
        if request.urls[0] == LOCAL:
            serve = embedded(runtime.serve, runtime.slots, self._params.local.context_tokens)
            model = str(bundled_wheels.gguf_path())
        else:
            serve, model = runtime.serve, request.body["model"]
        served = ServedModel(serve, TEACHER_SETTING, model, self._gpus.take(serve, TEACHER_SETTING), self._logs)
        self._stack.callback(served.close)
        self._starting = served
        await start_servers(served)
        self._starting = None
        return served
