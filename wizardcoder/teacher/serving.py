"""Settings of the servers that a stage starts itself, and what follows from them: commands, GPUs, environment.

In: the mapping `serve` of the section `runtime`. Out: each server's command line and environment. Starts nothing, apart
from nvidia-smi, which counts the GPUs; served_model.py starts the servers.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne, Count, Positive, Text

SERVED = "served"
"""The base URL of a model that the stage serves with a command of its own."""
TEACHER_SETTING = "runtime.teacher.serve"
PORT = "{port}"
GPUS_VARIABLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True, config=STRICT)
class ServeParams:
    """The servers of a model; nothing here changes an answer.

    Attributes:
        command: starts one server; `{model}`, `{port}` and `{gpu_ids}` are filled in. None: the embedded server.
        replicas: servers of one model, which share its requests.
        gpus_per_replica: GPUs of each server; 0: its environment's CUDA_VISIBLE_DEVICES is left as it is.
        env: environment variables of the servers; `{gpu_ids}` is filled in.
        ready_s: seconds until a server must have loaded its model.
    """

    command: Text | None
    replicas: AtLeastOne
    gpus_per_replica: Count
    env: dict[str, str]
    ready_s: Positive


def check_command(serve: ServeParams, setting: str) -> None:
    """Check that the command can be started; `setting` is the key of `serve`.

    Raises:
        StageError: there is no command, it lacks the port, or its program is not installed.
    """
    words = _words(serve, setting)
    if PORT not in (serve.command or ""):
        raise StageError(f"{setting}.command: found {serve.command!r}, accepted: a command that contains {PORT}")
    if shutil.which(words[0]) is None:
        raise StageError(f"{setting}.command: {words[0]}: no such program; install it, or write its full path")


def server_command(serve: ServeParams, setting: str, model: str, port: int, gpu_ids: str) -> list[str]:
    """Return the command line of one server."""
    filled = {"{model}": model, PORT: str(port), "{gpu_ids}": gpu_ids}
    return [_fill(word, filled) for word in _words(serve, setting)]


def server_environment(serve: ServeParams, gpu_ids: str) -> dict[str, str]:
    """Return the environment of one server: this process's, the GPUs, and `serve.env`."""
    gpus = {GPUS_VARIABLE: gpu_ids} if serve.gpus_per_replica else {}
    own = {name: _fill(value, {"{gpu_ids}": gpu_ids}) for name, value in serve.env.items()}
    return {**os.environ, **gpus, **own}


def embedded(serve: ServeParams, slots: int, context_tokens: int) -> ServeParams:
    """Return the settings of the embedded llama.cpp server; its replicas share the cores.

    Args:
        serve: replicas, environment and time limit.
        slots: requests that a server decodes together.
        context_tokens: limit of one request, prompt and answer together.
    """
    threads = max(1, len(os.sched_getaffinity(0)) // serve.replicas)
    program = Path(__file__).with_name("local_server.py")
    # -P: the folder of this package must not shadow modules of the standard library
    words = [sys.executable, "-P", str(program), "{model}", PORT, str(slots), str(context_tokens), str(threads)]
    return replace(serve, command=shlex.join(words), gpus_per_replica=0)


class GpuPool:
    """The GPUs of this machine that no server has yet."""

    def __init__(self) -> None:
        self._free: list[str] | None = None

    def take(self, serve: ServeParams, setting: str) -> list[str]:
        """Return the GPUs of each replica as CUDA_VISIBLE_DEVICES takes them; empty texts where none are wanted.

        Raises:
            StageError: there are not enough.
        """
        wanted = serve.replicas * serve.gpus_per_replica
        if not wanted:
            return [""] * serve.replicas
        if self._free is None:
            self._free = visible_gpus()
        if wanted > len(self._free):
            raise StageError(
                f"{setting}.gpus_per_replica: {serve.replicas} replicas of {serve.gpus_per_replica} need {wanted} "
                f"GPUs, found {len(self._free)} ({GPUS_VARIABLE}={os.environ.get(GPUS_VARIABLE, 'not set')})"
            )
        own, self._free = self._free[:wanted], self._free[wanted:]
        size = serve.gpus_per_replica
        return [",".join(own[start : start + size]) for start in range(0, wanted, size)]


def visible_gpus() -> list[str]:
    """Return the ids of the GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else all of nvidia-smi."""
    if GPUS_VARIABLE in os.environ:
        return [gpu for gpu in (part.strip() for part in os.environ[GPUS_VARIABLE].split(",")) if gpu not in ("", "-1")]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    listed = subprocess.run([program, "-L"], capture_output=True, text=True, check=False).stdout
    return [str(number) for number, _ in enumerate(line for line in listed.splitlines() if line.startswith("GPU "))]


def _words(serve: ServeParams, setting: str) -> list[str]:
    if serve.command is None:
        raise StageError(f"{setting}.command: found null, accepted: a command that serves {{model}} on {PORT}")
    try:
        return shlex.split(serve.command)
    except ValueError as exc:
        raise StageError(f"{setting}.command: found {serve.command!r}, not a command line: {exc}") from exc


def _fill(text: str, values: dict[str, str]) -> str:
    """Fill in placeholders; other braces, such as those of JSON, stay."""
    for name, value in values.items():
        text = text.replace(name, value)
    return text
