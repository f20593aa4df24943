"""The parts of a Llama layer with derivatives written out, which saves the copies that autograd would make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """x / rms(x) * weight over the last dimension of (N, D)."""
    result: Tensor = _RMSNorm.apply(x, weight, epsilon)  # type: ignore[no-untyped-call]  # torch's apply is untyped
    return result


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) * up, of gate and up side by side in the last dimension."""
    result: Tensor = _SwiGLU.apply(gate_up)  # type: ignore[no-untyped-call]
    return result


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        inverse = torch.rsqrt(x.square().mean(-1, keepdim=True) + epsilon)
        normed = x * inverse
        ctx.save_for_backward(normed, inverse, weight)
        return normed * weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient,) = gradients
        normed, inverse, weight = ctx.saved_tensors
        weighted = gradient * normed
        inner = torch.mv(weighted, weight).div_(normed.shape[-1])[:, None]
        return (gradient * weight).sub_(normed * inner).mul_(inverse), weighted.sum(0), None


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        gate, up = gate_up.chunk(2, -1)
        opened = F.silu(gate)
        ctx.save_for_backward(gate_up, opened)
        return opened * up

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        gate_up, opened = ctx.saved_tensors
        gate, up = gate_up.chunk(2, -1)
        result = torch.empty_like(gate_up)
        gate_gradient, up_gradient = result.chunk(2, -1)
        torch.mul(gradient, opened, out=up_gradient)
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

    def spread(self, tokens: Tensor, heads: int) -> Tensor:
        """(N, heads x size) to (rows x heads, width, size); empty places hold numbers that must not be read."""
        grid = tokens if self.tokens is None else tokens.index_select(0, self.tokens)
        return grid.view(self.rows, self.width, heads, -1).transpose(1, 2).reshape(self.rows * heads, self.width, -1)

    def gather(self, grid: Tensor, heads: int) -> Tensor:
        """(rows x heads, width, size) to (N, heads x size)."""
        by_place = grid.view(self.rows, heads, self.width, -1).transpose(1, 2).reshape(self.rows * self.width, -1)
        return by_place if self.places is None else by_place.index_select(0, self.places)

    def spread_zeros(self, tokens: Tensor, heads: int) -> Tensor:
        """As spread, with zeros at empty places."""
        if self.places is not None:
            grid = tokens.new_zeros(self.rows * self.width, tokens.shape[1])
            grid[self.places] = tokens
            tokens = grid
        return tokens.view(self.rows, self.width, heads, -1).transpose(1, 2).reshape(self.rows * heads, self.width, -1)


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Multiplies the pairs of neighbours in (N, 2C) as complex numbers by ``rotation``, (N, C)."""
    return torch.view_as_real(torch.view_as_complex(x.reshape(len(x), -1, 2)) * rotation).flatten(1)


@dataclass(frozen=True)
class AttentionPlan:
    """Where queries and keys stand, how they are rotated, and what is added to their scores."""

    heads: int
    query_grid: Grid
    key_grid: Grid
    query_rotation: Tensor  # (Nq, A / 2)
    key_rotation: Tensor  # (N, A / 2)
    bias: Tensor  # (rows x heads, query width, key width)

    @property
    def scale(self) -> float:
        return float((2 * self.key_rotation.shape[1] / self.heads) ** -0.5)


def attention(query: Tensor, key: Tensor, value: Tensor, plan: AttentionPlan) -> Tensor:
    """Softmax attention of query tokens to key tokens, heads side by side: (Nq, A), (N, A), (N, A) to (Nq, A)."""
    result: Tensor = _Attention.apply(query, key, value, plan)  # type: ignore[no-untyped-call]
    return result


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, plan: AttentionPlan) -> Tensor:
        queries = plan.query_grid.spread(rotate(query, plan.query_rotation), plan.heads)
        keys = plan.key_grid.spread(rotate(key, plan.key_rotation), plan.heads)
        values = plan.key_grid.spread(value, plan.heads)
        weights = torch.baddbmm(plan.bias, queries, keys.transpose(1, 2), alpha=plan.scale).softmax(-1)
        ctx.save_for_backward(queries, keys, values, weights)
        ctx.plan = plan
        return plan.query_grid.gather(torch.bmm(weights, values), plan.heads)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        queries, keys, values, weights = ctx.saved_tensors
        plan: AttentionPlan = ctx.plan
        gradient = plan.query_grid.spread_zeros(gradients[0], plan.heads)
        for_values = torch.bmm(weights.transpose(1, 2), gradient)
        for_weights = torch.bmm(gradient, values.transpose(1, 2))
        for_scores = torch._softmax_backward_data(for_weights, weights, -1, weights.dtype).mul_(plan.scale)
        for_queries = plan.query_grid.gather(torch.bmm(for_scores, keys), plan.heads)
        for_keys = plan.key_grid.gather(torch.bmm(for_scores.transpose(1, 2), queries), plan.heads)
        # A rotation's transpose turns back.
        return (
            rotate(for_queries, plan.query_rotation.conj()),
            rotate(for_keys, plan.key_rotation.conj()),
            plan.key_grid.gather(for_values, plan.heads),
            None,
        )
