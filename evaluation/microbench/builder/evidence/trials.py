"""One trial: a training of one loss at one setting with one seed, its answers graded; kept on disk by content hash.

A trial goes through the product's own train job. Only the loss runs in this process instead of a locked-down one:
everything here is a file of this repository.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, cast

from losslab_trainer.contract import LossRejected
from losslab_trainer.identity import ROOT, code_hash, versions
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.loss_process import LossProcesses
from losslab_trainer.serve import Context
from losslab_trainer.train_job import train

from builder.evidence.losses import Loss
from builder.rubric import score
from builder.world_files import MICROBENCH, read_json_lines, read_world

CACHE = MICROBENCH.parent.parent / ".cache" / "evidence"
SAMPLES = 4  # answers a question at T = 0.7


@dataclass(frozen=True)
class Setting:
    learning_rate: float
    beta: float


@dataclass(frozen=True)
class TrialResult:
    """What one trial measured. ``rejection`` is set, and the rest empty, when the loss broke or training diverged."""

    scores: Mapping[str, float]  # mean rubric score; keys "t07", "greedy" and, if asked for, "heldOut", "heldOutGreedy"
    kl: float | None  # nats per answer
    seconds: float
    rejection: str | None = None


@dataclass(frozen=True)
class Trial:
    world: str  # its folder's name, or the path of one elsewhere
    loss: Loss
    setting: Setting
    seed: int
    pool: str  # "search" or "confirmation"
    held_out: bool = False  # also answer the held-out questions
    samples: int = SAMPLES  # answers a question at T = 0.7

    def key(self) -> str:
        """Names the result: a hash of everything it depends on, files by their bytes, code by its imports."""
        world, folder = read_world(MICROBENCH / self.world), _base_folder(self.world)
        asked = [*sorted((folder / "policy").iterdir()), *(folder / name for name in _question_files(self.held_out))]
        parts = {
            "engine": engine(),
            "pairs": file_hash(MICROBENCH / self.world / "pairs" / f"{self.pool}.jsonl.gz"),
            "base": {path.name: file_hash(path) for path in [*asked, folder / "rubric.jsonl"]},
            "training": [world["training"], world["logpScale"], world["maxNewTokens"]],
            "loss": self.loss.hash,
            "setting": asdict(self.setting),
            "seed": self.seed,
            "pool": self.pool,
            "heldOut": self.held_out,
        }
        if self.samples != SAMPLES:
            parts["samples"] = self.samples
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def engine() -> dict[str, str]:
    """The code that trains and grades here, and the libraries below it."""
    return versions() | {"code": code_hash(["builder.evidence.trials"], [ROOT, MICROBENCH])}


@cache
def file_hash(path: Path) -> str:
    """SHA-256 of a file, read once."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _InProcess:
    """Stands where the locked-down loss processes stand in a trainer."""

    def open(self, source: str) -> InProcessLoss:
        return InProcessLoss(source)


def run_trial(trial: Trial) -> TrialResult:
    """The trial's result, from the cache or measured now."""
    path = CACHE / f"{trial.key()}.json"
    if path.is_file():
        return TrialResult(**json.loads(path.read_text(encoding="utf-8")))
    result = _measure(trial)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(asdict(result)), encoding="utf-8")
    partial.replace(path)
    return result


def _measure(trial: Trial) -> TrialResult:
    with tempfile.TemporaryDirectory() as output:
        try:
            result: dict[str, Any] = dict(train(trial_job(trial, output), in_process_context()))
        except LossRejected as rejection:
            return TrialResult({}, None, 0.0, str(rejection))
        scores = _grade(_base_folder(trial.world), Path(output), result["answers"], trial.held_out)
    return TrialResult(scores, result["kl"]["value"], result["seconds"]["total"])


def in_process_context() -> Context:
    """A train job's context whose losses run in this process."""
    return Context(cast(LossProcesses, _InProcess()), CACHE, lambda step, values: None, {})


def trial_job(trial: Trial, output: str) -> dict[str, Any]:
    """The trial as a job for the trainer."""
    world, folder = read_world(MICROBENCH / trial.world), _base_folder(trial.world)
    settings = world["training"]
    return {
        "loss": {"name": trial.loss.name, "source": trial.loss.source},
        "beta": trial.setting.beta,
        "policy": str(folder / "policy"),
        "pairs": {
            "path": str(MICROBENCH / trial.world / "pairs" / f"{trial.pool}.jsonl.gz"),
            "count": settings["pairs"],
        },
        "training": {
            **settings,
            "learningRate": trial.setting.learning_rate,
            "seed": trial.seed,
            "logpScale": world["logpScale"],
        },
        "questions": [str(folder / name) for name in _question_files(trial.held_out)],
        "sampling": [
            {"name": "t07", "temperature": 0.7, "samples": trial.samples},
            {"name": "greedy", "temperature": 0.0, "samples": 1},
        ],
        "klSamples": 1,
        "maxNewTokens": world["maxNewTokens"],
        "output": output,
    }


def _question_files(held_out: bool) -> list[str]:
    return ["question.jsonl", "held_out.jsonl"] if held_out else ["question.jsonl"]


def _grade(folder: Path, output: Path, files: Mapping[str, str], held_out: bool) -> dict[str, float]:
    """Mean scores over questions, samples and turns, search and held-out questions apart."""
    checks = {row["question_id"]: [turn["checks"] for turn in row["turns"]] for row in _rows(folder / "rubric.jsonl")}
    search = {row["question_id"] for row in _rows(folder / "question.jsonl")}
    scores = {}
    for name, file in files.items():
        graded: dict[bool, list[float]] = {True: [], False: []}
        for row in read_json_lines(output / file):
            graded[row["question_id"] in search] += [
                score(turn_checks, answer)
                for choice in row["choices"]
                for turn_checks, answer in zip(checks[row["question_id"]], choice["turns"], strict=True)
            ]
        scores[name] = fmean(graded[True])
        if held_out:
            scores["heldOut" if name == "t07" else "heldOutGreedy"] = fmean(graded[False])
    return scores


_read: dict[Path, list[dict[str, Any]]] = {}


def _rows(path: Path) -> list[dict[str, Any]]:
    if path not in _read:
        _read[path] = read_json_lines(path)
    return _read[path]


def _base_folder(world: str) -> Path:
    """Where the world's policy and questions are."""
    folder = MICROBENCH / world
    return folder.parent / str(read_world(folder)["base"])
