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


@dataclass(frozen=True)
class Grid:
    """Where N tokens stand among rows x width places, of which some are empty."""

    rows: int
    width: int
    places: Tensor | None  # (N,) each token's place; None when every place is taken, in order
    tokens: Tensor | None  # (rows x width,) the token at each place, any token where there is none

    @classmethod
    def of(cls, taken: Tensor) -> Grid:
        """From which places are taken, (rows, width)."""
        flat = taken.flatten()
        places = flat.nonzero()[:, 0]
        if len(places) == len(flat):
            return cls(taken.shape[0], taken.shape[1], None, None)
        return cls(taken.shape[0], taken.shape[1], places, (flat.cumsum(0) - 1).clamp_(min=0))

    def spread(self, tokens: Tensor, heads: int, size: int, *, clear: bool = False) -> Tensor:
        """(N, parts x heads x size) to (parts x rows x heads, width, size).

        Empty places hold numbers that must not be read, or zeros with ``clear``.
        """
        if self.places is not None and clear:
            cleared = tokens.new_zeros(self.rows * self.width, tokens.shape[1])
            cleared[self.places] = tokens
            tokens = cleared
        elif self.tokens is not None:
            tokens = tokens.index_select(0, self.tokens)
        parts = tokens.view(self.rows, self.width, -1, heads, size)
        return parts.permute(2, 0, 3, 1, 4).reshape(-1, self.width, size)

    def gather(self, grid: Tensor, heads: int) -> Tensor:
        """(parts x rows x heads, width, size) to (N, parts x heads x size)."""
        parts = grid.view(-1, self.rows, heads, self.width, grid.shape[2])
        by_place = parts.permute(1, 3, 0, 2, 4).reshape(self.rows * self.width, -1)
        return by_place if self.places is None else by_place.index_select(0, self.places)


def rotate_(x: Tensor, rotation: Tensor) -> None:
    """Multiplies pairs of neighbours in (N, 2C) as complex numbers by ``rotation``, (N, C), in place."""
    torch.view_as_complex(x.view(len(x), -1, 2)).mul_(rotation)


@dataclass(frozen=True)
class AttentionPlan:
    """Where queries and keys stand, how they are rotated, and what is added to their scores."""

    heads: int
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
    queries = plan.query_grid.spread(query, plan.heads, plan.size)
    keys, values = plan.key_grid.spread(key_value, plan.heads, plan.size).chunk(2)
    return attend(queries, keys, values, plan)


def attend(queries: Tensor, keys: Tensor, values: Tensor, plan: AttentionPlan) -> tuple[Tensor, Attended]:
    """As attention, of what is rotated and spread already."""
    weights = torch.baddbmm(plan.bias, queries, keys.transpose(1, 2), alpha=plan.size**-0.5).softmax(-1)
    attended = plan.query_grid.gather(torch.bmm(weights, values), plan.heads)
    return attended, Attended(queries, keys, values, weights)


def attention_backward(gradient: Tensor, attended: Attended, plan: AttentionPlan) -> tuple[Tensor, Tensor]:
    """The gradients in queries, (Nq, A), and in keys and values, (N, 2A), before their rotation."""
    queries, keys, values, weights = attended
    spread = plan.query_grid.spread(gradient, plan.heads, plan.size, clear=True)
    for_weights = torch.bmm(spread, values.transpose(1, 2))
    for_scores = torch._softmax_backward_data(for_weights, weights, -1, weights.dtype).mul_(plan.size**-0.5)
    for_key_value = torch.empty(2 * len(keys), *keys.shape[1:])
    for_keys, for_values = for_key_value.chunk(2)
    torch.bmm(for_scores.transpose(1, 2), queries, out=for_keys)
    torch.bmm(weights.transpose(1, 2), spread, out=for_values)
    query = plan.query_grid.gather(torch.bmm(for_scores, keys), plan.heads)
    key_value = plan.key_grid.gather(for_key_value, plan.heads)
    # A rotation's transpose turns back.
    rotate_(query, plan.query_rotation.conj())
    rotate_(key_value[:, : query.shape[1]], plan.key_rotation.conj())
    return query, key_value
