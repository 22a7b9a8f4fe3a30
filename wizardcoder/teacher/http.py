"""A lean HTTP client for `openai.AsyncOpenAI`: it passes requests to aiohttp directly.

In: the SDK's requests. Out: replies and errors in the SDK's own types. Covers requests with a complete body, such as
chat completions. Does not cover streaming and redirects. The SDK's own client (`DefaultAioHttpClient`) builds and
copies each request and reply several times; bench/README.md compares them.
"""

from __future__ import annotations

import os
import socket
import urllib.request
from typing import Any

import aiohttp
import httpx2

CONNECT_S = 30.0


class LeanClient(httpx2.AsyncClient):
    """Sends through one aiohttp session without a connection limit: the rate limiter limits the requests in flight."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s))
        self._aiohttp: aiohttp.ClientSession | None = None

    def build_request(self, method: str, url: Any, **parts: Any) -> httpx2.Request:  # noqa: ANN401 - as in httpx
        """Build a request without merging client defaults: the SDK's requests are complete."""
        known = {
            name: parts[name] for name in ("params", "headers", "content", "data", "files", "json") if parts.get(name)
        }
        return httpx2.Request(method, url, **known)

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:  # noqa: ANN401 - as in httpx
        """Send a request and read the complete reply; raises httpx's errors."""
        if self._aiohttp is None:
            connector = aiohttp.TCPConnector(limit=0)
            # looking up a proxy costs more than the request: only if there is one
            proxies = bool(urllib.request.getproxies())
            self._aiohttp = aiohttp.ClientSession(connector=connector, timeout=self._limits, trust_env=proxies)
        try:
            async with self._aiohttp.request(
                request.method, str(request.url), data=request.content, headers=request.headers.multi_items()
            ) as reply:
                content = await reply.read()
        except aiohttp.ConnectionTimeoutError as exc:
            raise httpx2.ConnectTimeout(str(exc), request=request) from exc
        except aiohttp.ServerTimeoutError as exc:
            raise httpx2.ReadTimeout(str(exc), request=request) from exc
        except aiohttp.ClientConnectionError as exc:
            kind = httpx2.ConnectError if isinstance(exc, aiohttp.ClientConnectorError) else httpx2.ReadError
            raise kind(_describe(exc), request=request) from exc
        except TimeoutError as exc:
            raise httpx2.ReadTimeout("no answer in time", request=request) from exc
        except aiohttp.ClientError as exc:
            raise httpx2.ReadError(str(exc), request=request) from exc
        # aiohttp has decoded the content, so its original length and encoding no longer apply
        headers = [(k, v) for k, v in reply.headers.items() if k.lower() not in ("content-encoding", "content-length")]
        return httpx2.Response(reply.status, headers=headers, content=content, request=request)

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
