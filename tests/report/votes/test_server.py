"""The server of the pages: what it shows, which votes it takes, and how it keeps them."""

from __future__ import annotations

import http.client
import json
import threading

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import to_line
from wizardcoder.report.pages.payload import pack
from wizardcoder.report.votes.comparison import AnswerPair, make_comparison, read_votes, to_json
from wizardcoder.report.votes.server import open_server

COMPARISON = make_comparison(
    "base", "tuned", [AnswerPair("dev/1", "ask", "x", "y"), AnswerPair("dev/2", "ask", "x", "y")], 0
)
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "report"
    folder.mkdir()
    data = f'<script type="application/octet-stream" id="comparison">{pack(to_json(COMPARISON))}</script>'
    (folder / "compare.html").write_text(f"<!doctype html>{data}")
    (folder / "index.html").write_text("the report")
    (tmp_path / "secret").write_text("not for you")
    return folder


@pytest.fixture
def server(pages, tmp_path):
    with open_server(pages, tmp_path / "votes", 0) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """Sends a request and gives status and body."""

    def send(method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        found = answer.status, answer.read().decode()
        connection.close()
        return found

    return send


def line(item="dev/1", choice="a", rater="ann", digest=COMPARISON.digest):
    return to_line({"rater": rater, "comparison": digest, "item": item, "choice": choice})


def test_it_shows_the_pages_and_nothing_else(ask):
    assert ask("GET", "/") == (200, "the report")
    assert ask("GET", "/compare.html")[0] == 200
    assert ask("GET", "/../secret")[0] == 404
    assert ask("GET", "/votes/../secret")[0] == 404
    assert ask("GET", "/votes/%2e%2e.jsonl")[0] == 404


def test_it_listens_on_this_machine_only(server):
    assert server.server_address[0] == "127.0.0.1"


def test_votes_are_appended_to_the_raters_file_and_given_back(ask, tmp_path):
    assert ask("GET", "/votes/ann.jsonl") == (200, "")
    for vote in (line(), line(choice="undone"), line(choice="b"), line("dev/2", "tie")):
        assert ask("POST", "/votes", vote, JSON) == (200, "{}")
    assert ask("POST", "/votes", line(rater="bob"), JSON)[0] == 200
    assert ask("GET", "/votes/ann.jsonl")[1] == line() + line(choice="undone") + line(choice="b") + line("dev/2", "tie")
    files = [tmp_path / "votes/ann.jsonl", tmp_path / "votes/bob.jsonl"]
    assert read_votes(files, COMPARISON) == {"ann": {"dev/1": "b", "dev/2": "tie"}, "bob": {"dev/1": "a"}}


def test_votes_from_many_at_once_are_all_kept_whole(ask, tmp_path):
    def vote(rater):
        for choice in ("a", "undone", "b", "undone", "tie"):
            assert ask("POST", "/votes", line(choice=choice, rater="ann"), JSON)[0] == 200

    threads = [threading.Thread(target=vote, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = (tmp_path / "votes/ann.jsonl").read_text().splitlines()
    assert len([json.loads(text) for text in lines]) == 20


def test_a_line_that_a_crash_cut_short_does_not_swallow_the_next(ask, tmp_path):
    (tmp_path / "votes").mkdir()
    (tmp_path / "votes/ann.jsonl").write_text('{"rater": "ann", "compa')
    ask("POST", "/votes", line(), JSON)
    assert (tmp_path / "votes/ann.jsonl").read_text().splitlines()[1:] == [line().rstrip("\n")]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (line("dev/9"), "item: found 'dev/9', accepted: an item of the page"),
        (line(digest="0123"), "the page has changed; reload it"),
        (line(rater="../../ann"), "vote: rater: found '../../ann', accepted: String should match pattern"),
        ('{"rater": "ann"', "vote: not JSON, or cut short"),
        (line(choice="left"), "vote: choice: found 'left', accepted: 'a'"),
    ],
    ids=["item", "page", "rater", "cut", "choice"],
)
def test_what_is_no_vote_on_the_page_is_refused_and_not_kept(ask, tmp_path, body, message):
    status, answer = ask("POST", "/votes", body, JSON)
    assert (status, answer[: len(message)]) == (400, message)
    assert not (tmp_path / "votes").exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/json", "Host": "evil.example"}, 403),
        ({"Content-Type": "application/json", "Content-Length": "10001"}, 413),
    ],
    ids=["form_of_another_site", "another_name", "too_long"],
)
def test_requests_of_other_sites_and_long_ones_are_refused(ask, tmp_path, headers, status):
    assert ask("POST", "/votes", line(), headers)[0] == status
    assert not (tmp_path / "votes").exists()


def test_without_a_page_there_is_nothing_to_serve(tmp_path):
    with pytest.raises(StageError, match=r"compare.html: No such file or directory$"):
        open_server(tmp_path, tmp_path, 0)


def test_a_port_that_is_taken_is_refused_in_one_line(server, pages, tmp_path):
    with pytest.raises(StageError, match=rf"^--port: found {server.server_port}, which is not available: "):
        open_server(pages, tmp_path, server.server_port)
