"""From hidden states to log-probabilities of given tokens, without holding every token's logits at once.

Chunk by chunk: logits, their normaliser, and what TRL reports about them. The backward pass needs the probabilities
again; they are kept when that is cheap and computed again when the vocabulary makes it dear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

CHUNK_ELEMENTS = 1 << 22  # logits at once
KEPT_BYTES = 512 << 20  # probabilities kept for the backward pass, at most


@dataclass(frozen=True)
class Head:
    """How hidden states become logits: a matrix, and for some architectures a factor or a soft cap."""

    scale: float = 1.0
    softcap: float | None = None

    @staticmethod
    def of(config: Any) -> Head:
        """What the configuration says; whether it is all there is to it is tried in scoring.py."""
        text = config.get_text_config()
        scale = 1.0
        for name, inverse in (("logit_scale", False), ("output_multiplier", False), ("logits_scaling", True)):
            number = getattr(text, name, None)
            if number is not None:
                scale = 1 / number if inverse else number
                break
        return Head(scale, getattr(text, "final_logit_softcapping", None))


@dataclass(frozen=True)
class TokenStatistics:
    """What TRL reports about each scored token, (M,) each, no gradient."""

    entropy: Tensor
    mean_logit: Tensor
    is_top: Tensor  # whether the token is the most probable one


def token_logps(
    hidden: Tensor,  # (M, D)
    weight: Tensor,  # (V, D)
    bias: Tensor | None,  # (V,)
    targets: Tensor,  # (M,)
    head: Head,
    *,
    statistics: bool,
) -> tuple[Tensor, TokenStatistics | None]:
    """Log-probabilities of the targets, (M,), in at least float32."""
    logps, entropy, mean_logit, is_top = _TokenLogps.apply(hidden, weight, bias, targets, head, statistics)  # type: ignore[no-untyped-call]  # torch's
    return logps, TokenStatistics(entropy, mean_logit, is_top) if statistics else None


def logps_of_logits(logits: Tensor, targets: Tensor, *, statistics: bool) -> tuple[Tensor, TokenStatistics | None]:
    """The same from logits (M, V) that are there already."""
    logits = logits if logits.dtype == torch.float64 else logits.float()
    normaliser = logits.logsumexp(-1)
    logps = logits.gather(1, targets[:, None])[:, 0] - normaliser
    if not statistics:
        return logps, None
    with torch.no_grad():
        entropy = normaliser - ((logits - normaliser[:, None]).exp() * logits).sum(-1)
        return logps, TokenStatistics(entropy, logits.mean(-1), logits.argmax(-1) == targets)


class _TokenLogps(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917  # torch passes no keywords
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        head: Head,
        statistics: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        weight = weight.to(hidden.dtype)  # under autocast the hidden states are shorter than the weights
        needed = any(ctx.needs_input_grad[:3])
        exact = torch.promote_types(hidden.dtype, torch.float32)
        rows = max(1, CHUNK_ELEMENTS // weight.shape[0])
        keep = needed and hidden.shape[0] * weight.shape[0] * hidden.element_size() <= KEPT_BYTES
        logps, entropy, mean_logit = (hidden.new_empty(len(hidden), dtype=exact) for _ in range(3))
        is_top = torch.empty(len(hidden), dtype=torch.bool, device=hidden.device)
        kept, normalisers = [], []
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            logits = _logits(hidden[part], weight, bias, head).to(exact)
            at_target = logits.gather(1, targets[part, None])[:, 0]
            if statistics:
                mean_logit[part] = logits.mean(-1)
                is_top[part] = at_target >= logits.amax(-1)
            normaliser = logits.logsumexp(-1)
            logps[part] = at_target - normaliser
            if statistics or keep:
                probabilities = (logits - normaliser[:, None]).exp_()
                if statistics:
                    entropy[part] = normaliser - torch.linalg.vecdot(probabilities, logits)
                if keep:
                    kept.append(probabilities.to(hidden.dtype))
            if needed and not keep:
                normalisers.append(normaliser)
        ctx.save_for_backward(hidden, weight, bias, targets, *(kept or normalisers))
        ctx.kept, ctx.head, ctx.rows, ctx.exact = keep, head, rows, exact
        ctx.mark_non_differentiable(entropy, mean_logit, is_top)
        return logps, entropy, mean_logit, is_top

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None, None]:
        hidden, weight, bias, targets, *saved = ctx.saved_tensors
        of_tokens, head = gradients[0], ctx.head
        for_hidden = torch.empty_like(hidden)
        for_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        for_bias = torch.zeros_like(bias, dtype=ctx.exact) if bias is not None and ctx.needs_input_grad[2] else None
        for i, start in enumerate(range(0, len(hidden), ctx.rows)):
            part = slice(start, start + ctx.rows)
            states, at = hidden[part], targets[part, None]
            capped: Tensor | None = None
            if head.softcap is not None or not ctx.kept:
                capped = _logits(states, weight, bias, head).to(ctx.exact)
            if ctx.kept:
                probabilities = saved[i].to(ctx.exact) if saved[i].dtype != ctx.exact else saved[i].clone()
            elif capped is not None:
                probabilities = (capped - saved[i][:, None]).exp_()
            # d log softmax: a token's gradient at its own logit, less its share of the whole at each.
            of_part = of_tokens[part, None].to(ctx.exact)
            for_logits = probabilities.mul_(-of_part)
            for_logits.scatter_add_(1, at, of_part)
            if head.softcap is not None and capped is not None:
                for_logits.mul_(1 - (capped / head.softcap).square())
            for_logits = (for_logits.mul_(head.scale) if head.scale != 1 else for_logits).to(hidden.dtype)
            torch.mm(for_logits, weight, out=for_hidden[part])
            if for_weight is not None:
                for_weight.addmm_(for_logits.t(), states)
            if for_bias is not None:
                for_bias += for_logits.sum(0)
        return for_hidden, for_weight, for_bias, None, None, None


def _logits(states: Tensor, weight: Tensor, bias: Tensor | None, head: Head) -> Tensor:
    logits = states @ weight.t()
    if bias is not None:
        logits = logits + bias.to(logits.dtype)
    if head.scale != 1:
        logits = logits * head.scale
    if head.softcap is not None:
        logits = torch.tanh(logits / head.softcap) * head.softcap
    return logits
