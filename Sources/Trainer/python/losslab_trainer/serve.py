"""The trainer's main loop: jobs in as JSON lines, events out as JSON lines, one job at a time.

Standard output and standard error are logs; events have a descriptor of their own. A loss's fault is a report with
status "rejected", ours one with status "failed", a sentence as "error" and the traceback as "trace", which the
controller keeps in the worker's log; neither ends the loop.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from losslab_trainer.failures import one_line, sentence, trace
from losslab_trainer.zygote_client import ZygoteClient

if TYPE_CHECKING:
    from losslab_trainer.loss_process import LossProcesses

VERSION = 1

Job = Mapping[str, object]


@dataclass(frozen=True)
class Context:
    """What a job may use besides what it says itself."""

    loss_processes: LossProcesses
    cache_directory: Path
    emit_metrics: Callable[[int, Mapping[str, float]], None]  # step, values by name
    sandbox: Mapping[str, object]  # the layers of a loss process here


JobHandler = Callable[[Job, Context], dict[str, object]]


def lazily(name: str) -> JobHandler:
    """The handler "module:function", imported when the first such job comes: transformers costs seconds."""

    def handle(job: Job, context: Context) -> dict[str, object]:
        module, _, function = name.partition(":")
        handler: JobHandler = getattr(import_module(module), function)
        return handler(job, context)

    return handle


JOB_KINDS: dict[str, JobHandler] = {
    "check": lazily("losslab_trainer.screening.job:check"),
    "finetune": lazily("losslab_trainer.finetune.door:enter"),
    "frontier": lazily("losslab_trainer.plotting.frontier:frontier"),
    "import": lazily("losslab_trainer.screening.job:import_loss"),
    "estimate": lazily("losslab_trainer.finetune.door:enter"),
    "export": lazily("losslab_trainer.export.job:export"),
    "inspect": lazily("losslab_trainer.finetune.door:enter"),
    "label": lazily("losslab_trainer.finetune.door:enter"),
    "plot": lazily("losslab_trainer.plotting.job:plot"),
    "reward": lazily("losslab_trainer.finetune.door:enter"),
    "train": lazily("losslab_trainer.train_job:train"),
}


class Events:
    """Writes JSON lines, whole."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def emit(self, event: Mapping[str, object]) -> None:
        # NaN is not JSON: a handler that lets one through has a bug, and the report must still be readable.
        data = (json.dumps(event, allow_nan=False, separators=(",", ":")) + "\n").encode()
        while data:
            data = data[os.write(self._descriptor, data) :]


def main(arguments: list[str]) -> int:
    """Serves jobs from standard input until it closes or a shutdown job comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events-fd", type=int, required=True)
    parser.add_argument("--worker", type=Path, required=True)
    parser.add_argument("--venv", type=Path, default=Path(sys.prefix))
    parser.add_argument("--python-path", type=Path, default=Path(__file__).parent.parent)
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--allow-unsandboxed", action="store_true")
    options = parser.parse_args(arguments)
    events = Events(_own_descriptor(options.events_fd))

    # First, so that the zygote imports torch while this process does.
    try:
        zygote = ZygoteClient(
            options.worker, options.venv, options.python_path, allow_unsandboxed=options.allow_unsandboxed
        )
        import torch  # noqa: PLC0415 (after the zygote's start)

        from losslab_trainer.loss_process import LossProcesses  # noqa: PLC0415 (imports torch)

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        loss_processes = LossProcesses(zygote)
        sandbox = loss_processes.sandbox()
    except Exception as error:  # libraries that do not load raise all kinds
        print(f"losslab-worker: {sentence(error)}\n{trace(error)}", file=sys.stderr)
        events.emit({"event": "fatal", "error": sentence(error), "logged": True})
        return 1
    python = sys.version.split()[0]
    events.emit(
        {"event": "ready", "version": VERSION, "python": python, "torch": torch.__version__, "sandbox": sandbox}
    )
    cache = options.cache or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "losslab"
    try:
        serve(sys.stdin.buffer, events, loss_processes, cache, sandbox)
    finally:
        loss_processes.close()
    return 0


def _own_descriptor(descriptor: int) -> int:
    """The events' descriptor; when that is standard output, prints go to standard error from now on."""
    if descriptor > 2:
        os.set_inheritable(descriptor, False)
        return descriptor
    own = os.dup(descriptor)
    os.dup2(2, 1)
    return own


def serve(
    jobs: Iterable[bytes],
    events: Events,
    loss_processes: LossProcesses,
    cache: Path,
    sandbox: Mapping[str, object],
) -> None:
    """Runs one job a line and reports each, until the lines end or one says shutdown."""
    for line in jobs:
        if not line.strip():
            continue
        identifier: object = None
        try:
            job = json.loads(line)
            if not isinstance(job, dict):
                raise ValueError("a job is a JSON object")
            identifier = job.get("id")
            if job.get("kind") == "shutdown":
                return
            report = _run(job, _context(events, identifier, loss_processes, cache, sandbox))
        except Exception as error:
            report = {"status": "failed", "error": sentence(error), "trace": trace(error)}
        sys.stdout.flush()
        _emit_report(events, {"event": "report", "id": identifier, **report})


def _context(
    events: Events, identifier: object, loss_processes: LossProcesses, cache: Path, sandbox: Mapping[str, object]
) -> Context:
    def emit_metrics(step: int, values: Mapping[str, float]) -> None:
        events.emit({"event": "metrics", "id": identifier, "step": step, "values": dict(values)})

    return Context(loss_processes, cache, emit_metrics, sandbox)


def _run(job: Job, context: Context) -> dict[str, object]:
    from losslab_trainer.contract import LossRejected  # noqa: PLC0415 (imports torch)

    version, kind = job.get("version"), job.get("kind")
    if version != VERSION:
        return {"status": "failed", "error": f"job version {version!r}, this worker speaks {VERSION}"}
    handler = JOB_KINDS.get(kind) if isinstance(kind, str) else None
    if handler is None:
        return {"status": "failed", "error": f"unknown job kind {kind!r}; known: {', '.join(sorted(JOB_KINDS))}"}
    try:
        result = handler(job, context)
        if isinstance(problem := result.get("problem"), str):
            # What a library said may stand in it.
            result = {**result, "problem": one_line(problem)}
        return {"status": "done", "result": result}
    except LossRejected as rejection:
        return {"status": "rejected", "rejection": rejection.to_json()}


def _emit_report(events: Events, report: Mapping[str, object]) -> None:
    try:
        events.emit(report)
    except (TypeError, ValueError) as error:
        message = f"the report is not JSON: {error}"
        events.emit({"event": "report", "id": report["id"], "status": "failed", "error": message})
