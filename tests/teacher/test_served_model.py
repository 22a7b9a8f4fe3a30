"""Servers of our own: they answer, they are restarted, and they end with whoever started them."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import openai
import psutil
import pytest
from processes import wait_until

from stages.evolve import Params
from wizardcoder.core import bundled_wheels
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.teacher.ask_all import ask_all
from wizardcoder.teacher.served_model import MAX_RESTARTS, ServedModel
from wizardcoder.teacher.serving import SERVED, ServeParams, embedded
from wizardcoder.teacher.teacher import open_teacher

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
MOCK = f"{sys.executable} {ROOT / 'bench/mock_endpoint.py'} --port {{port}} --print-answers --latency-s 0.05"
# as vLLM's workers, which do not end with their parent by themselves
WORKER = (
    "import subprocess, sys\n"
    "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    "print('worker', worker.pid, flush=True)\n"
)
MOCK_AS_PROGRAM = (
    f"import sys\nsys.argv = ['mock', '--port', sys.argv[1]]\nsys.path.insert(0, {str(ROOT)!r})\n"
    "from bench.mock_endpoint import main; main()\n"
)
TEACHER = load(Params, ROOT / "params.yaml").teacher


def settings(command=MOCK, replicas=1, ready_s=60.0, **changes):
    return replace(ServeParams(command, replicas, 0, {}, ready_s), **changes)


def model_of(logs, serve, gpus=None):
    return ServedModel(serve, "runtime.teacher.serve", "some/mock", gpus or [""] * serve.replicas, logs)


def python(program):
    return f"{sys.executable} -c {shlex.quote(program)} {{port}}"


def below(pid=None):
    return psutil.Process(pid).children(recursive=True)


def gone(processes):
    return not [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def ended(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def worker_in(logs):
    return int(re.search(r"worker (\d+)", (logs / "mock-0.log").read_text())[1])


def mocks():
    return [p for p in below() if p.cmdline()[1:2] == [str(ROOT / "bench/mock_endpoint.py")]]


def asking(served, tmp_path, count, on_answer=lambda n: None, **runtime):
    """Ask a teacher that serves its own model for `count` answers; return their texts."""
    changes = {"serve": served, "retries": 0, "concurrency": 8} | runtime
    params = replace(TEACHER, base_url=SERVED, model="some/mock", runtime=replace(TEACHER.runtime, **changes))
    texts = []

    async def main():
        async with open_teacher(params, tmp_path) as teacher:

            async def ask(number):
                reply = await teacher.ask("respond", [{"role": "user", "content": f"task {number}"}], number)
                texts.append(reply.answer.text)
                on_answer(len(texts))
                return reply.answer.text

            return await ask_all(range(count), ask, teacher.window, teacher.stop)

    return asyncio.run(main())


def answered(tmp_path):
    logs = "".join(log.read_text() for log in sorted((tmp_path / "logs").glob("*.log")))
    return Counter(re.findall(r"answered (\w+)", logs))


def test_replicas_share_the_requests_and_end_with_the_teacher(tmp_path):
    started = []
    assert len(set(asking(settings(replicas=2), tmp_path, 40, lambda n: started.extend(mocks())))) == 40
    logs = sorted((tmp_path / "logs").glob("*.log"))
    assert [log.name for log in logs] == ["mock-0.log", "mock-1.log"]
    assert all(log.read_text().count("answered") >= 10 for log in logs)
    assert len(set(started)) == 2
    assert gone(started)


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_replica_that_is_killed_loses_nothing_and_nothing_is_answered_twice(tmp_path, replicas, capsys):
    killed = []

    def kill_one(count):
        if count == 30:
            killed.append(mocks()[-1])
            killed[0].kill()

    answers = asking(settings(replicas=replicas), tmp_path, 120, kill_one)
    assert len(set(answers)) == 120
    assert gone(killed)
    counts = answered(tmp_path)
    assert len(counts) == 120
    # what the killed server answered while the answer was on its way is the only thing that may be asked again
    assert counts.total() <= 120 + TEACHER.runtime.concurrency
    assert f"exited with code {128 + signal.SIGKILL}" in capsys.readouterr().err


def test_a_server_that_dies_again_and_again_ends_the_stage_and_keeps_the_answers(tmp_path, capsys):
    kills = MAX_RESTARTS + 1
    program = "import os, threading\nthreading.Timer(1.5, lambda: os._exit(3)).start()\n" + MOCK_AS_PROGRAM
    with pytest.raises(StageError) as caught:
        asking(settings(python(program)), tmp_path, 100_000, concurrency=2)
    assert re.fullmatch(
        rf"runtime.teacher.serve: server 1 of 1 exited with code 3.*; it was started {kills} times\. All answers .*",
        str(caught.value),
    )
    assert capsys.readouterr().err.count("restart ") == MAX_RESTARTS


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_servers_and_their_workers_end_when_the_stage_is_stopped(tmp_path, signum):
    server = WORKER + MOCK_AS_PROGRAM
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from wizardcoder.core import console\n"
        "from wizardcoder.teacher.served_model import ServedModel\n"
        "from wizardcoder.teacher.serving import ServeParams\n"
        "def main():\n"
        "    serve = ServeParams(sys.argv[1], 2, 0, {}, 60)\n"
        "    model = ServedModel(serve, 'serve', 'mock', ['', ''], Path(sys.argv[2]))\n"
        "    try:\n"
        "        model.start(); print(flush=True); time.sleep(600)\n"
        "    finally:\n"
        "        model.close()\n"
        "console.entry(main)\n"
    )
    command = [sys.executable, "-c", code, python(server), str(tmp_path)]
    stage = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    stage.stdout.readline()
    processes = below(stage.pid)
    assert len(processes) == 6  # two supervisors, two servers, two workers
    os.kill(stage.pid, signum)
    stage.wait(60)
    wait_until(lambda: gone(processes))


def test_workers_end_when_the_server_dies(tmp_path):
    program = WORKER + "sys.exit('out of memory')"
    with pytest.raises(StageError, match="exited with code 1 before it was ready: out of memory"):
        model_of(tmp_path, settings(python(program))).start()
    wait_until(lambda: ended(worker_in(tmp_path)))  # killed, but perhaps not yet gone


def test_a_server_that_exits_before_it_is_ready_is_one_line_with_the_last_of_its_log(tmp_path):
    program = "print('loading'); raise SystemExit('CUDA out of memory')"
    with pytest.raises(StageError) as caught:
        model_of(tmp_path, settings(python(program), replicas=2)).start()
    assert re.fullmatch(
        r"runtime.teacher.serve: server [12] of 2 exited with code 1 before it was ready: CUDA out of memory; log: "
        rf"{tmp_path}/mock-[01].log",
        str(caught.value),
    )
    assert gone(below())


def test_a_server_that_is_never_ready_is_ended(tmp_path):
    program = "import time; print('still loading', flush=True); time.sleep(600)"
    with pytest.raises(StageError) as caught:
        model_of(tmp_path, settings(python(program), ready_s=2.0)).start()
    assert str(caught.value) == (
        "runtime.teacher.serve: server 1 of 1 was not ready after 2 s (runtime.teacher.serve.ready_s): still loading; "
        f"log: {tmp_path}/mock-0.log"
    )
    assert gone(below())


def test_the_wait_for_a_model_that_loads_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("wizardcoder.teacher.served_model.PROGRESS_S", 0.3)
    model = model_of(tmp_path, settings(python("import time; time.sleep(1)\n" + MOCK_AS_PROGRAM)))
    model.start()
    model.close()
    first, *_, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(rf"some/mock: 0 of 1 servers ready after \d+ s; log: {tmp_path}/mock-0.log", first)
    assert re.fullmatch(r"some/mock: all servers ready after \d+ s", last)


def test_a_late_server_is_ended_with_its_workers(tmp_path):
    with pytest.raises(StageError, match=r"was not ready after 1 s"):
        model_of(tmp_path, settings(python(WORKER + "import time; time.sleep(600)"), ready_s=1.0)).start()
    wait_until(lambda: ended(worker_in(tmp_path)))  # killed, but perhaps not yet gone


def test_a_server_sees_its_gpus_and_variables(tmp_path):
    program = "import os; raise SystemExit(os.environ['CUDA_VISIBLE_DEVICES'] + ' ' + os.environ['DEVICES'])"
    serve = settings(python(program), gpus_per_replica=2, env={"DEVICES": "{gpu_ids}"})
    with pytest.raises(StageError, match="before it was ready: 4,5 4,5; log"):
        model_of(tmp_path, serve, ["4,5"]).start()


def test_a_stop_while_servers_load_does_not_wait_for_them(tmp_path):
    program = "import time; print('loading', flush=True); time.sleep(600)"

    async def main():
        params = replace(
            TEACHER,
            base_url=SERVED,
            runtime=replace(TEACHER.runtime, serve=settings(python(program), ready_s=600.0)),
        )
        async with open_teacher(params, tmp_path) as teacher:
            asked = asyncio.create_task(teacher.ask("judge", [{"role": "user", "content": "?"}], 1))
            while not list(tmp_path.glob("logs/*.log")):
                await asyncio.sleep(0.05)
            teacher.stop(StageError("stopped"))
            with pytest.raises(StageError, match="stopped"):
                await asked

    asyncio.run(main())
    assert gone(below())


def test_two_embedded_servers_answer(tmp_path):
    serve = embedded(settings(None, replicas=2), slots=2, context_tokens=512)
    model = ServedModel(serve, "serve", str(bundled_wheels.gguf_path()), ["", ""], tmp_path)
    model.start()
    try:
        assert len(model.urls) == 2
        for url in model.urls:
            client = openai.OpenAI(base_url=url, api_key="none", max_retries=0)
            reply = client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "Say hello."}], max_tokens=4, seed=1
            )
            assert reply.choices[0].message.content
            assert reply.usage.completion_tokens <= 4
        processes = below()
    finally:
        model.close()
    assert gone(processes)


def test_a_file_that_is_not_a_model_is_refused_in_one_line(tmp_path):
    (tmp_path / "bad.gguf").write_bytes(b"GGUF but not really")
    serve = embedded(settings(None), slots=1, context_tokens=256)
    model = ServedModel(serve, "runtime.teacher.serve", str(tmp_path / "bad.gguf"), [""], tmp_path)
    with pytest.raises(StageError, match=r"^runtime.teacher.serve: server 1 of 1 exited with code \d+ before it was"):
        model.start()
