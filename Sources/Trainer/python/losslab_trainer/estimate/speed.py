"""Time of a fine-tuning: one and two layers of the model are timed here, and the rest follows by their number.

A model of one layer and one of two, of the model's own width and with random weights, score and backpropagate a few
real pairs in the way that training will. Their difference is a layer, the rest embedding and head.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from losslab_trainer.finetune.layout import Pair, token_count
from losslab_trainer.finetune.models import without_dropout
from losslab_trainer.finetune.scoring import PairScorer

# Work of one timing, in floating-point operations, so that it takes seconds.
CPU_WORK, CUDA_WORK = 3e10, 2e13
MOST_PAIRS = 16
ROUNDS = 2


@dataclass(frozen=True)
class Speed:
    """Seconds a token of one forward pass, and of one with its backward pass."""

    forward: float
    both: float
    tokens: int  # that were timed at once


def measured(config: Any, pairs: Sequence[Pair], dtype: torch.dtype, device: torch.device, *, train: bool) -> Speed:
    """``train``: whether all weights get gradients; with an adapter only what passes through them counts."""
    layers = int(config.get_text_config().num_hidden_layers)
    one, two = (_timed(config, count, pairs, dtype, device, train=train) for count in (1, 2))
    per_layer = Speed(max(two.forward - one.forward, 0), max(two.both - one.both, 0), one.tokens)
    return Speed(
        max(one.forward - per_layer.forward, 0) + layers * per_layer.forward,
        max(one.both - per_layer.both, 0) + layers * per_layer.both,
        one.tokens,
    )


def _timed(
    config: Any, layers: int, pairs: Sequence[Pair], dtype: torch.dtype, device: torch.device, *, train: bool
) -> Speed:
    small = copy.deepcopy(config)
    text = small.get_text_config()
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None):
        text.layer_types = list(text.layer_types)[:layers]
    autocast = dtype if train and dtype != torch.float32 else None
    torch.manual_seed(0)
    with device:
        model = AutoModelForCausalLM.from_config(small, dtype=torch.float32 if autocast else dtype)
    without_dropout(model)
    model.eval()
    if not train:
        model.requires_grad_(False)
        model.get_input_embeddings().weight.requires_grad_(True)  # so that the backward pass goes all the way down
    scorer = PairScorer(model, autocast=autocast)
    chosen = _some(pairs, sum(p.numel() for p in model.parameters()), device)
    tokens = sum(token_count(pair) for pair in chosen)

    def forward() -> None:
        scorer.score_without_graph(chosen)

    def both() -> None:
        model.zero_grad(set_to_none=True)
        scores = scorer.score(chosen)
        with scorer.backward_of(chosen):
            torch.autograd.backward((scores.chosen.sum() - scores.rejected.sum(),))

    return Speed(_best(forward, device) / tokens, _best(both, device) / tokens, tokens)


def _some(pairs: Sequence[Pair], parameters: int, device: torch.device) -> list[Pair]:
    """Pairs of middle length, as many as make the work meant, at least one."""
    ordered = sorted(pairs, key=token_count)
    ordered = ordered[len(ordered) // 2 :] + ordered[: len(ordered) // 2][::-1]
    most = (CUDA_WORK if device.type == "cuda" else CPU_WORK) / (6 * parameters)
    chosen, tokens = [ordered[0]], token_count(ordered[0])
    for pair in ordered[1:MOST_PAIRS]:
        if tokens + token_count(pair) > most:
            break
        chosen.append(pair)
        tokens += token_count(pair)
    return chosen


def _best(work: Any, device: torch.device) -> float:
    times = []
    for round_number in range(ROUNDS + 1):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if round_number:  # the first one warms up
            times.append(time.perf_counter() - started)
    return min(times)
