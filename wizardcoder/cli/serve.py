"""Shows the report's pages on this machine and takes the votes that are cast on them.

In: report/, requests of a browser on this machine. Out: votes/NAME.jsonl, to which each vote is appended as a line.
Listens on 127.0.0.1 only; a request that another site's page sends is refused. No stage of DVC: votes are people's
work, so they lie outside data/ and belong into git.

    python -m wizardcoder.cli.serve [--port 8000]
"""

from __future__ import annotations

import argparse
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
COMPARE = "compare.html"
MOST_BYTES = 10_000  # of a vote, which has some two hundred
PAGES = {"/": "index.html", "/index.html": "index.html", "/compare.html": "compare.html"}
_VOTE = TypeAdapter(Vote)
_VOTES_OF = re.compile(rf"/votes/({RATER})\.jsonl")


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m wizardcoder.cli.serve", description="Show the report, take votes.")
    parser.add_argument("--port", type=int, default=8000, help="on 127.0.0.1; default 8000, 0: any that is free")
    parser.add_argument(
        "--votes", type=Path, default=paths.VOTES, help=f"the folder for NAME.jsonl; default {paths.VOTES}"
    )
    options = parser.parse_args()
    with open_server(paths.COMPARE_PAGE.parent, options.votes, options.port) as server:
        console.say(
            f"serve: http://{HOST}:{server.server_port}/compare.html, votes into {options.votes}/; Ctrl-C ends it"
        )
        server.serve_forever()


def open_server(pages: Path, votes: Path, port: int) -> ThreadingHTTPServer:
    """Open a server of a folder of pages that appends votes to files in another.

    Raises:
        StageError: there is no page to vote on, or the port is taken.
    """
    read_comparison(pages / COMPARE)

    class Handler(_Handler):
        folder, store = pages, VoteStore(votes, pages / COMPARE)

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except (OSError, OverflowError) as exc:
        raise StageError(f"--port: found {port}, which can't be listened on: {exc}; accepted: a free one") from exc


class VoteStore:
    """Files of votes by rater; safe from several threads, and from a second server on the same folder."""

    def __init__(self, folder: Path, page: Path) -> None:
        self._folder, self._page = folder, page
        self._lock = threading.Lock()

    def read(self, rater: str) -> bytes:
        """Give a rater's file, empty where there is none."""
        path = self._folder / f"{rater}.jsonl"
        return path.read_bytes() if path.is_file() else b""

    def add(self, text: bytes) -> None:
        """Append a vote, whole or not at all, before it returns.

        Raises:
            StageError: it is no vote on the page as it is now.
        """
        try:
            vote = _VOTE.validate_json(text)
        except ValidationError as exc:
            raise StageError(f"vote: {describe(exc)}") from exc
        comparison = read_comparison(self._page)
        if vote.comparison != comparison.digest:
            raise StageError("the page was made anew; load it again")
        if vote.item not in {item.id for item in comparison.items}:
            raise StageError(f"item: found {vote.item[:80]!r}, accepted: an item of the page")
        self._append(self._folder / f"{vote.rater}.jsonl", to_line(vote).encode())

    def _append(self, path: Path, line: bytes) -> None:
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                size = os.fstat(file).st_size
                torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"  # by a crash: keep the next line apart
                os.write(file, b"\n" * torn + line)
                os.fsync(file)
            finally:
                os.close(file)


class _Handler(BaseHTTPRequestHandler):
    folder: Path
    store: VoteStore

    def do_GET(self) -> None:
        """Give a page, or a rater's votes."""
        path = self.path.partition("?")[0]
        if not self._own():
            self._answer(HTTPStatus.FORBIDDEN, b"another host")
        elif path in PAGES and (self.folder / PAGES[path]).is_file():
            self._answer(HTTPStatus.OK, (self.folder / PAGES[path]).read_bytes(), "text/html; charset=utf-8")
        elif path.startswith("/votes/") and (vote := _VOTES_OF.fullmatch(path)):
            self._answer(HTTPStatus.OK, self.store.read(vote[1]), "application/jsonl")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"not here")

    def do_POST(self) -> None:
        """Take a vote."""
        length = self.headers.get("Content-Length", "")
        json_said = self.headers.get_content_type() == "application/json"  # another site's page may not send that
        if not self._own() or self.path != "/votes" or not json_said:
            self._answer(HTTPStatus.FORBIDDEN, b"votes of this server's page only")
        elif not length.isdecimal() or int(length) > MOST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"too long for a vote")
        else:
            try:
                self.store.add(self.rfile.read(int(length)))
            except StageError as exc:
                self._answer(HTTPStatus.BAD_REQUEST, str(exc).encode())
            except OSError as exc:
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"the vote can't be written: {exc.strerror}".encode())
            else:
                self._answer(HTTPStatus.OK, b"{}", "application/json")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Say nothing of each request."""

    def _own(self) -> bool:
        """Say whether the browser asked for this very server: a name that was bent to this address is refused."""
        assert isinstance(self.server, ThreadingHTTPServer)
        port = self.server.server_port
        return self.headers.get("Host") in (f"{HOST}:{port}", f"localhost:{port}")

    def _answer(self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    console.entry(main)
