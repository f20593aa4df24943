"""The trainer's loop as the controller sees it: ready, reports, and why it could not start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from losslab_trainer import serve
from losslab_trainer.contract import LossRejected

pytestmark = pytest.mark.slow

PYTHON_PATH = Path(__file__).parent.parent.parent / "Sources/Trainer/python"


@pytest.fixture(scope="module")
def worker() -> Path:
    path = os.environ.get("LOSSLAB_WORKER")
    if path is None:
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    return Path(path)


def start_trainer(worker: Path, *, venv: str = sys.prefix, python_path: Path = PYTHON_PATH) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(worker), "trainer", "--venv", venv, "--python-path", str(python_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_trainer_is_ready_then_answers_every_line_and_ends_when_told(worker: Path) -> None:
    trainer = start_trainer(worker)
    jobs = [
        '{"version":1,"id":"a","kind":"dance"}',
        '{"version":9,"id":"b","kind":"check"}',
        "this is not JSON",
        "[1,2]",
        '{"version":1,"id":"c","kind":"shutdown"}',
        '{"version":1,"id":"d","kind":"dance"}',
    ]
    out, _ = trainer.communicate("\n".join(jobs) + "\n", timeout=120)
    ready, *reports = (json.loads(line) for line in out.splitlines())
    assert trainer.returncode == 0
    assert ready["event"] == "ready" and ready["version"] == 1
    assert ready["torch"].startswith("2.") and ready["sandbox"]["missing"] == []
    assert [(report["id"], report["status"]) for report in reports] == [
        ("a", "failed"),
        ("b", "failed"),
        (None, "failed"),
        (None, "failed"),
    ]
    assert "dance" in reports[0]["error"] and "check" in reports[0]["error"]


def venv_like(folder: Path, settings: str) -> str:
    (folder / "bin").mkdir()
    (folder / "bin/python3").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text(settings)
    return str(folder)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (None, "no Python environment"),
        ("home = /usr/bin\nversion = 3.8.1\n", "is of Python 3.8.1"),
        ("home = /opt/other/bin\nversion = {version}\n", "/opt/other/bin"),
        ("home = {home}\nversion = {version}\n", "has no torch"),
    ],
)
def test_a_venv_that_does_not_fit_is_one_sentence_and_exit_code_1(
    settings: str | None, words: str, worker: Path, tmp_path: Path
) -> None:
    real = dict(line.split(" = ") for line in (Path(sys.prefix) / "pyvenv.cfg").read_text().splitlines())
    venv = str(tmp_path)
    if settings is not None:
        venv = venv_like(tmp_path, settings.format(home=real["home"], version=real["version"]))
    trainer = start_trainer(worker, venv=venv)
    out, err = trainer.communicate(timeout=60)
    assert trainer.returncode == 1
    fatal = json.loads(out)
    assert fatal["event"] == "fatal"
    assert words in fatal["error"] and fatal["error"].endswith("run `make setup`.") and "\n" not in fatal["error"]
    assert fatal["error"] in err


def test_python_that_breaks_before_any_job_is_one_sentence_with_its_trace_on_standard_error(
    worker: Path, tmp_path: Path
) -> None:
    (tmp_path / "losslab_trainer").mkdir()
    (tmp_path / "losslab_trainer/__init__.py").touch()
    (tmp_path / "losslab_trainer/serve.py").write_text('raise OSError("libfish.so:\\n  file too short")\n')
    trainer = start_trainer(worker, python_path=tmp_path)
    out, err = trainer.communicate(timeout=60)
    assert trainer.returncode == 1
    assert json.loads(out) == {"event": "fatal", "error": "OSError: libfish.so:", "logged": True}
    assert "Traceback (most recent call last)" in err and "file too short" in err


def test_a_losss_fault_is_rejected_and_ours_is_failed_with_its_trace_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def rejects(job: serve.Job, context: serve.Context) -> dict[str, object]:
        raise LossRejected("shape", "not (B,)", 3)

    def fails(job: serve.Job, context: serve.Context) -> dict[str, object]:
        raise RuntimeError("disk full")

    def answers(job: serve.Job, context: serve.Context) -> dict[str, object]:
        context.emit_metrics(1, {"loss": 0.5})
        return {"score": float("nan") if job.get("broken") else 1.0}

    def refuses(job: serve.Job, context: serve.Context) -> dict[str, object]:
        return {"problem": "the model cannot be read: it\n  breaks\n  lines"}

    kinds = {"rejects": rejects, "fails": fails, "answers": answers, "refuses": refuses}
    monkeypatch.setattr(serve, "JOB_KINDS", kinds)
    jobs: list[dict[str, object]] = [
        {"version": 1, "id": kind, "kind": kind} for kind in ("rejects", "fails", "answers")
    ]
    jobs.append({"version": 1, "id": "broken", "kind": "answers", "broken": True})
    jobs.append({"version": 1, "id": "refuses", "kind": "refuses"})
    told = serve_jobs(jobs)
    assert told[0]["status"] == "rejected"
    assert told[0]["rejection"] == {"code": "shape", "message": "not (B,)", "line": 3, "details": {}}
    assert told[1]["status"] == "failed" and told[1]["error"] == "RuntimeError: disk full"
    assert str(told[1]["trace"]).startswith("Traceback (most recent call last):")
    assert 'raise RuntimeError("disk full")' in str(told[1]["trace"])
    assert told[2] == {"event": "metrics", "id": "answers", "step": 1, "values": {"loss": 0.5}}
    assert told[3] == {"event": "report", "id": "answers", "status": "done", "result": {"score": 1.0}}
    assert told[5]["status"] == "failed" and "not JSON" in str(told[5]["error"])
    assert told[6]["result"] == {"problem": "the model cannot be read: it breaks lines"}


def serve_jobs(jobs: list[dict[str, object]]) -> list[dict[str, object]]:
    read, write = os.pipe()
    lines = [json.dumps(job).encode() + b"\n" for job in jobs]
    # The handlers of these tests use no loss process.
    serve.serve(lines, serve.Events(write), None, Path("cache"), {})  # type: ignore[arg-type]
    os.close(write)
    with os.fdopen(read, "rb") as events:
        return [json.loads(line) for line in events]
