"""The train job from its JSON to its files, with losses that run in this process."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from losslab_trainer import train_job
from losslab_trainer.contract import LossRejected
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.policy import load_policy, save_policy, weights_hash
from losslab_trainer.workspace import Workspace
from tiny_policy import random_pairs, tiny_policy

pytestmark = pytest.mark.slow

LOSS = """
import torch.nn.functional as F


def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -F.logsigmoid(beta * rho)
"""


@dataclass
class World:
    """A tiny world on disk and a context to run jobs in it."""

    folder: Path
    metrics: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def run(self, output: str = "out", source: str | None = LOSS, **changes: Any) -> dict[str, Any]:
        training = {"learningRate": 1e-3, "batchSize": 8, "epochs": 1, "warmupSteps": 2, "maxGradientNorm": 1.0}
        job = {
            "loss": None if source is None else {"name": "dpo", "source": source},
            "beta": 0.1,
            "policy": str(self.folder / "policy"),
            "pairs": {"path": str(self.folder / "pairs.jsonl.gz"), "count": 96},
            "training": training | {"seed": 1, "logpScale": 2.0} | changes,
            "questions": [str(self.folder / "question.jsonl")],
            "sampling": [
                {"name": "sampled", "temperature": 0.7, "samples": 2},
                {"name": "greedy", "temperature": 0.0, "samples": 1},
            ],
            "klSamples": 1,
            "maxNewTokens": 6,
            "output": str(self.folder / output),
        }
        context: Any = SimpleNamespace(
            loss_processes=SimpleNamespace(open=InProcessLoss),
            cache_directory=self.folder / "cache",
            emit_metrics=lambda step, values: self.metrics.append((step, dict(values))),
            sandbox={"landlock": 7},
        )
        return train_job.train(job, context)

    def answers(self, name: str, output: str = "out") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / output / name).read_text().splitlines()]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    save_policy(tiny_policy(layers=1, width=32), tmp_path / "policy")
    text = "".join(json.dumps(row) + "\n" for row in random_pairs(128))
    (tmp_path / "pairs.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    questions = [{"question_id": i, "category": "math", "turns": [f"w{i} w1", "w2"]} for i in range(7, 11)]
    (tmp_path / "question.jsonl").write_text("".join(json.dumps(question) + "\n" for question in questions))
    monkeypatch.setattr(train_job, "_workspace", Workspace())
    return World(tmp_path)


def test_a_job_reports_metrics_kl_answers_and_time(world: World) -> None:
    result = world.run()
    assert result["steps"] == 12
    assert [step for step, _ in world.metrics] == [10, 12]
    names = {"loss", "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"}
    assert set(result["metrics"]) == names | {"logps/chosen", "logps/rejected", "grad_norm", "kl"}
    assert result["kl"]["value"] > 0
    assert result["kl"]["unit"] == "nats per answer"
    assert result["sandbox"] == {"landlock": 7}
    assert result["seconds"]["total"] == pytest.approx(
        sum(value for name, value in result["seconds"].items() if name != "total"), rel=0.01
    )
    json.dumps(result, allow_nan=False)


def test_answers_are_model_answer_rows_with_a_choice_for_each_sample(world: World) -> None:
    files = world.run()["answers"]
    sampled, greedy = (world.answers(files[name]) for name in ("sampled", "greedy"))
    assert [row["question_id"] for row in sampled] == [7, 8, 9, 10]
    assert set(sampled[0]) == {"question_id", "answer_id", "model_id", "choices", "tstamp"}
    assert [choice["index"] for choice in sampled[0]["choices"]] == [0, 1]
    assert all(len(choice["turns"]) == 2 for row in sampled + greedy for choice in row["choices"])


def test_a_job_leaves_nothing_behind_for_the_next(world: World) -> None:
    first = world.run("first")
    other = world.run("other", seed=2)
    again = world.run("again")
    assert first["weightsHash"] == again["weightsHash"] != other["weightsHash"]
    texts = [[row["choices"] for row in world.answers("answers-sampled.jsonl", name)] for name in ("first", "again")]
    assert texts[0] == texts[1]
    assert again["seconds"]["reference"] < 0.1


def test_without_a_loss_the_policy_is_sampled_as_it_is(world: World) -> None:
    result = world.run(source=None)
    assert result["weightsHash"] == weights_hash(load_policy(world.folder / "policy").model)
    assert (result["steps"], result["metrics"], result["kl"]["value"]) == (0, {}, 0.0)
    assert len(world.answers(result["answers"]["greedy"])) == 4


def test_a_loss_that_the_gate_refuses_never_trains(world: World) -> None:
    with pytest.raises(LossRejected, match="forbidden"):
        world.run(source="import os\n" + LOSS)


def test_a_divergent_training_is_rejected_and_the_next_job_is_untouched(world: World) -> None:
    first = world.run()
    with pytest.raises(LossRejected, match="diverged"):
        world.run(learningRate=30.0, epochs=10)
    assert world.run()["weightsHash"] == first["weightsHash"]
