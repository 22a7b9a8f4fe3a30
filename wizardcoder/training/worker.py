"""One of several training processes: `python -m wizardcoder.training.worker JOB.json`.

`job.json` has the settings and the folders. The first process leaves its result beside it, a failing one its error.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pydantic import TypeAdapter

from wizardcoder.core import console
from wizardcoder.core.child_process import end_with_parent
from wizardcoder.core.console import StageError
from wizardcoder.training import deepspeed_config, launch
from wizardcoder.training.settings import TrainParams

if TYPE_CHECKING:
    from wizardcoder.training.fit import FitFolders, FitResult

JOB, RESULT = "job.json", "result.json"
MODULE = "wizardcoder.training.worker"


def write_job(folder: Path, params: TrainParams, folders: FitFolders) -> Path:
    """Write the job that the processes run, and return its path."""
    job = {"params": asdict(params), "folders": {key: str(path) for key, path in asdict(folders).items()}}
    path = folder / JOB
    path.write_text(json.dumps(job), encoding="utf-8")
    return path


def read_result(folder: Path) -> FitResult:
    """Read what the first process achieved."""
    from wizardcoder.training.fit import FitResult

    return FitResult(**json.loads((folder / RESULT).read_text(encoding="utf-8")))


def work(job: Path) -> NoReturn:
    """Run a job in this process, which must have been started by `launch`, and end the process."""
    end_with_parent()
    from wizardcoder.training.fit import FitFolders, fit, is_first_process

    parts = json.loads(job.read_text(encoding="utf-8"))
    params = TypeAdapter(TrainParams).validate_json(json.dumps(parts["params"]))
    folders = FitFolders(**{key: Path(path) for key, path in parts["folders"].items()})
    try:
        result = fit(params, folders, deepspeed_config.read(params))
    except StageError as exc:
        launch.write_error(job.parent, exc)
        raise SystemExit(1) from exc
    if is_first_process():
        (job.parent / RESULT).write_text(json.dumps(asdict(result)), encoding="utf-8")
    launch.exit_immediately()


if __name__ == "__main__":
    console.entry(lambda: work(Path(sys.argv[1])))
