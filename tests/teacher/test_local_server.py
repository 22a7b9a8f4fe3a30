"""The embedded teacher: it answers, and it ends with whoever started it."""

import os
import signal
import subprocess
import sys
import time

import openai
import psutil
import pytest

from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.teacher.local_server import serve

pytestmark = pytest.mark.heavy


def has_ended(process):
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two looks
        return True


def test_it_answers_on_loopback_and_ends_with_the_block():
    with serve(bundled_wheels.gguf_path(), slots=2, context_tokens=512) as url:
        children = psutil.Process().children()
        client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
        reply = client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Say hello."}], max_tokens=4, seed=1
        )
        assert url.startswith("http://127.0.0.1:")
        assert reply.choices[0].message.content
        assert reply.usage.completion_tokens <= 4
    assert not any(child.is_running() for child in children)


def test_it_ends_when_the_block_fails():
    with pytest.raises(ZeroDivisionError), serve(bundled_wheels.gguf_path(), slots=1, context_tokens=256):
        children = psutil.Process().children()
        raise ZeroDivisionError
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_ends_when_its_stage_is_stopped(signum):
    code = (
        "import time\n"
        "from wizardcoder.core import bundled_wheels, console\n"
        "from wizardcoder.teacher.local_server import serve\n"
        "def main():\n"
        "    with serve(bundled_wheels.gguf_path(), 1, 256) as url:\n"
        "        print(url, flush=True); time.sleep(600)\n"
        "console.entry(main)\n"
    )
    stage = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    stage.stdout.readline()
    server = psutil.Process(stage.pid).children()[0]
    os.kill(stage.pid, signum)
    stage.wait(60)
    ends = time.monotonic() + 60
    while not has_ended(server):
        assert time.monotonic() < ends, "the server outlived its stage"
        time.sleep(0.1)


def test_a_file_that_is_not_a_model_is_refused_in_one_line(tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF but not really")
    with pytest.raises(StageError, match=r"teacher.base_url: the local server did not start"):
        with serve(tmp_path / "bad.gguf", slots=1, context_tokens=256):
            pass
