"""Scores models whose log-probabilities depend on what else is in the batch: only sequences that agree go together.

Phi-3's rotary tables (longrope) are one set for a batch whose longest sequence is within the length that the model was
first trained at, and another beyond. A short sequence beside a long one would be read with the long one's tables. So
each side of such a length is encoded by itself, and a pair with one answer on each side as two sequences. Where a model
shows the same without saying at which length, sequences of different length are never encoded together.

A sequence's side is that of the tokens that are encoded, which are all but its last: the tables that a model answers
with when it writes that token.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from losslab_trainer.finetune.head import TokenStatistics
from losslab_trainer.finetune.layout import Pair, sequences, token_count
from losslab_trainer.finetune.memory import is_out_of_memory
from losslab_trainer.finetune.scoring import ROUNDING, TOLERATED, PairScorer, ProbePair, Scores, Way
from losslab_trainer.finetune.scoring import _probe_pairs as probe_pairs

Side = Callable[[int], Hashable]  # of a sequence, by its encoded tokens


def by_borders(borders: tuple[int, ...]) -> Side:
    return lambda tokens: tuple(tokens > border for border in borders)


def by_length(tokens: int) -> Hashable:
    return tokens


def scorer_for(model: Any, *, autocast: torch.dtype | None = None, like: PairScorer | None = None) -> PairScorer:
    """A scorer that knows the borders which the model's configuration names, or one that scores as ``like`` does."""
    way = None if like is None else like.way
    if isinstance(like, SidedScorer):
        return SidedScorer(model, like.side, autocast=autocast, way=way)
    borders = borders_of(model)
    return (
        SidedScorer(model, by_borders(borders), autocast=autocast, way=way)
        if borders
        else PairScorer(model, autocast=autocast, way=way)
    )


def borders_of(model: Any) -> tuple[int, ...]:
    """Numbers of tokens beyond which the model's rotary tables are others."""
    config = model.config.get_text_config()
    parameters = getattr(config, "rope_parameters", None) or {}
    kinds = [parameters] if "rope_type" in parameters else [kind for kind in parameters.values() if kind]
    found = {
        kind.get("original_max_position_embeddings") or getattr(config, "original_max_position_embeddings", None)
        for kind in kinds
        if kind.get("rope_type") == "longrope"
    }
    return tuple(sorted(int(border) for border in found if border))


def tried(scorer: PairScorer, pairs: Sequence[Pair]) -> PairScorer:
    """The scorer, if short random pairs beside the longest of ``pairs`` have the values that they have alone.

    Else one that encodes only sequences of the same length together, whatever the architecture does with the rest.
    """
    if not pairs:
        return scorer
    short = probe_pairs(int(scorer.causal.config.get_text_config().vocab_size))
    plain = PairScorer(scorer.model, autocast=scorer.autocast, way="padded")
    # What a mistake looks like, as in the probe of the ways: the rejected answer sees the chosen one before it.
    mistaken = [ProbePair(p.prompt_ids, p.chosen_ids, p.rejected_ids, p.prompt_ids + p.chosen_ids) for p in short]
    alone, wrong = (_joined([plain.score_without_graph([pair]) for pair in some]) for some in (short, mistaken))
    try:
        beside = scorer.score_without_graph([*short, max(pairs, key=token_count)])
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return scorer  # which scores what fits, or says that a single pair does not (evaluation.py)
    found = _joined([Scores(beside.chosen[i : i + 1], beside.rejected[i : i + 1], None) for i in range(len(short))])
    difference, mistake = float((found - alone).abs().max()), float((wrong - alone).abs().max())
    # A model whose values are not finite is no question of neighbours (finite.py).
    if not difference > max(ROUNDING * float(alone.abs().max()), TOLERATED * mistake):
        return scorer
    print(
        f"finetune: {type(scorer.causal).__name__} gives a pair other log-probabilities beside a long one "
        f"(by {difference:.3g} nats); only sequences of the same length are encoded together, which takes longer",
        file=sys.stderr,
    )
    return SidedScorer(scorer.model, by_length, autocast=scorer.autocast, way=scorer.way)


