"""Attention over a Layout: each pair's tokens lie once in memory and are attended to as two sequences.

Registered with transformers under a name, so that it serves every architecture that lets its attention be chosen. The
tokens of similar long sequences are gathered into padded rows, on which torch's fused causal attention runs without any
mask: padding is on the right, so no token sees it. Whether an architecture is right with it is tried, not assumed
(scoring.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface

from losslab_trainer.finetune.layout import Layout

NAME = "losslab_pairs"
IGNORED = frozenset({"is_causal", "position_ids", "cache_position", "use_cache", "output_attentions", "training"})

_active: list[Layout] = []


class UnsupportedAttention(Exception):
    """An architecture's attention needs something that is not done here."""


@contextmanager
def attending(layout: Layout) -> Iterator[None]:
    """The layout of the forward (or the recomputed forward in a backward) that runs inside."""
    _active.append(layout)
    try:
        yield
    finally:
        _active.pop()


def pair_attention(  # noqa: PLR0917  # transformers calls it so
    module: Any,
    query: Tensor,  # (1, H, N, A)
    key: Tensor,  # (1, K, N, A), K divides H
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """(1, N, H, A): every token's attention within its own sequences."""
    if attention_mask is not None or dropout:
        raise UnsupportedAttention("a mask or attention dropout")
    unknown = [name for name, item in others.items() if item is not None and name not in IGNORED]
    if unknown:
        raise UnsupportedAttention(unknown[0])
    layout = _active[-1]
    repeats = query.shape[1] // key.shape[1]
    queries, keys, values = (tensor[0].transpose(0, 1) for tensor in (query, key, value))  # (N, heads, A)
    outputs = []
    for group in layout.groups:
        q, k, v = (
            tensor.index_select(0, group.gather).view(group.rows, group.width, -1, tensor.shape[2]).transpose(1, 2)
            for tensor in (queries, keys, values)
        )  # (R, heads, W, A)
        if repeats > 1:
            k, v = k.repeat_interleave(repeats, 1), v.repeat_interleave(repeats, 1)
        outputs.append(
            _causal(q, k, v, scaling=scaling, window=sliding_window, softcap=softcap).transpose(1, 2).flatten(0, 1)
        )
    joined = outputs[0] if len(outputs) == 1 else torch.cat(outputs)
    return joined.index_select(0, layout.scatter)[None], None


def _causal(
    q: Tensor, k: Tensor, v: Tensor, *, scaling: float | None, window: int | None, softcap: float | None
) -> Tensor:
    width = q.shape[2]
    if softcap is not None:
        scores = (q @ k.transpose(2, 3)) * (q.shape[-1] ** -0.5 if scaling is None else scaling)
        scores = torch.tanh(scores / softcap) * softcap
        scores = scores.masked_fill(~_band(width, window, q.device), float("-inf"))
        return scores.softmax(-1, dtype=torch.float32).to(q.dtype) @ v
    if window is not None and window < width:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=_band(width, window, q.device), scale=scaling)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling)


def _band(width: int, window: int | None, device: torch.device) -> Tensor:
    """Which tokens each may look at: itself and those before it, the last ``window`` of them."""
    mask = torch.ones(width, width, dtype=torch.bool, device=device).tril()
    return mask if window is None else mask.triu(1 - window)


AttentionInterface.register(NAME, pair_attention)
