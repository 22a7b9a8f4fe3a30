"""A mock OpenAI-compatible endpoint for tests and speed scripts: latency, jitter, faults, a real rate limit.

In: options on the command line, or `MockEndpoint(...)` in a test, which serves from a thread. Out: answers and faults
that depend only on the request, not on the order of requests. Every request is counted; GET /stats returns
the counts as JSON. Covers chat completions, and the files and batches of the Batch API. A test can hold answers back to
control what is in flight.

    python bench/mock_endpoint.py --port 8099 --latency-s 0.2 --jitter 0.25 --p429 0.05 --p500 0.02
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

Reply = Callable[[dict[str, Any]], str | dict[str, Any]]
"""Returns an answer's text, or a choice: its message and finish reason, and `usage` of the reply."""
Refusal = Callable[[dict[str, Any]], tuple[int, dict[str, Any]] | None]


def default_reply(body: dict[str, Any]) -> str:
    """Answer with 120 words that depend on the whole request; a question about equality gets the answer Not Equal."""
    if "Equal or Not Equal" in body["messages"][-1]["content"]:
        return "Not Equal"
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return f"Write a function number {digest[:12]} " + " ".join(
        f"word{digest[i % 60 : i % 60 + 3]}" for i in range(115)
    )


@dataclass
class MockEndpoint:
    """The endpoint's behaviour and its counts; as a context manager it serves on a free loopback port."""

    latency_s: float = 0.0
    jitter: float = 0.0  # uniform, as a share of the latency
    p429: float = 0.0
    retry_after_s: float = 1.0
    retry_after_as_date: bool = False
    p500: float = 0.0
    rate_limit: float | None = None  # requests a second; above it 429
    api_key: str | None = None
    finish_reason: str = "stop"
    reply: Reply = default_reply
    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keep_bodies: bool = True
    headers: dict[str, str] = field(default_factory=dict)  # sent with every answer
    refuses: tuple[int, str | None] | None = None  # status and error code of every answer
    refused_request: int | None = None  # `refuses` applies only to the request of this number (from 1)
    refusal: Refusal = lambda body: None  # status and reply for a body that is refused for good
    retry_after: str | None = None  # the text of the header, instead of `retry_after_s`
    rate_changes: tuple[tuple[float, float], ...] = ()  # (seconds since the first request, another rate_limit)
    tokens_per_minute: float | None = None  # of prompt (four characters each) and max_tokens; above it 429
    raw_reply: bytes | None = None  # sent instead of every chat completion
    batch_polls: int = 1  # polls of a batch until it has ended
    batch_fails: Callable[[dict[str, Any], int], bool] = lambda body, number: False  # (body, batch's number from 0)
    batch_failure_status: int = 500  # of the requests that `batch_fails` names
    batch_expires: tuple[int, ...] = ()  # numbers of the batches that end as expired, their last half unanswered
    enqueued_tokens: float | None = None  # of all unfinished batches; one above it fails as a whole
    poll_failures: int = 0  # polls of batches that fail with 500, before the first that does not
    batch_refused: str | None = None  # the reason why every batch fails as a whole
    early: int = 0  # requests that came before their Retry-After had passed
    print_answers: bool = False  # a line `answered HASH` on stdout for each answered request
    hold_after: int | None = None  # number of answers; later ones are held back until release(), or dropped at the end

    def __post_init__(self) -> None:
        self._released = asyncio.Event()
        self._faults: Counter[str] = Counter()  # by request, so far
        self._retry_at: dict[str, float] = {}
        self._requests_left = self._tokens_left = 1.0  # share of a second's requests and tokens
        self._filled = self._first_request = 0.0
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.batches: list[dict[str, Any]] = []

    def app(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/stats", self._stats)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._content)
        app.router.add_post("/v1/batches", self._make_batch)
        app.router.add_get("/v1/batches", self._list_batches)
        app.router.add_get("/v1/batches/{id}", self._poll_batch)
        return app

    def wait_held(self, count: int, timeout_s: float = 180.0) -> None:
        """Wait until this many answers are held back; by then the client has received `hold_after` answers.

        If `count` is the client's number of concurrent requests, no other request is in flight.
        """
        ends = time.monotonic() + timeout_s
        while self.counts["held"] < count:
            if time.monotonic() > ends:
                raise TimeoutError(f"{self.counts['held']} answers are held back, waited for {count}")
            time.sleep(0.01)

    def release(self) -> None:
        """Send the answers that are held back, and hold no more."""
        self._loop.call_soon_threadsafe(self._released.set)

    def __enter__(self) -> MockEndpoint:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(self._runner.setup())
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=4096)
        self._loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        ready.set()
        self._loop.run_forever()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "mock", "object": "model"}]})

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response({**self.counts, "early": self.early})

    async def _chat(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.counts["requests"] += 1
        key = hashlib.sha256(raw).hexdigest()
        if self.keep_bodies:
            self.bodies.append(json.loads(raw))
        if self.api_key is not None and request.headers.get("Authorization") != f"Bearer {self.api_key}":
            self.counts["401"] += 1
            return web.json_response({"error": {"message": "Incorrect API key provided"}}, status=401)
        if self.refuses is not None and self.refused_request in (None, self.counts["requests"]):
            status, code = self.refuses
            self.counts["refused"] += 1
            return web.json_response({"error": {"message": "refused on purpose", "code": code}}, status=status)
        if (refused := self.refusal(json.loads(raw))) is not None:
            self.counts["refused"] += 1
            return web.json_response(refused[1], status=refused[0])
        if time.monotonic() < self._retry_at.pop(key, 0.0):
            self.early += 1
        rng = random.Random(f"{self.seed}:{key}:{self._faults[key]}")
        if not self._admitted(raw) or rng.random() < self.p429:
            return self._refused(key)
        if rng.random() < self.p500:
            self.counts["500"] += 1
            self._faults[key] += 1
            return web.json_response({"error": {"message": "the server had an error"}}, status=500)
        await asyncio.sleep(self.latency_s * rng.uniform(1 - self.jitter, 1 + self.jitter))
        if self.hold_after is not None and self.counts["answered"] >= self.hold_after and not self._released.is_set():
            self.counts["held"] += 1
            await self._released.wait()
        self.counts["answered"] += 1
        if self.print_answers:
            print(f"answered {key}", flush=True)
        if self.raw_reply is not None:
            return web.Response(body=self.raw_reply, content_type="application/json")
        return web.json_response(self._completion(json.loads(raw), key), headers=self.headers)

    def _completion(self, body: dict[str, Any], key: str) -> dict[str, Any]:
        found = self.reply(body)
        choice: dict[str, Any] = {"index": 0, "finish_reason": self.finish_reason}
        choice |= found if isinstance(found, dict) else {"message": {"role": "assistant", "content": found}}
        text = choice["message"].get("content")
        prompt = sum(len(message["content"]) for message in body["messages"])
        usage = {"prompt_tokens": prompt // 4, "completion_tokens": len(text.split()) if isinstance(text, str) else 1}
        usage |= choice.pop("usage", {})
        return {
            "id": key[:16],
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [choice],
            "usage": {"total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]} | usage,
        }

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        data = form["file"].file.read()  # type: ignore[union-attr]
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = data
        return web.json_response(self._file(file_id))

    def _file(self, file_id: str) -> dict[str, Any]:
        size = len(self.files[file_id])
        fields = {"id": file_id, "object": "file", "bytes": size, "created_at": 0, "filename": "f.jsonl"}
        return fields | {"purpose": "batch", "status": "processed"}

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]])

    async def _make_batch(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.counts["batches"] += 1
        batch = {
            "id": f"batch_{len(self.batches)}",
            "object": "batch",
            "endpoint": body["endpoint"],
            "input_file_id": body["input_file_id"],
            "completion_window": "24h",
            "status": "in_progress",
            "created_at": 0,
            "looks": 0,
        }
        if self._is_above_enqueued_tokens(batch):
            self.counts["token_limit_exceeded"] += 1
            message = (
                "Enqueued token limit reached. Please try again once some in_progress batches have been completed."
            )
            failure = {"code": "token_limit_exceeded", "message": message}
            batch |= {"status": "failed", "errors": {"object": "list", "data": [failure]}}
        self.batches.append(batch)
        return web.json_response(batch)

    def _is_above_enqueued_tokens(self, batch: dict[str, Any]) -> bool:
        unfinished = [batch, *(b for b in self.batches if b["status"] == "in_progress")]
        lines = [line for b in unfinished for line in self.files[b["input_file_id"]].splitlines()]
        tokens = sum(_expected_tokens(json.loads(line)["body"]) for line in lines)
        return self.enqueued_tokens is not None and tokens > self.enqueued_tokens

    async def _list_batches(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": self.batches, "has_more": False})

    async def _poll_batch(self, request: web.Request) -> web.Response:
        batch = next(b for b in self.batches if b["id"] == request.match_info["id"])
        if self.poll_failures:
            self.poll_failures -= 1
            self.counts["failed polls"] += 1
            return web.json_response({"error": {"message": "the server had an error"}}, status=500)
        batch["looks"] += 1
        if batch["status"] == "in_progress" and batch["looks"] >= self.batch_polls:
            self._end_batch(batch)
        return web.json_response(batch)

    def _end_batch(self, batch: dict[str, Any]) -> None:
        if self.batch_refused is not None:
            batch |= {"status": "failed", "errors": {"object": "list", "data": [{"message": self.batch_refused}]}}
            return
        number = self.batches.index(batch)
        lines = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
        expired = lines[len(lines) // 2 :] if number in self.batch_expires else []
        output, errors = [], []
        for line in reversed(lines):  # results come in any order
            self.counts["batched"] += 1
            result: dict[str, Any] = {"id": "r", "custom_id": line["custom_id"], "response": None, "error": None}
            if line in expired:
                errors.append(result | {"error": {"code": "batch_expired", "message": "not done in time"}})
            elif (refused := self.refusal(line["body"])) is not None:
                errors.append(result | {"response": {"status_code": refused[0], "body": refused[1]}})
            elif self.batch_fails(line["body"], number):
                failed = {
                    "status_code": self.batch_failure_status,
                    "body": {"error": {"message": "the server had an error"}},
                }
                errors.append(result | {"response": failed})
            else:
                body = self._completion(line["body"], line["custom_id"])
                output.append(result | {"response": {"status_code": 200, "request_id": "q", "body": body}})
        for name, results in (("output_file_id", output), ("error_file_id", errors)):
            if results:
                batch[name] = f"file-{len(self.files)}"
                self.files[batch[name]] = "".join(json.dumps(r) + "\n" for r in results).encode()
        batch["status"] = "expired" if expired else "completed"
        batch["request_counts"] = {"total": len(lines), "completed": len(output), "failed": len(errors)}

    def _admitted(self, raw: bytes) -> bool:
        """Take a request and its tokens from the two buckets; return False, and take nothing, if one is too empty."""
        now = time.monotonic()
        self._first_request = self._first_request or now
        rate, tokens_per_s = self._rate_limit_at(now - self._first_request), (self.tokens_per_minute or 0.0) / 60
        elapsed = now - (self._filled or now)
        self._filled = now
        self._requests_left = min(1.0, self._requests_left + elapsed)
        self._tokens_left = min(1.0, self._tokens_left + elapsed)
        request = 1 / rate if rate else 0.0
        tokens = _expected_tokens(json.loads(raw)) / tokens_per_s if tokens_per_s else 0.0
        if self._requests_left < request or self._tokens_left < tokens:
            return False
        self._requests_left -= request
        self._tokens_left -= tokens
        return True

    def _rate_limit_at(self, elapsed: float) -> float | None:
        passed = [rate for after, rate in self.rate_changes if after <= elapsed]
        return passed[-1] if passed else self.rate_limit

    def _refused(self, key: str) -> web.Response:
        self.counts["429"] += 1
        self._faults[key] += 1
        self._retry_at[key] = time.monotonic() + self.retry_after_s
        # a date has whole seconds: rounded up, so that it is never too early
        date = formatdate(int(time.time() + self.retry_after_s) + 1, usegmt=True)
        value = self.retry_after or (date if self.retry_after_as_date else f"{self.retry_after_s:g}")
        return web.json_response(
            {"error": {"message": "Rate limit reached"}}, status=429, headers={"Retry-After": value}
        )


def _expected_tokens(body: dict[str, Any]) -> float:
    return sum(len(message["content"]) for message in body["messages"]) / 4 + float(body.get("max_tokens") or 0)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    for name in ("latency-s", "jitter", "p429", "p500"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--retry-after-s", type=float, default=1.0)
    parser.add_argument("--rate-limit", type=float, default=None)
    parser.add_argument("--tokens-per-minute", type=float, default=None)
    parser.add_argument("--rate-changes", type=json.loads, default=(), metavar="[[SECONDS, RATE], ...]")
    parser.add_argument("--print-answers", action="store_true")
    args = parser.parse_args()
    port = args.port
    del args.port
    endpoint = MockEndpoint(**vars(args), keep_bodies=False)
    web.run_app(endpoint.app(), host="127.0.0.1", port=port, access_log=None, print=None, backlog=4096)


if __name__ == "__main__":
    main()
