"""Log-probabilities of pairs under a model: the fastest way that is right for its architecture.

Three ways, from fast to plain: pairs without padding and with a shared prompt, the head's logits chunk by chunk; the
same with the model's own head; padded rows through the model as it is. A faster way is used only if it gives a few
random pairs the plain way's log-probabilities, so an architecture that mixes tokens otherwise (a recurrence, a mask of
its own, positions it does not take) is served by the plain way instead of being wrong.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from losslab_trainer.finetune import attention
from losslab_trainer.finetune.head import Head, TokenStatistics, logps_of_logits, token_logps
from losslab_trainer.finetune.layout import Layout, Padded, Pair, lay_out, pad, token_count

Way = Literal["shared", "shared, own head", "padded"]
FASTEST_FIRST: tuple[Way, ...] = ("shared", "shared, own head", "padded")
# A faster way may differ from the plain one by this share of what a wrong one would make (see _probe).
TOLERATED = 0.05
ROUNDING = 1e-4  # relative difference that is rounding whatever the architecture
CPU_PACK_TOKENS = 4096  # tokens encoded together on a CPU: more fall out of its caches, fewer make small matrices


@dataclass(frozen=True)
class Scores:
    """Log-probabilities of B pairs' completions and what TRL reports beside them."""

    chosen: Tensor  # (B,) nats, summed over the completion's tokens
    rejected: Tensor  # (B,)
    tokens: tuple[Tensor, TokenStatistics] | None  # (M,) completions (0..B-1 chosen), and their statistics


@dataclass(frozen=True)
class ProbePair:
    """A pair of the probe."""

    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]
    rejected_prompt_ids: tuple[int, ...] | None = None


class PairScorer:
    """Scores pairs with a model whose weights may change between calls."""

    def __init__(self, model: Any, *, autocast: torch.dtype | None = None, way: Way | None = None) -> None:
        self.model = model  # may be a peft model
        self.autocast = autocast
        self.causal: Any = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.device: torch.device = next(model.parameters()).device
        self._head = Head.of(self.causal.config)
        self._plain_attention = self.causal.config._attn_implementation
        self.way: Way = way or self._fastest()

    def score(self, pairs: Sequence[Pair], *, statistics: bool = False) -> Scores:
        """Differentiable where gradients are on; the backward pass runs inside ``backward_of`` the same pairs."""
        return self._in_packs(pairs, statistics)

    def _in_packs(self, pairs: Sequence[Pair], statistics: bool) -> Scores:
        packs = self._packs(pairs)
        if len(packs) == 1:
            return self._score(self.way, pairs, statistics)
        return _together([self._score(self.way, [pairs[i] for i in pack], statistics) for pack in packs], packs)

    def score_without_graph(self, pairs: Sequence[Pair], *, statistics: bool = False) -> Scores:
        with torch.no_grad():
            return self._in_packs(pairs, statistics)

    @contextmanager
    def backward_of(self, pairs: Sequence[Pair]) -> Iterator[None]:
        """Around the backward pass of ``pairs``: gradient checkpointing runs parts of the forward again there."""
        if self.way == "padded" or not self._checkpoints():
            yield
            return
        with self._pair_attention(), attention.attending(lay_out(pairs).to(self.device)), self._casting():
            yield

    def _packs(self, pairs: Sequence[Pair]) -> list[list[int]]:
        """Which pairs are encoded together, of similar length on a CPU. A checkpointed backward needs one layout."""
        everything = list(range(len(pairs)))
        if self.device.type != "cpu" or self.way == "padded" or self._checkpoints():
            return [everything]
        packs: list[list[int]] = []
        room = 0
        for i in sorted(everything, key=lambda i: token_count(pairs[i])):
            tokens = token_count(pairs[i])
            if tokens > room or not packs:
                packs.append([])
                room = CPU_PACK_TOKENS
            packs[-1].append(i)
            room -= tokens
        return packs

    def _checkpoints(self) -> bool:
        return bool(getattr(self.causal, "is_activation_checkpointing", False))

    def _score(self, way: Way, pairs: Sequence[Pair], statistics: bool) -> Scores:
        if way == "padded":
            rows = pad(pairs).to(self.device)
            logps, found = self._of_rows(rows, statistics)
            completions = rows.completions
        else:
            layout = lay_out(pairs).to(self.device)
            completions = layout.completions
            with self._pair_attention(), attention.attending(layout):
                logps, found = self._of_layout(layout, way, statistics)
        summed = logps.new_zeros(2 * len(pairs)).index_add(0, completions, logps)
        chosen, rejected = summed.chunk(2)
        return Scores(chosen, rejected, None if found is None else (completions, found))

    def _of_rows(self, rows: Padded, statistics: bool) -> tuple[Tensor, TokenStatistics | None]:
        with self._casting():
            logits = self.causal(rows.ids, attention_mask=rows.attention_mask, use_cache=False).logits
        return logps_of_logits(logits.flatten(0, 1).index_select(0, rows.read), rows.targets, statistics=statistics)

    def _of_layout(self, layout: Layout, way: Way, statistics: bool) -> tuple[Tensor, TokenStatistics | None]:
        ids, positions = layout.ids[None], layout.position_ids[None]
        if way == "shared, own head":
            with self._casting():
                logits = self.causal(ids, position_ids=positions, use_cache=False, logits_to_keep=layout.read).logits[0]
            return logps_of_logits(logits, layout.targets, statistics=statistics)
        with self._casting():
            states = self.causal.base_model(ids, position_ids=positions, use_cache=False).last_hidden_state[0]
        head = self.causal.get_output_embeddings()
        if type(head) is not nn.Linear:
            raise attention.UnsupportedAttention("a head that is more than a matrix")
        hidden = states.index_select(0, layout.read)
        if self.autocast is not None:
            hidden = hidden.to(self.autocast)
        return token_logps(hidden, head.weight, head.bias, layout.targets, self._head, statistics=statistics)

    def _casting(self) -> AbstractContextManager[Any]:
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast)

    @contextmanager
    def _pair_attention(self) -> Iterator[None]:
        _use(self.causal, attention.NAME)
        try:
            yield
        finally:
            _use(self.causal, self._plain_attention)

    def _fastest(self) -> Way:
        if self.causal.config.is_encoder_decoder:
            return "padded"
        for way in FASTEST_FIRST[:-1]:
            try:
                reason = self._probe(way)
            except Exception as error:
                # Whatever an architecture raises here, it runs the plain way, which is the one it was made for.
                reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            if reason is None:
                return way
            name = type(self.causal).__name__
            print(f"finetune: {name} is not scored the way '{way}' ({reason})", file=sys.stderr)
        return "padded"

    def _probe(self, way: Way) -> str | None:
        """None if the way gives the plain one's values, else what is wrong with it."""
        pairs = _probe_pairs(int(self.causal.config.get_text_config().vocab_size))
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                right = _joined(self._score("padded", pairs, False))
                found = _joined(self._score(way, pairs, False))
                # What a typical mistake looks like: the rejected answer sees the chosen one before it.
                mistaken = [
                    ProbePair(p.prompt_ids, p.chosen_ids, p.rejected_ids, p.prompt_ids + p.chosen_ids) for p in pairs
                ]
                wrong = _joined(self._score("padded", mistaken, False))
        finally:
            self.model.train(was_training)
        difference, mistake = float((found - right).abs().max()), float((wrong - right).abs().max())
        if difference <= max(ROUNDING * float(right.abs().max()), TOLERATED * mistake):
            return None
        return f"its log-probabilities differ by {difference:.3g} nats, a mistaken mask's by {mistake:.3g}"