def side_for_sampling(scorer: PairScorer, prompts: Sequence[Sequence[int]], new_tokens: int) -> Side | None:
    """The side by which prompts are continued together: the scorer's, or what trying the longest answer tells.

    None leaves it to what the configuration names.
    """
    if isinstance(scorer, SidedScorer):
        return scorer.side
    config = scorer.causal.config.get_text_config()
    longest = max(prompts, key=len, default=())
    places = getattr(config, "max_position_embeddings", None) or len(longest) + new_tokens
    room = min(new_tokens, places - len(longest))
    if not longest or room < 1:
        return None
    answer = tuple(torch.randint(config.vocab_size, (room,), generator=torch.Generator().manual_seed(0)).tolist())
    found = tried(scorer, [ProbePair(tuple(longest), answer, answer)])
    return found.side if isinstance(found, SidedScorer) else None


def _joined(scores: Sequence[Scores]) -> Tensor:
    return torch.cat([value for score in scores for value in (score.chosen, score.rejected)]).double().cpu()


@dataclass(frozen=True)
class _Part:
    """A pair to encode, and where its two values belong among 2B; None where they are not wanted."""

    pair: Pair
    chosen: int | None
    rejected: int | None


class SidedScorer(PairScorer):
    """Encodes together only sequences of the same side."""

    def __init__(self, model: Any, side: Side, *, autocast: torch.dtype | None = None, way: Way | None = None) -> None:
        self.side = side
        super().__init__(model, autocast=autocast, way=way)

    def sides(self, pairs: Sequence[Pair]) -> list[list[_Part]]:
        """The pairs by side; one whose answers lie on two sides is on each with that answer alone."""
        found: dict[Hashable, list[_Part]] = {}
        for i, pair in enumerate(pairs):
            chosen, rejected, chosen_prompt, rejected_prompt = sequences(pair)
            of_chosen, of_rejected = self.side(len(chosen) - 1), self.side(len(rejected) - 1)
            if of_chosen == of_rejected:
                found.setdefault(of_chosen, []).append(_Part(pair, i, len(pairs) + i))
                continue
            found.setdefault(of_chosen, []).append(_Part(_twice(chosen, chosen_prompt), i, None))
            found.setdefault(of_rejected, []).append(_Part(_twice(rejected, rejected_prompt), None, len(pairs) + i))
        return list(found.values())

    def backward_of(self, pairs: Sequence[Pair]) -> AbstractContextManager[None]:  # type: ignore[override]
        return contextlib.nullcontext()  # see _score

    def _score(self, way: Way, pairs: Sequence[Pair], statistics: bool) -> Scores:
        # A checkpointed backward pass runs one layout's forward again, and there are several here.
        return super()._score("padded" if self._checkpoints() else way, pairs, statistics)

    def _in_packs(self, pairs: Sequence[Pair], statistics: bool) -> Scores:
        sides = self.sides(pairs)
        if len(sides) == 1:
            return super()._in_packs(pairs, statistics)
        summed: Tensor | None = None
        completions: list[Tensor] = []
        tokens: list[TokenStatistics] = []
        for parts in sides:
            scores = super()._in_packs([part.pair for part in parts], statistics)
            both = torch.cat([scores.chosen, scores.rejected])
            places = [part.chosen for part in parts] + [part.rejected for part in parts]
            wanted = [k for k, place in enumerate(places) if place is not None]
            at = torch.tensor([place for place in places if place is not None], device=both.device)
            summed = both.new_zeros(2 * len(pairs)) if summed is None else summed
            summed = summed.index_add(0, at, both[torch.tensor(wanted, device=both.device)])
            if scores.tokens is not None:
                own, found = scores.tokens
                place = torch.tensor([-1 if p is None else p for p in places], device=own.device)[own]
                kept = place >= 0
                completions.append(place[kept])
                tokens.append(TokenStatistics(found.entropy[kept], found.mean_logit[kept], found.is_top[kept]))
        assert summed is not None
        chosen, rejected = summed.chunk(2)
        if not tokens:
            return Scores(chosen, rejected, None)
        entropy, mean_logit, is_top = (
            torch.cat([getattr(found, name) for found in tokens]) for name in ("entropy", "mean_logit", "is_top")
        )
        return Scores(chosen, rejected, (torch.cat(completions), TokenStatistics(entropy, mean_logit, is_top)))


def _twice(tokens: tuple[int, ...], prompt: int) -> ProbePair:
    """A sequence as a pair of its own, of which both answers are the same and encoded once."""
    return ProbePair(tokens[:prompt], tokens[prompt:], tokens[prompt:])
