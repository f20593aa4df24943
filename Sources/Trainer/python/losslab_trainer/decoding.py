"""Rows of token sequences with a key-value cache: prefill, one token at a time, and drop finished rows cheaply.

The cache is allocated once per batch. Rows that go on are kept in front by swapping, so a step works on a slice and
copies nothing; the cached tokens of rows that finished stay where they are and serve the next turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

FULL_ATTENTION_TYPES = frozenset({"llama", "qwen2", "qwen3", "gpt2", "gpt_neox", "phi", "stablelm", "olmo", "olmo2"})


def takes_custom_masks(model: Any) -> bool:
    """Whether 4-D attention masks and free positions are sound: plain full attention in every layer."""
    config = model.config
    sliding = getattr(config, "use_sliding_window", False) and getattr(config, "sliding_window", None)
    return config.model_type in FULL_ATTENTION_TYPES and not sliding


class _BufferLayer(DynamicLayer):  # type: ignore[misc]  # transformers is untyped here
    """One layer's keys and values in a buffer of fixed capacity, of which ``rows`` and ``length`` are in use."""

    is_initialized: bool
    keys: Tensor
    values: Tensor

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.rows = 0
        self.length = 0

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.dtype, self.device = keys.dtype, keys.device
            rows, heads, size = keys.shape[0], keys.shape[1], keys.shape[3]
            self.keys = keys.new_zeros(rows, heads, self.capacity, size)
            self.values = keys.new_zeros(rows, heads, self.capacity, size)
            self.is_initialized = True
        start, end = self.length, self.length + keys.shape[2]
        self.keys[: self.rows, :, start:end] = keys
        self.values[: self.rows, :, start:end] = values
        self.length = end
        return self.keys[: self.rows, :, :end], self.values[: self.rows, :, :end]

    def grow(self, columns: int) -> None:
        self.capacity += columns
        if self.is_initialized:
            room = self.keys.new_zeros(*self.keys.shape[:2], columns, self.keys.shape[3])
            self.keys, self.values = torch.cat([self.keys, room], 2), torch.cat([self.values, room], 2)

    def get_seq_length(self) -> int:
        return self.length


class Decoder:
    """Rows of tokens seen so far, with their cache. All rows share the columns; ``valid`` says which are theirs."""

    def __init__(self, model: Any, rows: int, capacity: int) -> None:
        self.model = model
        self.device = model.device
        self.rows = rows  # rows in use: the first ones
        self.length = 0  # columns in use
        self.valid = torch.zeros(rows, capacity, dtype=torch.bool, device=self.device)
        self.positions = torch.zeros(rows, dtype=torch.long, device=self.device)  # the next token's
        self.order = torch.arange(rows, device=self.device)  # which row stands at each place
        self.cache = Cache(layers=[_BufferLayer(capacity) for _ in range(model.config.num_hidden_layers)])

    def reserve(self, columns: int) -> None:
        """Makes room for so many more columns."""
        missing = self.length + columns - self.valid.shape[1]
        if missing > 0:
            self.valid = torch.cat([self.valid, self.valid.new_zeros(self.valid.shape[0], missing)], 1)
            for layer in self.cache.layers:
                layer.grow(missing)

    def extend(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Appends some tokens to every row and returns the logits after each row's last one, (rows, V)."""
        width = max(len(row) for row in tokens)
        padded = torch.tensor([[0] * (width - len(row)) + list(row) for row in tokens], device=self.device)
        new = torch.tensor([[False] * (width - len(row)) + [True] * len(row) for row in tokens], device=self.device)
        offsets = (new.cumsum(1) - 1).clamp(min=0)
        position_ids = self.positions[: self.rows, None] + offsets
        self.positions[: self.rows] += new.sum(1)
        self.valid[: self.rows, self.length : self.length + width] = new
        seen = self.valid[: self.rows, None, : self.length + width].expand(-1, width, -1)
        causal = torch.ones(width, self.length + width, dtype=torch.bool, device=self.device).tril(self.length)
        return self._forward(padded, position_ids, seen & causal)

    def step(self, tokens: Tensor) -> Tensor:
        """Appends one token to every row in use and returns the logits after it, (rows, V)."""
        position_ids = self.positions[: self.rows, None].clone()
        self.positions[: self.rows] += 1
        self.valid[: self.rows, self.length] = True
        return self._forward(tokens[:, None], position_ids, self.valid[: self.rows, None, : self.length + 1])

    def keep_prefix(self, row: int, count: int) -> None:
        """Forgets everything of a row after its first ``count`` tokens."""
        columns = self.valid[row, : self.length].nonzero()[:, 0]
        self.valid[row, columns[count:]] = False
        self.positions[row] = count

    def repeat(self, times: int) -> None:
        """Makes each row ``times`` rows, next to each other."""
        self.valid = self.valid.repeat_interleave(times, 0)
        self.positions = self.positions.repeat_interleave(times, 0)
        for layer in self.cache.layers:
            layer.keys = layer.keys.repeat_interleave(times, 0)
            layer.values = layer.values.repeat_interleave(times, 0)
        self.rows *= times
        self.order = torch.arange(self.rows, device=self.device)

    def drop(self, finished: Tensor) -> Tensor:
        """Takes rows out of use (a mask over those in use), and returns where each of the others came from."""
        left = self.rows - int(finished.sum())
        moved = torch.arange(left, device=self.device)
        holes = finished[:left].nonzero()[:, 0]
        if len(holes) > 0:
            movers = left + (~finished[left:]).nonzero()[:, 0]
            moved[holes] = movers
            one, other = torch.cat([holes, movers]), torch.cat([movers, holes])
            for tensor in (self.valid, self.positions, self.order, *self._cached()):
                tensor[one] = tensor[other]
        self.rows = left
        return moved

    def restore(self) -> None:
        """Takes all rows into use again, each at its first place."""
        back = self.order.argsort()
        self.valid, self.positions, self.order = self.valid[back], self.positions[back], self.order[back]
        for layer in self.cache.layers:
            layer.keys, layer.values = layer.keys[back], layer.values[back]
        self.rows = len(back)

    def _cached(self) -> list[Tensor]:
        return [tensor for layer in self.cache.layers for tensor in (layer.keys, layer.values)]

    def _forward(self, tokens: Tensor, position_ids: Tensor, mask: Tensor) -> Tensor:
        for layer in self.cache.layers:
            layer.rows = self.rows
        # The smallest finite number, not -inf: a padded query sees nothing, and NaN would reach real rows through it.
        bias = torch.zeros(mask.shape, dtype=self.model.dtype, device=self.device)
        bias.masked_fill_(~mask, torch.finfo(bias.dtype).min)
        logits: Tensor = self.model(
            tokens,
            attention_mask=bias[:, None],
            position_ids=position_ids,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        self.length += tokens.shape[1]
        return logits
