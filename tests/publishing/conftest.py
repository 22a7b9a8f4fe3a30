"""A hub on loopback, to which the tests of publishing are logged in."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@pytest.fixture
def token(monkeypatch, tmp_path):
    """Put huggingface_hub's settings into the test's folder, without a token."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    return monkeypatch


class Hub(BaseHTTPRequestHandler):
    """The few answers of the hub that publishing needs; `repos` maps kind/name to its files."""

    repos: dict[str, dict[str, bytes]]
    refuses: int | None = None

    @property
    def own_url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def log_message(self, *args):
        pass

    def _send(self, code: int, content: object) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("ETag", '"e"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refuses:
            self._send(self.refuses, {"error": "no"})
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('type', 'model')}s/{asked.get('organization', 'me')}/{asked['name']}"
            self.repos.setdefault(name, {".gitattributes": b""})
            self._send(200, {"url": f"{self.own_url}/{name.removeprefix('models/')}"})
        elif "/preupload/" in self.path:
            listed = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in json.loads(body)["files"]
            ]
            self._send(200, {"files": listed})
        elif self.path == "/api/validate-yaml":
            self._send(200, {"errors": [], "warnings": []})
        else:
            repo = self.path.removeprefix("/api/").split("/commit/")[0]
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.repos[repo][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del self.repos[repo][line["value"]["path"]]
            url = f"{self.own_url}/{repo.removeprefix('models/')}/commit/{'c' * 40}"
            self._send(200, {"commitOid": "c" * 40, "commitUrl": url, "hookOutput": ""})

    def do_GET(self):
        path = self.path.split("?")[0]
        if self.refuses:
            self._send(self.refuses, {"error": "no"})
        elif "/resolve/" in path:
            repo, name = path.lstrip("/").split("/resolve/")
            self._send(
                200, self.repos[repo if repo.startswith("datasets/") else f"models/{repo}"][name.split("/", 1)[1]]
            )
        elif "/tree/" in path:
            files = self.repos[path.removeprefix("/api/").split("/tree/")[0]]
            self._send(200, [{"type": "file", "path": f, "size": len(c), "oid": "0"} for f, c in files.items()])
        elif not path.startswith(("/api/datasets/", "/api/models/")):
            self._send(404, {"error": "no such page"})
        else:
            repo = path.removeprefix("/api/").split("/revision/")[0]
            siblings = [{"rfilename": name} for name in self.repos[repo]]
            self._send(200, {"id": repo.split("/", 1)[1], "sha": "c" * 40, "siblings": siblings, "tags": []})

    do_HEAD = do_GET  # noqa: N815 - the server's own name


@pytest.fixture
def hub(token, tmp_path):
    """Serve a hub on loopback to which this test is logged in."""
    from huggingface_hub import constants

    handler = type("Handler", (Hub,), {"repos": {}, "refuses": None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    token.setattr(constants, "ENDPOINT", url)
    token.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    token.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    token.setattr(constants, "HF_HUB_OFFLINE", False)
    token.setenv("HF_TOKEN", "hf_secret")
    token.setenv("NO_PROXY", "127.0.0.1")
    yield handler
    server.shutdown()
    server.server_close()
