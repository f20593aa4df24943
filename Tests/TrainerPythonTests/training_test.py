"""Training: forwards that agree, gradients that are right, and the same weights for the same seed."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from losslab_trainer.batches import Batch, completion_logps, make_batch
from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.forward import Forward, PlainForward, TransformersForward, forward_of
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.kl import kl_to_reference
from losslab_trainer.llama import LlamaForward
from losslab_trainer.pairs import PairSet
from losslab_trainer.policy import Policy, weights_hash
from losslab_trainer.reference_cache import compute_reference_logps
from losslab_trainer.sampling import SamplingPlan, sample_dialogues
from losslab_trainer.training import TrainingData, TrainingOptions, TrainingOutcome, learning_rate, train
from tiny_policy import random_pair_set, tiny_policy
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM

pytestmark = pytest.mark.slow

DPO = """
import torch.nn.functional as F


def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -F.logsigmoid(beta * rho)
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return tiny_policy(layers=2, width=48)


@pytest.fixture(scope="module")
def pairs(policy: Policy) -> PairSet:
    return random_pair_set(policy, 64)


def gradients(forward: Forward, batch: Batch) -> dict[str, Tensor]:
    """Those of the summed margins, in the model's own parameters."""
    for leaf in forward.parameters:
        leaf.grad = None
    chosen, rejected = completion_logps(forward, batch)
    torch.autograd.backward((chosen - rejected).sum())
    with torch.no_grad():
        if isinstance(forward, LlamaForward):  # let its way of writing weights back carry the gradients
            for leaf in forward.parameters:
                assert leaf.grad is not None
                leaf.copy_(leaf.grad)
            forward.store()
            return {name: p.detach().clone() for name, p in forward.model.named_parameters()}
        return {name: p.grad for name, p in forward.model.named_parameters()}  # type: ignore[attr-defined]


def run(policy: Policy, pairs: PairSet, loss: object = None, **options: object) -> tuple[str, TrainingOutcome]:
    model = copy.deepcopy(policy.model)
    forward = forward_of(model)
    data = TrainingData(pairs, compute_reference_logps(forward, pairs), torch.arange(len(pairs)))
    settings = TrainingOptions(**{"learning_rate": 1e-3, "batch_size": 8, "warmup_steps": 2, **options})  # type: ignore[arg-type]
    outcome = train(forward, data, loss or InProcessLoss(DPO), beta=0.1, options=settings)  # type: ignore[arg-type]
    forward.store()
    return weights_hash(model), outcome


def test_packed_stacked_fast_and_plain_forwards_agree(policy: Policy, pairs: PairSet) -> None:
    packed = make_batch(pairs, torch.arange(9), packed=True)
    stacked = make_batch(pairs, torch.arange(9), packed=False)
    expected = torch.stack(completion_logps(PlainForward(policy.model), stacked))
    for forward in (forward_of(policy.model), TransformersForward(policy.model)):
        for batch in (packed, stacked):
            torch.testing.assert_close(torch.stack(completion_logps(forward, batch)), expected, rtol=1e-5, atol=1e-5)


def test_packed_gradients_equal_plain_ones(policy: Policy, pairs: PairSet) -> None:
    expected = gradients(PlainForward(copy.deepcopy(policy.model)), make_batch(pairs, torch.arange(9), packed=False))
    packed = make_batch(pairs, torch.arange(9), packed=True)
    for forward in (forward_of(copy.deepcopy(policy.model)), TransformersForward(copy.deepcopy(policy.model))):
        for name, gradient in gradients(forward, packed).items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-5)


def test_weights_survive_the_fast_forward_bit_for_bit(policy: Policy) -> None:
    model = copy.deepcopy(policy.model)
    forward = forward_of(model)
    assert isinstance(forward, LlamaForward)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    forward.store()
    assert weights_hash(model) == weights_hash(policy.model)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(policy: Policy, pairs: PairSet) -> None:
    first, again, other = (run(policy, pairs, seed=seed)[0] for seed in (1, 1, 2))
    assert first == again != other


def test_training_raises_margins_and_accuracy(policy: Policy, pairs: PairSet) -> None:
    metrics = run(policy, pairs, epochs=6)[1].metrics
    assert metrics["rewards/accuracies"] > 0.9
    assert metrics["rewards/margins"] > 0.5
    assert metrics["loss"] < 0.5
    assert metrics["rewards/margins"] == pytest.approx(
        metrics["rewards/chosen"] - metrics["rewards/rejected"], abs=1e-5
    )