def _together(parts: Sequence[Scores], packs: Sequence[Sequence[int]]) -> Scores:
    """The scores of all packs, in the order of the pairs."""
    order = torch.tensor([i for pack in packs for i in pack])
    back = order.argsort()
    chosen, rejected = (torch.cat([getattr(part, side) for part in parts])[back] for side in ("chosen", "rejected"))
    tokens = [part.tokens for part in parts if part.tokens is not None]
    if not tokens:
        return Scores(chosen, rejected, None)
    completions = []
    for pack, (places, _) in zip(packs, tokens, strict=True):
        whole = torch.tensor([*pack, *(len(order) + i for i in pack)])
        completions.append(whole[places])
    entropy, mean_logit, is_top = (
        torch.cat([getattr(found, name) for _, found in tokens]) for name in ("entropy", "mean_logit", "is_top")
    )
    return Scores(chosen, rejected, (torch.cat(completions), TokenStatistics(entropy, mean_logit, is_top)))


def _use(model: Any, implementation: str) -> None:
    """Sets the attention of a model and its parts. set_attn_implementation does too, but walks all modules."""
    model.config._attn_implementation_internal = implementation
    for name in model.config.sub_configs:
        part = getattr(model.config, name, None)
        if part is not None:
            part._attn_implementation_internal = implementation


def _joined(scores: Scores) -> Tensor:
    return torch.cat([scores.chosen, scores.rejected]).double().cpu()


def _probe_pairs(vocabulary: int) -> list[Pair]:
    generator = torch.Generator().manual_seed(0)

    def draw(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(min(vocabulary, 1 << 20), (count,), generator=generator).tolist())

    return [ProbePair(draw(a), draw(b), draw(c)) for a, b, c in ((6, 5, 9), (11, 8, 3), (3, 13, 12))]
