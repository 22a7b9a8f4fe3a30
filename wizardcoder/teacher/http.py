"""A lean `openai.AsyncOpenAI`: the SDK builds its first request, the others reuse that URL and those headers.

In: paths and encoded bodies. Out: replies and the SDK's errors. Covers requests with a complete body, such as chat
completions. Does not cover streaming and redirects. The SDK's own client (`DefaultAioHttpClient`) builds and copies
each request and reply several times; bench/README.md compares them. So a request, and a reply without an error, are
plain records with the few attributes that the SDK reads, and go to aiohttp directly; an error is in the SDK's types.
"""

from __future__ import annotations

import os
import socket
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import aiohttp
import httpx2
import openai

CONNECT_S = 30.0


@dataclass(frozen=True, slots=True)
class _Request:
    """What the SDK and `LeanClient.send` read of a request."""

    method: str
    url: str
    pairs: list[tuple[str, str]]
    content: bytes | None

    @property
    def headers(self) -> Mapping[str, str]:
        """Nothing: the SDK looks for headers that ask it for another form of reply, which nobody here does."""
        return {}

    def as_httpx(self) -> httpx2.Request:
        """Return the request in the SDK's type, for errors."""
        return httpx2.Request(self.method, self.url, headers=self.pairs, content=self.content)


@dataclass(frozen=True, slots=True)
class LeanReply:
    """A complete reply without an error."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    request: _Request

    @property
    def text(self) -> str:
        """The content as text."""
        return self.content.decode(errors="replace")

    def raise_for_status(self) -> None:
        """Do nothing: the reply has no error."""


class LeanOpenAI(openai.AsyncOpenAI):
    """The SDK's client without its retries; `post` is cheap for a body that is already encoded."""

    def __init__(self, base_url: str, api_key: str, timeout_s: float) -> None:
        self._lean = LeanClient(timeout_s)
        super().__init__(base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=0, http_client=self._lean)

    async def post_encoded(self, path: str, content: bytes) -> httpx2.Response:
        """Post JSON and return the reply.

        Raises:
            openai.APIConnectionError, openai.APIStatusError: as `post` does.
        """
        first = self._lean.built.get(f"{self.base_url}{path.lstrip('/')}")
        if first is None:
            return await self.post(path, cast_to=httpx2.Response, content=content)
        request = cast(httpx2.Request, replace(first, content=content))
        try:
            reply = await self._lean.send(request)
        except httpx2.TimeoutException as exc:
            raise openai.APITimeoutError(request=request) from exc
        except httpx2.TransportError as exc:
            raise openai.APIConnectionError(request=request) from exc
        if reply.status_code >= 400:
            raise self._make_status_error_from_response(reply)
        return reply


class LeanClient(httpx2.AsyncClient):
    """Sends through one aiohttp session without a connection limit: the rate limiter limits the requests in flight."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self.built: dict[str, _Request] = {}  # the SDK's first request to each URL
        self._limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s))
        self._aiohttp: aiohttp.ClientSession | None = None

    def build_request(self, method: str, url: Any, **parts: Any) -> httpx2.Request:  # noqa: ANN401 - as in httpx
        """Keep what the SDK has built: its requests are complete."""
        request = _Request(method, url, parts["headers"], parts.get("content"))
        self.built.setdefault(url, request)
        return cast(httpx2.Request, request)

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:  # noqa: ANN401 - as in httpx
        """Send a request and read the complete reply; raises httpx's errors."""
        lean = cast(_Request, request)
        try:
            return await self._send(lean)
        except aiohttp.ConnectionTimeoutError as exc:
            raise httpx2.ConnectTimeout(str(exc), request=lean.as_httpx()) from exc
        except aiohttp.ServerTimeoutError as exc:
            raise httpx2.ReadTimeout(str(exc), request=lean.as_httpx()) from exc
        except aiohttp.ClientConnectionError as exc:
            kind = httpx2.ConnectError if isinstance(exc, aiohttp.ClientConnectorError) else httpx2.ReadError
            raise kind(_describe(exc), request=lean.as_httpx()) from exc
        except TimeoutError as exc:
            raise httpx2.ReadTimeout("no answer in time", request=lean.as_httpx()) from exc
        except aiohttp.ClientError as exc:
            raise httpx2.ReadError(str(exc), request=lean.as_httpx()) from exc

    async def _send(self, request: _Request) -> httpx2.Response:
        async with self._session().request(
            request.method, request.url, data=request.content, headers=request.pairs
        ) as reply:
            content = await reply.read()
        if reply.status < 400:
            return cast(httpx2.Response, LeanReply(reply.status, reply.headers, content, request))
        # aiohttp has decoded the content, so its original length and encoding no longer apply
        headers = [(k, v) for k, v in reply.headers.items() if k.lower() not in ("content-encoding", "content-length")]
        return httpx2.Response(reply.status, headers=headers, content=content, request=request.as_httpx())

    def _session(self) -> aiohttp.ClientSession:
        if self._aiohttp is None:
            connector = aiohttp.TCPConnector(limit=0)
            # looking up a proxy costs more than the request: only if there is one
            proxies = bool(urllib.request.getproxies())
            self._aiohttp = aiohttp.ClientSession(connector=connector, timeout=self._limits, trust_env=proxies)
        return self._aiohttp

    async def aclose(self) -> None:
        """Close the connections."""
        if self._aiohttp is not None:
            await self._aiohttp.close()
        await super().aclose()


def _describe(exc: aiohttp.ClientConnectionError) -> str:
    """Return why a connection failed, without aiohttp's text about the connection."""
    if not isinstance(exc, aiohttp.ClientConnectorError) or isinstance(exc, aiohttp.ClientSSLError):
        return str(exc)
    error = exc.os_error
    if error.errno is None or isinstance(error, socket.gaierror):  # which has numbers of its own
        return error.strerror or str(error)
    return os.strerror(error.errno)
