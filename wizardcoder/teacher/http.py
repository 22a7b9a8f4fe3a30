"""A lean HTTP client for `openai.AsyncOpenAI`: its requests go to aiohttp by the shortest way.

In: what the SDK asks its client to send. Out: replies and errors in the SDK's own types. It covers plain requests with
a whole body, as chat completions are; no streaming, no redirects. The stock client (`DefaultAioHttpClient`) builds and
copies each request and reply several times; bench/README.md has the difference.
"""

from __future__ import annotations

import urllib.request
from typing import Any

import aiohttp
import httpx2

CONNECT_S = 30.0


class LeanClient(httpx2.AsyncClient):
    """Sends through one aiohttp session without a limit of its own: the gate limits what is in flight."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__()
        self._limits = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(CONNECT_S, timeout_s))
        self._aiohttp: aiohttp.ClientSession | None = None

    def build_request(self, method: str, url: Any, **parts: Any) -> httpx2.Request:  # noqa: ANN401 - as in httpx
        """Put a request together without merging it with client defaults: the SDK's are complete."""
        known = {
            name: parts[name] for name in ("params", "headers", "content", "data", "files", "json") if parts.get(name)
        }
        return httpx2.Request(method, url, **known)

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:  # noqa: ANN401 - as in httpx
        """Send a request and read the whole reply; raises httpx's errors."""
        if self._aiohttp is None:
            connector = aiohttp.TCPConnector(limit=0)
            # looking the proxy up costs more than the request: only where there is one
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
            raise kind(str(exc), request=request) from exc
        except TimeoutError as exc:
            raise httpx2.ReadTimeout("no answer in time", request=request) from exc
        except aiohttp.ClientError as exc:
            raise httpx2.ReadError(str(exc), request=request) from exc
        # aiohttp has decoded the content: its old length and encoding must not be taken for the present ones
        headers = [(k, v) for k, v in reply.headers.items() if k.lower() not in ("content-encoding", "content-length")]
        return httpx2.Response(reply.status, headers=headers, content=content, request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._aiohttp is not None:
            await self._aiohttp.close()
        await super().aclose()
