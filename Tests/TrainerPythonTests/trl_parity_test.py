"""Our training against TRL's DPOTrainer: same model, pairs, order and hyper-parameters, fp32."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from losslab_trainer.batches import completion_logps, make_batch
from losslab_trainer.forward import forward_of
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.llama import LlamaForward
from losslab_trainer.pairs import PairSet, tokenize_pairs
from losslab_trainer.policy import Policy, load_policy, save_policy
from losslab_trainer.reference_cache import compute_reference_logps
from losslab_trainer.training import TrainingData, TrainingOptions, train
from tiny_policy import random_pairs, tiny_policy
from trl_runs import exact_config, in_order, logged_steps

pytestmark = pytest.mark.slow

LOSSES = Path(__file__).parents[2] / "losses"
# Our file, TRL's name, and the beta of both.
CASES = [
    ("baselines/dpo.py", "sigmoid", 0.1),
    ("baselines/slic.py", "hinge", 0.1),
    ("published/lrml.py", "discopop", 0.05),
]
STEPS, BATCH, RATE, WARMUP = 20, 8, 5e-4, 3


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    folder = tmp_path_factory.mktemp("policy")  # TRL loads its reference from there
    save_policy(tiny_policy(layers=2, width=48), folder)
    return load_policy(folder)


def trl_history(policy: Policy, rows: list[dict[str, Any]], loss: str, beta: float, folder: Path) -> dict[str, Any]:
    """TRL's losses, metrics and first gradients (before clipping), and the weights it ends with."""
    from trl import DPOTrainer  # noqa: PLC0415

    found: dict[str, Any] = {"losses": []}

    class Watched(in_order(DPOTrainer)):  # type: ignore[misc]
        def compute_loss(self, *arguments: Any, **keywords: Any) -> Any:
            result = super().compute_loss(*arguments, **keywords)
            found["losses"].append(float(result.detach()))
            return result

        def training_step(self, model: Any, *arguments: Any, **keywords: Any) -> Any:
            result = super().training_step(model, *arguments, **keywords)
            found.setdefault("gradients", {n: p.grad.clone() for n, p in model.named_parameters()})
            return result

    config = exact_config(
        folder,
        loss_type=[loss],
        beta=beta,
        learning_rate=RATE,
        per_device_train_batch_size=BATCH,
        warmup_steps=WARMUP,
        lr_scheduler_type="linear",
        weight_decay=0.0,
    )
    trainer, found["history"] = logged_steps(Watched, copy.deepcopy(policy.model), policy.tokenizer, rows, config)
    found["weights"] = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    return found


@pytest.mark.parametrize(("file", "trl_loss", "beta"), CASES)
def test_losses_gradients_and_metrics_equal_those_of_trl(
    policy: Policy, tmp_path: Path, file: str, trl_loss: str, beta: float
) -> None:
    rows = random_pairs(STEPS * BATCH, seed=4)
    expected = trl_history(policy, rows, trl_loss, beta, tmp_path)

    pairs = PairSet.of(tokenize_pairs(policy.tokenizer, rows, max_length=1024))
    forward = forward_of(copy.deepcopy(policy.model))
    assert isinstance(forward, LlamaForward)
    reference = compute_reference_logps(forward, pairs)
    loss = InProcessLoss((LOSSES / file).read_text("utf-8"))

    # The first batch's gradient, parameter by parameter.
    batch = make_batch(pairs, torch.arange(BATCH), packed=True)
    chosen, rejected = completion_logps(forward, batch)
    values = loss.evaluate(
        chosen.detach(), rejected.detach(), reference.chosen[:BATCH], reference.rejected[:BATCH], beta
    )
    torch.autograd.backward((chosen, rejected), (values.policy_chosen_grad, values.policy_rejected_grad))
    carrier = forward_of(copy.deepcopy(policy.model))
    with torch.no_grad():  # its way of writing weights back carries the gradients to their names
        for leaf, source in zip(carrier.parameters, forward.parameters, strict=True):
            assert source.grad is not None
            leaf.copy_(source.grad)
    carrier.store()
    for name, parameter in carrier.model.named_parameters():  # type: ignore[attr-defined]
        scale = float(expected["gradients"][name].abs().max())
        torch.testing.assert_close(parameter.data, expected["gradients"][name], rtol=1e-4, atol=1e-4 * scale)

    steps: list[dict[str, float]] = []
    options = TrainingOptions(RATE, BATCH, warmup_steps=WARMUP, order="as-given", metrics_every=1)
    data = TrainingData(pairs, reference, torch.arange(len(pairs)))
    train(forward, data, loss, beta=beta, options=options, on_metrics=lambda _, values: steps.append(dict(values)))
    assert len(steps) == len(expected["losses"]) == STEPS
    for ours, theirs, trl_loss_value in zip(steps, expected["history"], expected["losses"], strict=True):
        assert ours["loss"] == pytest.approx(trl_loss_value, rel=1e-4)
        for name in set(ours) - {"loss", "rewards/accuracies"}:
            assert ours[name] == pytest.approx(theirs[name], rel=1e-3, abs=1e-4), name
    norms = [
        (ours["grad_norm"], float(theirs["grad_norm"])) for ours, theirs in zip(steps, expected["history"], strict=True)
    ]
    assert all(ours == pytest.approx(theirs, rel=1e-4) for ours, theirs in norms)
    forward.store()
    for name, parameter in forward.model.named_parameters():
        moved = float((expected["weights"][name] - dict(policy.model.named_parameters())[name]).abs().max())
        torch.testing.assert_close(parameter.data, expected["weights"][name], rtol=0, atol=0.05 * moved)
