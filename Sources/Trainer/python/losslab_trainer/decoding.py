"""Rows of token sequences that grow: prefill, one token at a time, and drop finished rows cheaply.

CachedDecoder's cache is allocated once per batch. Rows that go on are kept in front by swapping, so a step works on a
slice and copies nothing; the cached tokens of rows that finished stay where they are and serve the next turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from losslab_trainer.forward import Forward, KeyValueCache


class CachedDecoder:
    """Rows of tokens seen so far, with their cache. All rows share the columns; ``valid`` says which are theirs."""

    def __init__(self, forward: Forward, rows: int) -> None:
        self.forward = forward
        self.device = forward.parameters[0].device
        self.rows = rows  # rows in use: the first ones
        self.length = 0  # columns in use
        self.valid = torch.zeros(rows, 0, dtype=torch.bool, device=self.device)
        self.positions = torch.zeros(rows, dtype=torch.long, device=self.device)  # the next token's
        self.order = torch.arange(rows, device=self.device)  # which row stands at each place
        self.cache = KeyValueCache(forward.layer_count, rows)

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
        seen = self.valid[: self.rows, None, : self.length + width]
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
        self.order = torch.arange(self.rows * times, device=self.device)
        self._use(self.rows * times)

    def drop(self, finished: Tensor) -> Tensor:
        """Takes rows out of use (a mask over those in use), and returns where each of the others came from."""
        left = self.rows - int(finished.sum())
        moved = torch.arange(left, device=self.device)
        holes = finished[:left].nonzero()[:, 0]
        if len(holes) > 0:
            movers = left + (~finished[left:]).nonzero()[:, 0]
            moved[holes] = movers
            one, other = torch.cat([holes, movers]), torch.cat([movers, holes])
            cached = [tensor for layer in self.cache.layers for tensor in (layer.keys, layer.values)]
            for tensor in (self.valid, self.positions, self.order, *cached):
                tensor[one] = tensor[other]
        self._use(left)
        return moved

    def restore(self) -> None:
        """Takes all rows into use again, each at its first place."""
        back = self.order.argsort()
        self.valid, self.positions, self.order = self.valid[back], self.positions[back], self.order[back]
        for layer in self.cache.layers:
            layer.keys, layer.values = layer.keys[back], layer.values[back]
        self._use(len(back))

    def _use(self, rows: int) -> None:
        self.rows = rows
        self.cache.use_rows(rows)

    def _forward(self, tokens: Tensor, position_ids: Tensor, mask: Tensor) -> Tensor:
        rows, width = tokens.shape
        last = torch.arange(1, rows + 1, device=self.device) * width - 1
        self.length += width
        return self.forward.logits(self.forward.hidden(tokens, position_ids, mask, last, self.cache))


class PlainDecoder:
    """The same without a cache: every step reads all tokens again. For forwards that take no masks; slow, and right."""

    def __init__(self, forward: Forward, rows: int) -> None:
        self.forward = forward
        self.device = forward.parameters[0].device
        self.rows = rows
        self.order = torch.arange(rows, device=self.device)
        self.seen: list[list[int]] = [[] for _ in range(rows)]  # by first place, whatever the order

    def reserve(self, columns: int) -> None:
        pass

    def extend(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        for row, new in zip(self._in_use(), tokens, strict=True):
            row.extend(new)
        return self._forward()

    def step(self, tokens: Tensor) -> Tensor:
        return self.extend([[token] for token in tokens.tolist()])

    def keep_prefix(self, row: int, count: int) -> None:
        del self.seen[row][count:]

    def repeat(self, times: int) -> None:
        self.seen = [list(row) for row in self.seen for _ in range(times)]
        self.rows *= times
        self.order = torch.arange(self.rows, device=self.device)

    def drop(self, finished: Tensor) -> Tensor:
        moved = (~finished).nonzero()[:, 0]
        self.order = torch.cat([self.order[moved], self.order[: self.rows][finished], self.order[self.rows :]])
        self.rows = len(moved)
        return moved

    def restore(self) -> None:
        self.rows = len(self.seen)
        self.order = torch.arange(self.rows, device=self.device)

    def _in_use(self) -> list[list[int]]:
        return [self.seen[place] for place in self.order[: self.rows].tolist()]

    def _forward(self) -> Tensor:
        rows = self._in_use()
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=self.device)
        lengths = torch.tensor([len(row) for row in rows], device=self.device)
        at = torch.arange(width, device=self.device)
        causal = torch.ones(width, width, dtype=torch.bool, device=self.device).tril()
        mask = (at < lengths[:, None])[:, None, :] & causal
        last = torch.arange(len(rows), device=self.device) * width + lengths - 1
        return self.forward.logits(self.forward.hidden(ids, at.expand_as(ids), mask, last))


Decoder = CachedDecoder | PlainDecoder


def decoder_of(forward: Forward, rows: int) -> Decoder:
    return CachedDecoder(forward, rows) if forward.packs else PlainDecoder(forward, rows)
