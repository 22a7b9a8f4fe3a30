"""The web server that shows the report's pages and collects votes: the command `wizardcoder serve`.

In: report/, requests of a browser on this machine. Out: votes/NAME.jsonl, one line per vote. Listens on 127.0.0.1 only
and refuses requests that another site's page sends. Not a DVC stage: votes are people's work, so they are stored
outside data/ and belong into git. Does not count votes: wizardcoder/report/votes/tally.py does.
"""

from __future__ import annotations

import os
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import to_line
from wizardcoder.core.validation import describe
from wizardcoder.report.votes.comparison import RATER, Vote, read_comparison

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
COMPARE = "compare.html"
MAX_VOTE_BYTES = 10_000  # a vote has about 200
PAGES = {"/": "index.html", "/index.html": "index.html", "/compare.html": "compare.html"}
_VOTE = TypeAdapter(Vote)
_VOTES_OF = re.compile(rf"/votes/({RATER})\.jsonl")


def serve_pages(votes: Path = paths.VOTES, port: int = DEFAULT_PORT) -> None:
    """Serve the report until interrupted and append votes to NAME.jsonl in the folder `votes`.

    Raises:
        StageError: there is no page to vote on, or the port is not available.
    """
    with open_server(paths.COMPARE_PAGE.parent, votes, port) as server:
        address = f"http://{HOST}:{server.server_port}"
        console.say(
            f"serve: {address}/compare.html collects votes in {votes}/, {address}/ is the report; Ctrl-C ends it"
        )
        server.serve_forever()


def open_server(pages: Path, votes: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of the pages in one folder that appends votes to files in another.

    Raises:
        StageError: there is no page to vote on, or the port is not available.
    """
    read_comparison(pages / COMPARE)

    class Handler(_Handler):
        folder, store = pages, VoteStore(votes, pages / COMPARE)

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except (OSError, OverflowError) as exc:
        raise StageError(f"--port: found {port}, which is not available: {exc}; accepted: a free port") from exc


class VoteStore:
    """Files of votes by rater; safe for several threads and for a second server on the same folder."""

    def __init__(self, folder: Path, page: Path) -> None:
        self._folder, self._page = folder, page
        self._lock = threading.Lock()

    def read(self, rater: str) -> bytes:
        """Return a rater's file; empty if there is none."""
        path = self._folder / f"{rater}.jsonl"
        return path.read_bytes() if path.is_file() else b""

    def add(self, text: bytes) -> None:
        """Append a vote to its rater's file; the vote is on disk when this returns.

        Raises:
            StageError: the text is not a vote on the current page.
        """
        try:
            vote = _VOTE.validate_json(text)
        except ValidationError as exc:
            raise StageError(f"vote: {describe(exc)}") from exc
        comparison = read_comparison(self._page)
        if vote.comparison != comparison.digest:
            raise StageError("the page has changed; reload it")
        if vote.item not in {item.id for item in comparison.items}:
            raise StageError(f"item: found {vote.item[:80]!r}, accepted: an item of the page")
        self._append(self._folder / f"{vote.rater}.jsonl", to_line(vote).encode())

    def _append(self, path: Path, line: bytes) -> None:
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(file).st_size
                torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"  # a crash cut the last line: start a new one
                os.write(file, b"\n" * torn + line)
                os.fsync(file)
            finally:
                os.close(file)


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    store: VoteStore

    def do_GET(self) -> None:
        """Send a page, or a rater's votes."""
        path = self.path.partition("?")[0]
        if not self._is_own_host():
            self._respond(HTTPStatus.FORBIDDEN, b"wrong host")
        elif path in PAGES and (self.folder / PAGES[path]).is_file():
            self._respond(HTTPStatus.OK, (self.folder / PAGES[path]).read_bytes(), "text/html; charset=utf-8")
        elif path.startswith("/votes/") and (vote := _VOTES_OF.fullmatch(path)):
            self._respond(HTTPStatus.OK, self.store.read(vote[1]), "application/jsonl")
        else:
            self._respond(HTTPStatus.NOT_FOUND, b"not found")

    def do_POST(self) -> None:
        """Store a vote."""
        length = self.headers.get("Content-Length", "")
        is_json = self.headers.get_content_type() == "application/json"  # browsers let no other site send that
        if not self._is_own_host() or self.path != "/votes" or not is_json:
            self._respond(HTTPStatus.FORBIDDEN, b"only votes of this server's page are accepted")
        elif not length.isdecimal() or int(length) > MAX_VOTE_BYTES:
            self._respond(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"too long for a vote")
        else:
            try:
                self.store.add(self.rfile.read(int(length)))
            except StageError as exc:
                self._respond(HTTPStatus.BAD_REQUEST, str(exc).encode())
            except OSError as exc:
                self._respond(HTTPStatus.INTERNAL_SERVER_ERROR, f"the vote cannot be written: {exc.strerror}".encode())
            else:
                self._respond(HTTPStatus.OK, b"{}", "application/json")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Do not log requests."""

    def _is_own_host(self) -> bool:
        """Return whether the request is for this server; refuses other names that resolve to it (DNS rebinding)."""
        assert isinstance(self.server, ThreadingHTTPServer)
        port = self.server.server_port
        return self.headers.get("Host") in (f"{HOST}:{port}", f"localhost:{port}")

    def _respond(self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)
