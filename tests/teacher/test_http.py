"""The lean client sends what the SDK sends."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from wizardcoder.teacher.http import LeanOpenAI


@pytest.mark.parametrize("end", ["", "/"])
def test_later_requests_have_the_url_and_headers_of_the_sdk_s_first(end, monkeypatch):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    seen = []

    async def reply(request):
        seen.append(
            (
                request.method,
                request.path,
                {name.lower(): value for name, value in request.headers.items()},
                await request.read(),
            )
        )
        return web.json_response({"n": len(seen)})

    async def main():
        app = web.Application()
        app.router.add_post("/v1/chat/completions", reply)
        async with TestServer(app) as server:
            client = LeanOpenAI(f"http://127.0.0.1:{server.port}/v1{end}", "k", 60)
            async with client:
                return [(await client.post_encoded("/chat/completions", b'{"a": "%d"}' % n)).content for n in range(3)]

    assert asyncio.run(main()) == [b'{"n": 1}', b'{"n": 2}', b'{"n": 3}']
    assert seen[0][:3] == seen[1][:3] == seen[2][:3]
    assert [body for *_, body in seen] == [b'{"a": "0"}', b'{"a": "1"}', b'{"a": "2"}']
    assert seen[2][2]["authorization"] == "Bearer k"
    assert seen[2][2]["openai-organization"] == "org-1"
    assert seen[2][2]["content-type"] == "application/json"
