"""The parts of a Llama layer, forward and backward written out: each backward takes what its forward returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Normed(NamedTuple):
    """What the backward of an RMS norm needs."""

    unscaled: Tensor  # (N, D) x / rms(x)
    inverse: Tensor  # (N, 1) 1 / rms(x)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Normed]:
    """x / rms(x) * weight over the last dimension of (N, D)."""
    inverse = x.square().mean(-1, keepdim=True).add_(epsilon).rsqrt_()
    unscaled = x * inverse
    return unscaled * weight, Normed(unscaled, inverse)


def rms_norm_backward(gradient: Tensor, normed: Normed, weight: Tensor, out: Tensor, weight_out: Tensor) -> None:
    """Adds to ``out`` the gradient in x; writes that in the weight to ``weight_out``."""
    weighted = gradient * normed.unscaled
    torch.sum(weighted, 0, out=weight_out)
    along = torch.mv(weighted, weight).div_(-weight.numel())[:, None]
    across = torch.addcmul(gradient * weight, normed.unscaled, along)
    out.addcmul_(across, normed.inverse)


class Gated(NamedTuple):
    """What the backward of the gated activation needs."""

    gate_up: Tensor  # (N, 2M)
    opened: Tensor  # (N, M) silu(gate)


def swiglu(gate_up: Tensor) -> tuple[Tensor, Gated]:
    """silu(gate) * up, of gate and up side by side."""
    gate, up = gate_up.chunk(2, -1)
    opened = F.silu(gate)
    return opened * up, Gated(gate_up, opened)


def swiglu_backward(gradient: Tensor, gated: Gated) -> Tensor:
    gate, up = gated.gate_up.chunk(2, -1)
    result = torch.empty_like(gated.gate_up)
    gate_gradient, up_gradient = result.chunk(2, -1)
    torch.mul(gradient, gated.opened, out=up_gradient)
    torch.ops.aten.silu_backward.grad_input(gradient * up, gate, grad_input=gate_gradient)
    return result


class Grid:
    """Where N tokens stand among rows x width places, of which some are empty, and the two orders of their heads.

    One order is by token: (N, parts x heads x size), as projections give it. The other is by place: (parts x rows x
    heads, width, size), as batched products want it. A head of a token is moved as one piece.
    """

    def __init__(self, taken: Tensor, heads: int) -> None:
        """From which places are taken, (rows, width)."""
        self.rows, self.width, self.heads = taken.shape[0], taken.shape[1], heads
        flat = taken.flatten()
        self.places = flat.nonzero()[:, 0]  # (N,) each token's place
        count = len(self.places)
        self.full = count == len(flat)
        # At an empty place stands token N: none.
        self._tokens = torch.where(flat, flat.cumsum(0) - 1, count).view(1, self.rows, 1, self.width)
        self._head = torch.arange(heads)
        self._spreads: dict[int, Tensor] = {}
        self._gathers: dict[int, Tensor] = {}

    def spread(self, tokens: Tensor, size: int) -> Tensor:
        """From the order by token to that by place. At empty places there are zeros."""
        parts = tokens.shape[1] // (self.heads * size)
        if parts not in self._spreads:
            part = torch.arange(parts).view(-1, 1, 1, 1)
            index = (self._tokens * parts + part) * self.heads + self._head.view(1, 1, -1, 1)
            self._spreads[parts] = index.flatten()
        if not self.full:
            tokens = F.pad(tokens, (0, 0, 0, 1))
        return tokens.reshape(-1, size).index_select(0, self._spreads[parts]).view(-1, self.width, size)

    def gather(self, grid: Tensor) -> Tensor:
        """From the order by place to that by token."""
        parts = len(grid) // (self.rows * self.heads)
        if parts not in self._gathers:
            part = torch.arange(parts).view(1, -1, 1)
            row, column = (self.places // self.width).view(-1, 1, 1), (self.places % self.width).view(-1, 1, 1)
            index = ((part * self.rows + row) * self.heads + self._head) * self.width + column
            self._gathers[parts] = index.flatten()
        size = grid.shape[2]
        by_token = grid.view(-1, size).index_select(0, self._gathers[parts])
        return by_token.view(len(self.places), parts * self.heads * size)


def rotate_(x: Tensor, rotation: Tensor) -> None:
    """Multiplies pairs of neighbours in (N, 2C) as complex numbers by ``rotation``, (N, C), in place."""
    torch.view_as_complex(x.view(len(x), -1, 2)).mul_(rotation)


@dataclass(frozen=True)
class AttentionPlan:
    """Where queries and keys stand, how they are rotated, and what is added to their scores."""

    size: int  # of a head
    query_grid: Grid
    key_grid: Grid
    query_rotation: Tensor  # (Nq, A / 2) with A = heads x size
    key_rotation: Tensor  # (N, A / 2)
    bias: Tensor  # (rows x heads, query width, key width)


class Attended(NamedTuple):
    """What the backward of attention needs, all (rows x heads, ...)."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    weights: Tensor


def attention(query: Tensor, key_value: Tensor, plan: AttentionPlan) -> tuple[Tensor, Attended]:
    """Softmax attention, heads side by side: (Nq, A) and (N, 2A) to (Nq, A). Rotates queries and keys in place."""
    rotate_(query, plan.query_rotation)
    rotate_(key_value[:, : query.shape[1]], plan.key_rotation)
    queries = plan.query_grid.spread(query, plan.size)
    keys, values = plan.key_grid.spread(key_value, plan.size).chunk(2)
    return attend(queries, keys, values, plan)


def attend(queries: Tensor, keys: Tensor, values: Tensor, plan: AttentionPlan) -> tuple[Tensor, Attended]:
    """As attention, of what is rotated and spread already."""
    weights = torch.baddbmm(plan.bias, queries, keys.transpose(1, 2), alpha=plan.size**-0.5).softmax(-1)
    attended = plan.query_grid.gather(torch.bmm(weights, values))
    return attended, Attended(queries, keys, values, weights)


def attention_backward(gradient: Tensor, attended: Attended, plan: AttentionPlan) -> tuple[Tensor, Tensor]:
    """The gradients in queries, (Nq, A), and in keys and values, (N, 2A), before their rotation."""
    queries, keys, values, weights = attended
    spread = plan.query_grid.spread(gradient, plan.size)
    for_weights = torch.bmm(spread, values.transpose(1, 2))
    for_scores = torch._softmax_backward_data(for_weights, weights, -1, weights.dtype).mul_(plan.size**-0.5)
    for_key_value = torch.empty(2 * len(keys), *keys.shape[1:])
    for_keys, for_values = for_key_value.chunk(2)
    torch.bmm(for_scores.transpose(1, 2), queries, out=for_keys)
    torch.bmm(weights.transpose(1, 2), spread, out=for_values)
    query = plan.query_grid.gather(torch.bmm(for_scores, keys))
    key_value = plan.key_grid.gather(for_key_value)
    # A rotation's transpose turns back.
    rotate_(query, plan.query_rotation.conj())
    rotate_(key_value[:, : query.shape[1]], plan.key_rotation.conj())
    return query, key_value
