"""Scoring pairs: the fast ways give the plain way's values and gradients, or are not used."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from finetune_models import tiny_model, train_tokenizer
from losslab_trainer.data.tokenise import TokenisedPair
from losslab_trainer.finetune import attention, head, scoring
from losslab_trainer.finetune.head import Head, logps_of_logits, token_logps
from losslab_trainer.finetune.layout import lay_out
from losslab_trainer.finetune.scoring import PairScorer, Way
from torch import Tensor

pytestmark = pytest.mark.slow


def pairs_of_all_kinds(vocabulary: int = 200) -> list[TokenisedPair]:
    """Short and long, answers that begin alike, one within the other, no prompt, and a prompt for each side."""
    rng = random.Random(1)

    def draw(count: int) -> tuple[int, ...]:
        return tuple(rng.randrange(4, vocabulary) for _ in range(count))

    start = draw(5)
    pairs = [
        TokenisedPair(i, draw(rng.randint(2, 40)), draw(rng.randint(1, 30)), draw(rng.randint(1, 30))) for i in range(6)
    ]
    return [
        *pairs,
        TokenisedPair(6, draw(9), start + draw(4), start + draw(12)),
        TokenisedPair(7, draw(3), start, start + draw(3)),
        TokenisedPair(8, (), draw(6), draw(4)),
        TokenisedPair(9, draw(7), draw(5), draw(3), rejected_prompt_ids=draw(6)),
        TokenisedPair(10, draw(1), draw(1), draw(1)),
    ]


def values_and_gradient(scorer: PairScorer, way: Way) -> tuple[Tensor, Tensor]:
    scorer.model.zero_grad()
    scores = scorer._score(way, pairs_of_all_kinds(), False)
    weights = torch.linspace(0.2, 1, len(scores.chosen), dtype=scores.chosen.dtype)
    torch.autograd.backward((scores.chosen, scores.rejected), (weights, -weights.flip(0)))
    gradients = [p.grad.flatten() for p in scorer.model.parameters() if p.grad is not None]
    return torch.cat([scores.chosen, scores.rejected]).detach(), torch.cat(gradients)


@pytest.mark.parametrize("shape", ["llama", "qwen2", "qwen3", "mistral", "gemma", "gemma2", "gemma3_text", "gpt2"])
def test_shared_prompts_give_the_plain_ways_values_and_gradients(shape: str) -> None:
    # Not float64: transformers' norms and masks go through float32 all the same.
    scorer = PairScorer(tiny_model(train_tokenizer(["a b c"]), shape))
    assert scorer.way == "shared"
    plain, plain_gradient = values_and_gradient(scorer, "padded")
    ways: tuple[Way, ...] = ("shared", "shared, own head")
    for way in ways:
        values, gradient = values_and_gradient(scorer, way)
        torch.testing.assert_close(values, plain, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(gradient, plain_gradient, rtol=0, atol=1e-5 * float(plain_gradient.abs().max()))


def test_values_are_those_of_each_sequence_alone() -> None:
    model = tiny_model(train_tokenizer(["a b c"])).double()
    pairs = pairs_of_all_kinds()
    scores = PairScorer(model).score_without_graph(pairs)
    for i in (0, 6, 7, 8):
        prompt, answer = pairs[i].prompt_ids, pairs[i].chosen_ids
        with torch.no_grad():
            logits = model(torch.tensor([prompt + answer])).logits[0].log_softmax(-1)
        expected = sum(
            float(logits[k - 1, (prompt + answer)[k]]) for k in range(max(1, len(prompt)), len(prompt + answer))
        )
        assert float(scores.chosen[i]) == pytest.approx(expected, rel=1e-9)


def test_a_prompt_is_encoded_once_and_nothing_is_padded() -> None:
    pair = TokenisedPair(0, (5, 6, 7, 8), (9, 10, 11), (9, 12))
    layout = lay_out([pair, pair])
    # Four prompt tokens, the 9 that both answers begin with and one more of the chosen; last tokens are not encoded.
    assert layout.ids.tolist() == [5, 6, 7, 8, 9, 10] * 2
    assert layout.targets.tolist() == [9, 10, 11, 9, 10, 11, 9, 12, 9, 12]


@pytest.mark.parametrize("shape", ["mamba"])
def test_an_architecture_that_mixes_tokens_otherwise_is_scored_the_plain_way(shape: str) -> None:
    assert PairScorer(tiny_model(train_tokenizer(["a b c"]), shape)).way == "padded"


@pytest.mark.parametrize("damage", ["positions", "attention", "error"])
def test_a_way_that_is_wrong_is_not_used(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(train_tokenizer(["a b c"]))
    right: Callable[..., Tensor] = attention._causal

    def wrong(q: Tensor, k: Tensor, v: Tensor, **how: Any) -> Tensor:
        if damage == "error":
            raise RuntimeError("no such kernel")
        if damage == "positions":
            k = k.roll(1, 2)
        return right(q, k, v.flip(2) if damage == "attention" else v, **how)

    monkeypatch.setattr(attention, "_causal", wrong)
    assert PairScorer(model).way == "padded"
    monkeypatch.undo()
    assert PairScorer(model).way == "shared"


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "computed-again"])
@pytest.mark.parametrize(("scale", "softcap"), [(1.0, None), (0.3, None), (1.0, 3.0), (0.5, 3.0)])
def test_the_heads_gradient_is_that_of_log_softmax(
    kept: bool, scale: float, softcap: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "CHUNK_ELEMENTS", 40)  # two rows at a time
    monkeypatch.setattr(head, "KEPT_BYTES", 1 << 20 if kept else 0)
    torch.manual_seed(0)
    shapes = ((7, 5), (20, 5), (20,))
    leaves = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    hidden, weight, bias = leaves
    targets, of_tokens = torch.randint(20, (7,)), torch.randn(7, dtype=torch.float64)

    logits = (hidden @ weight.t() + bias) * scale
    logits = logits if softcap is None else torch.tanh(logits / softcap) * softcap
    expected, statistics = logps_of_logits(logits, targets, statistics=True)
    gradients = torch.autograd.grad((expected * of_tokens).sum(), leaves)
    found, also = token_logps(hidden, weight, bias, targets, Head(scale, softcap), statistics=True)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad((found * of_tokens).sum(), leaves), gradients)
    assert statistics is not None and also is not None
    torch.testing.assert_close(also.entropy, statistics.entropy)
    torch.testing.assert_close(also.mean_logit, statistics.mean_logit)
    assert torch.equal(also.is_top, statistics.is_top)


def test_pairs_in_several_packs_are_scored_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = PairScorer(tiny_model(train_tokenizer(["a b c"])))
    pairs = pairs_of_all_kinds()
    whole = scorer.score_without_graph(pairs, statistics=True)
    monkeypatch.setattr(scoring, "CPU_PACK_TOKENS", 60)
    packs = scorer._packs(pairs)
    assert len(packs) > 3 and sorted(i for pack in packs for i in pack) == list(range(len(pairs)))
    split = scorer.score_without_graph(pairs, statistics=True)
    torch.testing.assert_close((split.chosen, split.rejected), (whole.chosen, whole.rejected))
    assert whole.tokens is not None and split.tokens is not None
    for name in ("entropy", "mean_logit", "is_top"):
        sums = []
        for completions, found in (whole.tokens, split.tokens):
            values = getattr(found, name).float()
            sums.append(values.new_zeros(2 * len(pairs)).index_add(0, completions, values))
        torch.testing.assert_close(sums[1], sums[0], rtol=1e-4, atol=1e-4)
