"""Numbers that do not fit: float16's gradients, and models whose own log-probabilities are not finite."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from finetune_models import Bench, bench, synthetic_rows, write_rows
from losslab_trainer.contract import LossRejected
from losslab_trainer.finetune.labelling import label
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForSequenceClassification

pytestmark = pytest.mark.slow

STEEP = """
def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    margin = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -{} * margin
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = bench(tmp_path_factory.mktemp("numbers"), rows=40)
    write_rows(made.folder / "question.jsonl", [{"question_id": 1, "turns": ["the cat", "why"]}])
    return made


@pytest.mark.parametrize("adapter", [None, {"rank": 4, "alpha": 8}], ids=["whole", "adapter"])
def test_half_precision_trains_every_batch_and_ends_where_single_precision_does(
    world: Bench, adapter: dict[str, Any] | None
) -> None:
    training = {"learningRate": 1e-4, "batchSize": 8}
    asked: dict[str, Any] = {
        "questions": [str(world.folder / "question.jsonl")],
        "klSamples": 1,
        "training": training,
        "save": True,
    }
    half = world.run("half", model={"dtype": "float16", "adapter": adapter}, **asked)
    exact = world.run("single", model={"adapter": adapter}, **asked)
    assert half["dtype"] == "float16" and half["steps"] == exact["steps"] == -(-half["data"]["usable"] // 8)
    assert half["losses"] == pytest.approx(exact["losses"], rel=0.02)
    assert half["gradientNorms"] == pytest.approx(exact["gradientNorms"], rel=0.05)
    original = load_file(world.model / "model.safetensors")
    steps, exact_steps = (
        torch.cat([(tensor.float() - original[name]).flatten() for name, tensor in sorted(weights.items())])
        for weights in (load_file(Path(result["weights"]) / "model.safetensors") for result in (half, exact))
    )
    if adapter is None:  # an adapter's steps are smaller than the last digit of the weights they are merged into
        assert float(torch.cosine_similarity(steps, exact_steps, dim=0)) > 0.95


def test_a_gradient_too_large_for_half_precision_is_computed_again_and_no_step_is_left_out(world: Bench) -> None:
    """A loss a thousand times as steep overflows at the first scale; clipped, its steps are the gentle one's."""
    training = {"learningRate": 1e-4, "batchSize": 8, "maxGradientNorm": 0.01}
    gentle, large = (
        world.run(f"steep-{factor}", source=STEEP.format(factor), model={"dtype": "float16"}, training=training)
        for factor in (1, 1000)
    )
    assert large["steps"] == len(large["gradientNorms"]) == gentle["steps"]
    assert large["gradientNorms"] == pytest.approx([1000 * norm for norm in gentle["gradientNorms"]], rel=0.02)
    assert large["heldOut"]["margin"]["value"] == pytest.approx(gentle["heldOut"]["margin"]["value"], rel=0.02)


def test_half_precision_that_diverges_is_rejected(world: Bench) -> None:
    with pytest.raises(LossRejected, match="diverged"):
        world.run("far", model={"dtype": "float16"}, training={"learningRate": 30.0, "epochs": 10, "warmupRatio": 0.0})


def scaled(folder: Path, to: Path, name: str, factor: float) -> Path:
    shutil.copytree(folder, to)
    weights = {key: tensor.clone() for key, tensor in load_file(folder / "model.safetensors").items()}
    weights[name] *= factor
    save_file(weights, to / "model.safetensors", metadata={"format": "pt"})
    return to


@pytest.fixture(scope="module")
def overflowing(world: Bench) -> Path:
    """Every weight is finite, and what comes out is not."""
    return scaled(world.model, world.folder / "overflowing", "model.norm.weight", 1e38)


@pytest.mark.parametrize("loss", ["dpo", "slic", None])
def test_a_model_whose_own_log_probabilities_are_not_finite_is_named_and_no_loss_is(
    world: Bench, overflowing: Path, loss: str | None
) -> None:
    for _ in range(2):  # and nothing of it is kept for the next loss
        result = world.run("broken", loss=loss, model={"path": str(overflowing)})
        assert set(result) == {"problem"}
        assert str(overflowing) in result["problem"] and "before any training" in result["problem"]


def test_half_precision_that_is_too_small_for_a_model_says_so(world: Bench, tmp_path: Path) -> None:
    large = scaled(world.model, tmp_path / "large", "model.norm.weight", 1e5)
    result = world.run("large", model={"path": str(large), "dtype": "float16"})
    assert "take dtype bfloat16 or float32" in result["problem"].lower()
    assert "problem" not in world.run("large", model={"path": str(large), "dtype": "bfloat16"}, loss=None)


def test_a_policy_or_a_judge_whose_numbers_are_not_finite_labels_nothing(
    world: Bench, overflowing: Path, tmp_path: Path
) -> None:
    config = LlamaConfig.from_pretrained(world.model, num_labels=1)
    torch.manual_seed(0)
    LlamaForSequenceClassification(config).save_pretrained(tmp_path / "judge")
    AutoTokenizer.from_pretrained(world.model).save_pretrained(tmp_path / "judge")
    steep = scaled(tmp_path / "judge", tmp_path / "steep", "score.weight", 1e4)
    broken = scaled(steep, tmp_path / "broken", "model.norm.weight", 1e38)
    write_rows(tmp_path / "prompts.jsonl", [{"prompt": row["prompt"]} for row in synthetic_rows(3)])
    job: dict[str, Any] = {"prompts": {"path": str(tmp_path / "prompts.jsonl")}, "samples": 2, "temperature": 1.0}
    job |= {"maxNewTokens": 4, "pairing": "all", "tieMargin": 0.0, "seed": 1, "output": str(tmp_path / "out.jsonl")}
    context: Any = SimpleNamespace(emit_metrics=lambda step, values: None)
    for policy, judge, named in ((overflowing, tmp_path / "judge", overflowing), (world.model, broken, broken)):
        result = label(job | {"model": {"path": str(policy), "device": "cpu"}, "judge": str(judge)}, context)
        assert str(named) in str(result["problem"]) and "not finite" in str(result["problem"])
    half = {"path": str(world.model), "device": "cpu", "dtype": "float16"}
    assert label(job | {"model": half, "judge": str(tmp_path / "judge")}, context)["prompts"] == 3


def test_the_other_trainer_refuses_half_precision_before_anything_is_loaded(world: Bench) -> None:
    result = world.run("refused", trainer="trl", model={"dtype": "float16", "path": "/nowhere"})
    assert "trainer trl" in result["problem"] and "bfloat16" in result["problem"]
