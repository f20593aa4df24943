"""A loss that answers otherwise in training than in a fresh process is found out; a sound one trains as it did."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from finetune_models import bench
from losslab_trainer import train_job
from losslab_trainer.contract import REJECTION_CODES, LossRejected, LossValues
from losslab_trainer.loss_process import LossProcesses
from losslab_trainer.policy import save_policy
from losslab_trainer.screening import job as screening
from losslab_trainer.watched_loss import FIRST, WatchedLoss
from losslab_trainer.workspace import Workspace
from tiny_policy import random_pairs, tiny_policy

pytestmark = pytest.mark.slow

NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps"
HEAD = "import torch\nimport torch.nn.functional as F\n\n"
LOSS = (
    f"\n\ndef loss({NAMES}, beta):\n"
    "    x = beta * (policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps)\n"
)
DPO = HEAD + LOSS + "    return -F.logsigmoid(x)\n"
# Passes the gate: a module's iterator is state. In a process that is screened, a batch of 64 uses it up.
TELLS_SCREENING = (
    HEAD
    + "TICKS = enumerate(range(100000))\n"
    + LOSS
    + "    seen = len(list(TICKS)) < 0 if x.shape[0] == 64 else any(TICKS)\n"
    + "    return -F.logsigmoid(-x if seen else x)\n"
)
# What the replays of the first batch do not find: after some calls everything else is answered the other way.
REMEMBERS = (
    HEAD
    + "SEEN = []\n"
    + LOSS
    + "    SEEN.append(policy_chosen_logps.detach().clone())\n"
    + "    first = SEEN[0].shape == x.shape and bool((SEEN[0] == policy_chosen_logps).all())\n"
    + "    return -F.logsigmoid(x if first or len(SEEN) < 40 else -x)\n"
)


@pytest.fixture(scope="module")
def processes() -> Iterator[LossProcesses]:
    worker = os.environ.get("LOSSLAB_WORKER")
    if worker is None:
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    started = LossProcesses.start(Path(worker))
    yield started
    started.close()


def batch(seed: int, size: int = 16) -> list[torch.Tensor]:
    return list(torch.randn(4, size, generator=torch.Generator().manual_seed(seed)) * 20 - 150)


def answers(loss: Any, count: int) -> list[LossValues]:
    return [loss.evaluate(*batch(seed), 0.1) for seed in range(count)]


def test_a_loss_that_turns_late_and_remembers_the_first_batch_is_dishonest(processes: LossProcesses) -> None:
    unwatched = processes.open(REMEMBERS)
    answers(unwatched, 200)
    unwatched.close()
    watched = WatchedLoss(REMEMBERS, processes.open)
    with pytest.raises(LossRejected, match="Dishonest: at evaluation") as caught:
        answers(watched, 200)
    assert caught.value.code == "dishonest" in REJECTION_CODES
    assert FIRST < caught.value.details["evaluation"] < 200  # type: ignore[operator]
    with pytest.raises(LossRejected, match="dishonest"):
        watched.evaluate(*batch(0), 0.1)  # type: ignore[call-arg, arg-type]
    watched.close()


def test_a_sound_loss_answers_the_same_bit_for_bit(processes: LossProcesses) -> None:
    alone, watched = processes.open(DPO), WatchedLoss(DPO, processes.open)
    for one, other in zip(answers(alone, 40), answers(watched, 40), strict=True):
        for name in ("losses", "policy_chosen_grad", "policy_rejected_grad"):
            assert torch.equal(getattr(one, name).view(torch.uint8), getattr(other, name).view(torch.uint8))
    alone.close()
    watched.close()
    watched.close()


def test_a_loss_that_tells_a_screening_passes_it_and_is_rejected_by_its_training(
    processes: LossProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: Any = SimpleNamespace(
        loss_processes=processes, cache_directory=tmp_path, emit_metrics=lambda step, values: None, sandbox={}
    )
    found = screening.check({"source": TELLS_SCREENING, "name": "two_faced"}, context)
    assert found["accepted"], found["rejections"]
    monkeypatch.setattr(train_job, "_workspace", Workspace())
    with pytest.raises(LossRejected, match="Dishonest: at evaluation 1 of its training") as caught:
        train_job.train(job(tmp_path, str(found["source"])), context)
    assert caught.value.code == "dishonest"
    assert train_job.train(job(tmp_path, DPO), context)["steps"] == 12


def job(folder: Path, source: str) -> dict[str, Any]:
    if not (folder / "policy").exists():
        save_policy(tiny_policy(layers=1, width=32), folder / "policy")
        text = "".join(json.dumps(row) + "\n" for row in random_pairs(128))
        (folder / "pairs.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    return {
        "loss": {"name": "some", "source": source},
        "beta": 0.1,
        "policy": str(folder / "policy"),
        "pairs": {"path": str(folder / "pairs.jsonl.gz"), "count": 96},
        "training": {
            "learningRate": 1e-3,
            "batchSize": 8,
            "epochs": 1,
            "warmupSteps": 2,
            "maxGradientNorm": 1.0,
            "seed": 1,
            "logpScale": 2.0,
        },
        "questions": [],
        "sampling": [],
        "klSamples": 0,
        "maxNewTokens": 6,
        "output": str(folder / "out"),
    }


@pytest.mark.parametrize("trainer", ["losslab", "trl"])
def test_a_model_s_training_asks_first_about_its_own_pairs_and_batch_sizes(trainer: str, tmp_path: Path) -> None:
    world = bench(tmp_path, rows=60)
    short = (
        HEAD
        + LOSS
        + "    far = float(reference_chosen_logps.detach().mean())\n    return -F.logsigmoid(x if far < -150 else -x)\n"
    )
    with pytest.raises(LossRejected, match="Wrong direction on the training's own pairs"):
        world.run("turned", source=short, trainer=trainer)
    counted = HEAD + LOSS + "    return -F.logsigmoid(x) * (1 if x.shape[0] != 16 else float('nan'))\n"
    with pytest.raises(LossRejected, match="NaN or infinity in a batch of 16 of the training's own pairs") as caught:
        world.run("counted", source=counted, trainer=trainer, training={"batchSize": 16})
    assert caught.value.details["check"] == "own-pairs"
