"""Commands, GPUs and environments of the servers that a stage starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.teacher.serving import (
    GpuPool,
    ServeParams,
    check_command,
    embedded,
    server_command,
    server_environment,
    visible_gpus,
)

SERVE = ServeParams("cat {model} --port {port}", 2, 1, {}, 60.0)


def refusal(call):
    with pytest.raises(StageError) as caught:
        call()
    return str(caught.value)


def test_placeholders_are_filled_in_after_the_command_is_split():
    serve = replace(SERVE, command="vllm serve {model} --port={port} --gpus '{gpu_ids}' --config '{\"a\": {}}'")
    assert server_command(serve, "serve", "my models/qwen", 8100, "0,1") == [
        *("vllm", "serve", "my models/qwen", "--port=8100", "--gpus", "0,1", "--config", '{"a": {}}')
    ]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (None, "serve.command: found null, accepted: a command that serves {model} on {port}"),
        ("cat {model}", "serve.command: found 'cat {model}', accepted: a command that contains {port}"),
        ("cat 'x {port}", 'serve.command: found "cat \'x {port}", not a command line: No closing quotation'),
        ("no-vllm {port}", "serve.command: no-vllm: no such program; install it, or write its full path"),
    ],
    ids=["none", "port", "quotes", "program"],
)
def test_a_command_that_cannot_be_started_is_one_line(command, error):
    assert refusal(lambda: check_command(replace(SERVE, command=command), "serve")) == error


def test_gpus_are_taken_in_the_order_of_cuda_visible_devices(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,4,GPU-1f,0,1")
    pool = GpuPool()
    assert pool.take(replace(SERVE, gpus_per_replica=2), "serve") == ["6,4", "GPU-1f,0"]
    assert refusal(lambda: pool.take(SERVE, "serve")) == (
        "serve.gpus_per_replica: 2 replicas of 1 need 2 GPUs, found 1 (CUDA_VISIBLE_DEVICES=6,4,GPU-1f,0,1)"
    )


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_hidden_gpus_are_not_used(monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert visible_gpus() == []


def test_servers_without_gpus_need_none(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert GpuPool().take(replace(SERVE, gpus_per_replica=0), "serve") == ["", ""]


@pytest.mark.heavy
def test_without_cuda_visible_devices_the_gpus_of_nvidia_smi_count(tmp_path, monkeypatch):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: H100 (UUID: GPU-a)'\necho 'GPU 1: H100 (UUID: GPU-b)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus() == ["0", "1"]


def test_a_server_s_environment_is_this_one_with_its_gpus_and_variables(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    monkeypatch.setenv("HF_HOME", "/models")
    found = server_environment(replace(SERVE, env={"ROCR_VISIBLE_DEVICES": "{gpu_ids}"}), "2")
    assert (found["HF_HOME"], found["CUDA_VISIBLE_DEVICES"], found["ROCR_VISIBLE_DEVICES"]) == ("/models", "2", "2")
    assert server_environment(replace(SERVE, gpus_per_replica=0), "")["CUDA_VISIBLE_DEVICES"] == "0,1,2"


def test_embedded_servers_share_the_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    words = server_command(embedded(SERVE, 4, 512), "serve", "/m.gguf", 80, "")
    assert words[-5:] == ["/m.gguf", "80", "4", "512", "4"]
