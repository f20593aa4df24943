"""Numbers that do not fit: float16's gradients, and models whose own log-probabilities are not finite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import Bench, bench, write_rows
from losslab_trainer.contract import LossRejected
from safetensors.torch import load_file

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
    asked = {"questions": [str(world.folder / "question.jsonl")], "klSamples": 1, "training": training, "save": True}
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


def test_the_other_trainer_refuses_half_precision_before_anything_is_loaded(world: Bench) -> None:
    result = world.run("refused", trainer="trl", model={"dtype": "float16", "path": "/nowhere"})
    assert "trainer trl" in result["problem"] and "bfloat16" in result["problem"]
