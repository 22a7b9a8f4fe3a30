"""A real S3 API on loopback: moto's server, with users, keys and signatures checked, and uploads that can be held."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto import settings
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "bucket"


class Quiet(WSGIRequestHandler):
    def log(self, *args) -> None:
        pass


@dataclass
class S3:
    """The server's address, a user's key, and a gate for uploads: `hold_after` lets so many objects in, then waits."""

    app: Any
    url: str = ""
    key: str = ""
    secret: str = ""
    hold_after: int | None = None
    uploaded: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "PUT" and environ["PATH_INFO"].count("/") > 1:
            self.uploaded += 1
            if self.hold_after is not None and self.uploaded > self.hold_after:
                self.held.set()
                self.released.wait(60)
        return self.app(environ, start_response)

    def client(self, service: str = "s3"):
        own = {"aws_access_key_id": self.key or "any", "aws_secret_access_key": self.secret or "any"}
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", **own)

    def objects(self, prefix: str = "") -> dict[str, int]:
        """Give the size of each object."""
        listed = self.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {each["Key"]: each["Size"] for each in listed}


@contextmanager
def serve():
    """Serve a bucket and one user who may do everything with S3."""
    s3 = S3(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, s3, threaded=True, request_handler=Quiet)
    s3.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = settings.INITIAL_NO_AUTH_ACTION_COUNT
    try:
        iam = s3.client("iam")
        iam.create_user(UserName="dvc")
        rule = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [rule]})
        iam.put_user_policy(UserName="dvc", PolicyName="all", PolicyDocument=document)
        made = iam.create_access_key(UserName="dvc")["AccessKey"]
        s3.key, s3.secret = made["AccessKeyId"], made["SecretAccessKey"]
        s3.client().create_bucket(Bucket=BUCKET)
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0  # from here on every request must be signed by a known key
        yield s3
    finally:
        settings.INITIAL_NO_AUTH_ACTION_COUNT = before
        server.shutdown()
        server.server_close()