def test_the_log_probability_scale_multiplies_what_the_loss_sees_and_its_gradient(
    policy: Policy, pairs: PairSet
) -> None:
    scaled = InProcessLoss(DPO.replace("beta *", "0.1 * beta *"))  # ten times, and a tenth of it: as before
    assert run(policy, pairs, loss=scaled, logp_scale=10.0)[1].metrics["loss"] == pytest.approx(
        run(policy, pairs)[1].metrics["loss"], rel=1e-4
    )


def test_learning_rate_warms_up_and_decays_as_transformers_does() -> None:
    from transformers import get_linear_schedule_with_warmup  # noqa: PLC0415

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.5)
    schedule = get_linear_schedule_with_warmup(optimizer, 3, 11)
    options = TrainingOptions(0.5, warmup_steps=3)
    for step in range(1, 12):
        assert learning_rate(step, 11, options) == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()


class ScriptedLoss:
    """Answers with gradients of its own making."""

    def __init__(self, gradient: float) -> None:
        self.gradient = gradient

    def evaluate(self, *vectors: object, reference_grads: bool = False) -> LossValues:
        chosen = vectors[0]
        assert isinstance(chosen, Tensor)
        return LossValues(torch.zeros_like(chosen), torch.full_like(chosen, self.gradient), -chosen * 0)

    def close(self) -> None:
        pass


def test_a_training_that_runs_away_is_rejected_as_diverged(policy: Policy, pairs: PairSet) -> None:
    for loss, options in ((ScriptedLoss(1.0), {"learning_rate": 3.0, "epochs": 9}), (ScriptedLoss(math.inf), {})):
        with pytest.raises(LossRejected, match="diverged"):
            run(policy, pairs, loss=loss, **options)


def test_kl_is_zero_for_the_reference_itself_and_exact_otherwise(policy: Policy) -> None:
    trained = tiny_policy(layers=2, width=48)
    with torch.no_grad():
        for parameter in trained.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)), alpha=0.02)
    dialogues = [[f"w{i} w3", "w4"] for i in range(5)]
    (replies,) = sample_dialogues(trained, dialogues, [SamplingPlan(1, 1, 1)], max_new_tokens=6)
    one, other = forward_of(trained.model), forward_of(policy.model)
    assert kl_to_reference(one, one, [turns for (turns,) in replies]).value == pytest.approx(0, abs=1e-6)
    measured = kl_to_reference(one, other, [turns for (turns,) in replies])
    values = []
    for (turns,) in replies:
        for reply in turns:
            ids = torch.tensor([reply.prompt_ids + reply.token_ids])
            with torch.no_grad():
                p, q = (
                    model(ids).logits[0, len(reply.prompt_ids) - 1 : -1].log_softmax(-1)
                    for model in (trained.model, policy.model)
                )
            values.append(float((p.exp() * (p - q)).sum()))
    assert measured.value == pytest.approx(sum(values) / len(values), rel=1e-4)
    assert measured.count == 5
    assert measured.standard_error is not None


@pytest.mark.parametrize("architecture", ["gpt2", "qwen2-grouped", "mistral-sliding"])
def test_other_architectures_train_and_sample(policy: Policy, architecture: str) -> None:
    vocabulary = len(policy.tokenizer)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    torch.manual_seed(0)
    model = {
        "gpt2": lambda: GPT2LMHeadModel(
            GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=64)
        ),
        "qwen2-grouped": lambda: Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, num_key_value_heads=2, **size)),
        "mistral-sliding": lambda: MistralForCausalLM(
            MistralConfig(vocab_size=vocabulary, num_key_value_heads=2, sliding_window=8, **size)
        ),
    }[architecture]()
    model.generation_config.eos_token_id = None
    other = Policy(model.eval(), policy.tokenizer)
    assert isinstance(forward_of(model), PlainForward) == (architecture == "mistral-sliding")
    pairs = random_pair_set(other, 24)
    _, outcome = run(other, pairs, epochs=4)
    assert outcome.metrics["rewards/margins"] > 0
    dialogues = [["w1 w2", "w3"], ["w4", "w5 w6 w7"]]
    (replies,) = sample_dialogues(other, dialogues, [SamplingPlan(0, 1, 0)], max_new_tokens=5)
    for (turns,) in replies:
        for reply in turns:
            ids = torch.tensor([reply.prompt_ids + reply.token_ids])
            with torch.no_grad():
                best = model(ids).logits[0, len(reply.prompt_ids) - 1 : -1].argmax(-1)
            assert best.tolist() == reply.token_ids
    forward = forward_of(model)
    divergence = kl_to_reference(forward, PlainForward(copy.deepcopy(model)), [turns for (turns,) in replies])
    assert divergence.value == pytest.approx(0, abs=1e-4)
