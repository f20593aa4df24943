"""The loss sees whole batches: weights do not depend on how many pairs fit in memory."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from finetune_models import loss_source, synthetic_rows, tiny_model, train_tokenizer
from losslab_trainer.data.rows import Message, PreferenceRow
from losslab_trainer.data.tokenise import TokenisedPair, TokeniseOptions, tokenise
from losslab_trainer.finetune import loop
from losslab_trainer.finetune.evaluation import score_all
from losslab_trainer.finetune.gradient_cache import GradientCache
from losslab_trainer.finetune.layout import Pair
from losslab_trainer.finetune.models import checkpoint_gradients
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.scoring import PairScorer, Scores
from losslab_trainer.finetune.settings import TrainingSettings
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.reference_cache import ReferenceLogps
from torch import Tensor, nn

pytestmark = pytest.mark.slow

BATCH = 16


def made_up_pairs(tokenizer: Any, count: int) -> tuple[TokenisedPair, ...]:
    rows = []
    for i, row in enumerate(synthetic_rows(count)):
        prompt, chosen, rejected = (tuple(Message(**m) for m in row[side]) for side in ("prompt", "chosen", "rejected"))
        rows.append(PreferenceRow(i, prompt, chosen, rejected))
    return tokenise(rows, tokenizer, TokeniseOptions()).pairs


class World:
    """A tiny model in float64, so that rounding cannot hide a difference."""

    def __init__(self) -> None:
        tokenizer = train_tokenizer(["the cat sees a small red house and why", "dogs run"])
        self.model = tiny_model(tokenizer).double()
        self.pairs = made_up_pairs(tokenizer, 3 * BATCH)
        self.reference = ReferenceLogps(*score_all(PairScorer(self.model), self.pairs))

    def train(self, loss: str, scorer: PairScorer | None = None, **changes: Any) -> tuple[Tensor, loop.Outcome]:
        scorer = scorer or PairScorer(copy.deepcopy(self.model))
        settings = TrainingSettings(**({"learning_rate": 1e-3, "batch_size": BATCH, "warmup_ratio": 0.0} | changes))
        outcome = loop.train(
            scorer, self.pairs, self.reference, InProcessLoss(loss_source(loss)), beta=0.1, settings=settings
        )
        return torch.cat([p.detach().flatten() for p in scorer.model.parameters()]), outcome


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.parametrize("loss", ["dpo", "aql", "dbaql", "aqfl", "kto_pair"])
def test_weights_are_the_same_at_every_micro_batch_size(world: World, loss: str) -> None:
    whole, outcome = world.train(loss, micro_batch_size=BATCH)
    start = torch.cat([p.flatten() for p in world.model.parameters()]).detach()
    assert float((whole - start).abs().max()) > 1e-3
    for size in (1, 4):
        weights, parts = world.train(loss, micro_batch_size=size)
        assert parts.micro_batch_size == size
        assert parts.losses == pytest.approx(outcome.losses, rel=1e-9)
        torch.testing.assert_close(weights, whole, rtol=0, atol=1e-7)


def test_a_loss_over_smaller_batches_would_give_other_weights(world: World) -> None:
    whole, _ = world.train("aql", batch_size=BATCH, max_steps=2)
    split, _ = world.train("aql", batch_size=BATCH // 4, max_steps=8)
    assert float((whole - split).abs().max()) > 1e-4


def test_checkpointed_gradients_are_the_same(world: World) -> None:
    whole, _ = world.train("dpo")
    for size in (BATCH, 4):
        weights, _ = world.train("dpo", scorer=PairScorer(_checkpointed(world.model)), micro_batch_size=size)
        torch.testing.assert_close(weights, whole, rtol=0, atol=1e-7)


def _checkpointed(model: Any) -> Any:
    copied = copy.deepcopy(model)
    checkpoint_gradients(copied)
    return copied


class Watched(PairScorer):
    """Notes what is scored, and runs out of memory beyond so many pairs with their graph."""

    def __init__(self, model: Any, most: int | None = None) -> None:
        super().__init__(model)
        self.most = most
        self.calls: list[tuple[str, list[int], Tensor]] = []

    def score(self, pairs: Sequence[Pair], *, statistics: bool = False) -> Scores:
        if self.most is not None and len(pairs) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self._noted("graph", pairs, super().score(pairs, statistics=statistics))

    def score_without_graph(self, pairs: Sequence[Pair], *, statistics: bool = False) -> Scores:
        return self._noted("none", pairs, super().score_without_graph(pairs, statistics=statistics))

    def _noted(self, kind: str, pairs: Sequence[Any], scores: Scores) -> Scores:
        values = torch.cat([scores.chosen, scores.rejected]).detach().clone()
        self.calls.append((kind, [pair.row for pair in pairs], values))
        return scores


def test_a_batch_that_fits_is_scored_once(world: World) -> None:
    scorer = Watched(copy.deepcopy(world.model))
    world.train("dpo", scorer=scorer, micro_batch_size=BATCH)
    assert [(kind, len(rows)) for kind, rows, _ in scorer.calls] == [("graph", BATCH)] * 3
    # Of four parts only three need a second time.
    scorer = Watched(copy.deepcopy(world.model))
    world.train("dpo", scorer=scorer, micro_batch_size=4, max_steps=1)
    assert [kind for kind, _, _ in scorer.calls] == ["none"] * 3 + ["graph"] * 4


def test_out_of_memory_is_answered_by_half_the_micro_batch_and_the_same_weights(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, _ = world.train("aql")
    weights, outcome = world.train("aql", scorer=Watched(copy.deepcopy(world.model), most=5))
    assert outcome.micro_batch_size == 4
    assert all(note.endswith("the weights are the same up to rounding") for note in outcome.notes)
    assert [note.split(";")[0] for note in outcome.notes] == [
        "out of memory with 16 pairs at once",
        "out of memory with 8 pairs at once",
    ]
    assert "going on with 4" in capsys.readouterr().err
    torch.testing.assert_close(weights, whole, rtol=0, atol=1e-7)


def test_out_of_memory_with_a_single_pair_says_what_to_do(world: World) -> None:
    with pytest.raises(FinetuneProblem, match=r"single pair.*maxLength.*gradientCheckpointing"):
        world.train("dpo", scorer=Watched(copy.deepcopy(world.model), most=0))


def test_an_error_that_is_not_about_memory_is_not_swallowed(world: World) -> None:
    class Broken(PairScorer):
        def score(self, pairs: Sequence[Pair], *, statistics: bool = False) -> Scores:
            raise RuntimeError("a matrix is not square")

    with pytest.raises(RuntimeError, match="not square"):
        world.train("dpo", scorer=Broken(copy.deepcopy(world.model)))


class Noisy(nn.Linear):
    """A linear layer with dropout before it."""

    def forward(self, states: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(states, 0.3, self.training))


def test_dropout_is_the_same_when_a_micro_batch_comes_again(world: World) -> None:
    model = copy.deepcopy(world.model)
    for layer in model.model.layers:
        layer.mlp.down_proj.__class__ = Noisy
    scorer = Watched(model)
    model.train()
    cache = GradientCache(scorer, InProcessLoss(loss_source("dpo")), 0.1, 1.0, 4)
    reference = (world.reference.chosen[:BATCH], world.reference.rejected[:BATCH])
    torch.manual_seed(3)
    cache.step(world.pairs[:BATCH], *reference, clear=model.zero_grad)
    first = {tuple(rows): values for kind, rows, values in scorer.calls if kind == "none"}
    again = {tuple(rows): values for kind, rows, values in scorer.calls if kind == "graph"}
    assert len(first) == 3
    for rows, values in first.items():
        torch.testing.assert_close(again[rows], values)
    torch.manual_seed(4)  # and it does something
    assert not torch.allclose(
        scorer.score_without_graph(world.pairs[:4]).chosen, scorer.score_without_graph(world.pairs[:4]).chosen
    )
