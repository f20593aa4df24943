"""The door of all jobs that load a model: the folders that a job names are looked at before its code is imported.

That code imports transformers, which takes seconds; a folder that cannot be used is told at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losslab_trainer.finetune.folder import check_folder, require_name
from losslab_trainer.finetune.problem import FinetuneProblem

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

JOBS: Mapping[str, str] = {
    "estimate": "losslab_trainer.estimate.job:estimate",
    "finetune": "losslab_trainer.finetune_job:finetune",
    "inspect": "losslab_trainer.inspect_job:inspect",
    "label": "losslab_trainer.finetune.labelling:label",
    "reward": "losslab_trainer.reward_job:reward",
}


def enter(job: Mapping[str, Any], context: Context) -> dict[str, object]:
    """The job's result; ``{"problem": sentence}`` for a folder that cannot be used."""
    try:
        for path, what, weights in _folders(job):
            require_name(Path(path))
            if Path(path).is_dir():  # those of the Hub are looked at when they are fetched
                check_folder(Path(path), f"{what} {path}", weights=weights)
    except FinetuneProblem as problem:
        return {"problem": str(problem)}
    module, _, function = JOBS[job["kind"]].partition(":")
    result: dict[str, object] = getattr(import_module(module), function)(job, context)
    return result


def _folders(job: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Each folder that a job names, what it is, and whether its weights are loaded."""
    named = (
        (job.get("model"), "judge model" if job["kind"] == "reward" else "model", True),
        (job.get("policy"), "model", True),
        (job.get("judge"), "judge model", True),
        (job.get("tokenizer"), "tokenizer", False),
    )
    for value, what, weights in named:
        path = value.get("path") if isinstance(value, Mapping) else value
        if isinstance(path, str) and path:
            yield path, what, weights
