"""A Llama's weights as one vector: one leaf to train, to clip and to step, and named views into it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class LayerWeights:
    """One layer's matrices; D is the hidden size, A = heads x head size, M the width of the feed-forward part."""

    attention_norm: Tensor  # (D,)
    query_key_value: Tensor  # (3A, D)
    attention_out: Tensor  # (D, A)
    feed_forward_norm: Tensor  # (D,)
    gate_up: Tensor  # (2M, D)
    down: Tensor  # (D, M)


@dataclass(frozen=True)
class LlamaWeights:
    """All of them. With tied embeddings ``head`` is ``embedding``."""

    embedding: Tensor  # (V, D)
    norm: Tensor  # (D,)
    head: Tensor  # (V, D)
    layers: list[LayerWeights]

    @classmethod
    def views(cls, vector: Tensor, shapes: list[torch.Size]) -> LlamaWeights:
        """Views into a vector, of the shapes that ``weight_shapes`` gives for a model."""
        parts = torch.split(vector, [shape.numel() for shape in shapes])
        shaped = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
        each = len(fields(LayerWeights))
        own = len(shaped) % each  # what comes before the layers: embedding, norm, and a head that is not tied
        layers = [LayerWeights(*shaped[i : i + each]) for i in range(own, len(shaped), each)]
        return cls(shaped[0], shaped[1], shaped[2] if own == 3 else shaped[0], layers)


def read_weights(weights: LlamaWeights, model: Any) -> None:
    """Fills the views from a transformers model."""
    for view, parts in _matched(weights, model):
        view.copy_(torch.cat([_paired(part.weight, paired) for part, paired in parts]))


def write_weights(weights: LlamaWeights, model: Any) -> None:
    """Fills a transformers model from the views."""
    for view, parts in _matched(weights, model):
        pieces = torch.split(view, [len(part.weight) for part, _ in parts])
        for piece, (part, paired) in zip(pieces, parts, strict=True):
            part.weight.copy_(_halved(piece, paired))


def weight_shapes(model: Any) -> list[torch.Size]:
    """The shapes of embedding, norm, head (unless it is tied) and of each layer's weights, in the vector's order."""
    config, core = model.config, model.model
    shapes = [core.embed_tokens.weight.shape, core.norm.weight.shape]
    if not config.tie_word_embeddings:
        shapes.append(model.lm_head.weight.shape)
    for layer in core.layers:
        attention, feed_forward = layer.self_attn, layer.mlp
        query_rows, columns = attention.q_proj.weight.shape
        gate_rows = feed_forward.gate_proj.weight.shape[0]
        shapes += [
            layer.input_layernorm.weight.shape,
            torch.Size([3 * query_rows, columns]),
            attention.o_proj.weight.shape,
            layer.post_attention_layernorm.weight.shape,
            torch.Size([2 * gate_rows, columns]),
            feed_forward.down_proj.weight.shape,
        ]
    return shapes


def _matched(weights: LlamaWeights, model: Any) -> list[tuple[Tensor, list[tuple[Any, int]]]]:
    """Each view with the model's modules in it, and the head size of those whose rows are paired (0 if not)."""
    core = model.model
    found: list[tuple[Tensor, list[tuple[Any, int]]]] = [
        (weights.embedding, [(core.embed_tokens, 0)]),
        (weights.norm, [(core.norm, 0)]),
    ]
    if weights.head is not weights.embedding:
        found.append((weights.head, [(model.lm_head, 0)]))
    for views, layer in zip(weights.layers, core.layers, strict=True):
        attention, feed_forward = layer.self_attn, layer.mlp
        size = attention.head_dim
        found += [
            (views.attention_norm, [(layer.input_layernorm, 0)]),
            (views.query_key_value, [(attention.q_proj, size), (attention.k_proj, size), (attention.v_proj, 0)]),
            (views.attention_out, [(attention.o_proj, 0)]),
            (views.feed_forward_norm, [(layer.post_attention_layernorm, 0)]),
            (views.gate_up, [(feed_forward.gate_proj, 0), (feed_forward.up_proj, 0)]),
            (views.down, [(feed_forward.down_proj, 0)]),
        ]
    return found


def _paired(weight: Tensor, head_size: int) -> Tensor:
    """Rows of each head reordered 0, h, 1, h + 1, ... with h half its size: a rotated pair side by side."""
    if head_size == 0:
        return weight
    return weight.view(-1, 2, head_size // 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _halved(weight: Tensor, head_size: int) -> Tensor:
    """The inverse of _paired."""
    if head_size == 0:
        return weight
    return weight.view(-1, head_size // 2, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)
