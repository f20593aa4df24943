"""Batches of preference pairs: which pairs go together, and how a batch lies in memory.

Packed: one row a pair, ``prompt | chosen | rejected``, the prompt encoded once, both completions at the positions that
follow it, and a mask that keeps them from seeing each other. Stacked: one row a completion, the plain way, for
architectures that do not take such masks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from losslab_trainer.forward import Forward
from losslab_trainer.pairs import PairSet

BUCKET_BATCHES = 16  # batches whose pairs are sorted by length together: more is faster, fewer is more random


@dataclass(frozen=True)
class Batch:
    """B pairs as R rows of W places, the places whose hidden states are read, and the M tokens scored there."""

    indices: Tensor  # (B,) of the pairs in their set
    ids: Tensor  # (R, W)
    position_ids: Tensor  # (R, W)
    mask: Tensor  # (R, W, W), True where a query (second axis) may look
    read: Tensor  # places, counted row by row
    scored: Tensor  # (M,) into ``read``: where each token is predicted
    targets: Tensor  # (M,) the tokens
    completions: Tensor  # (M,) its completion: 0..B-1 chosen, B..2B-1 rejected


def completion_logps(forward: Forward, batch: Batch) -> tuple[Tensor, Tensor]:
    """Log-probabilities of the chosen and the rejected completions, each (B,), nats, summed over their tokens."""
    chosen, rejected = forward.completion_logps(batch).chunk(2)
    return chosen, rejected


def bucketed_order(pairs: PairSet, chosen_pairs: Tensor, batch_size: int, generator: torch.Generator) -> list[Tensor]:
    """The batches of one epoch: shuffled, sorted by length within stretches of some batches, shuffled again."""
    shuffled = chosen_pairs[torch.randperm(len(chosen_pairs), generator=generator)]
    # By prompt, then by the longer completion: the least padding of the orders that were tried.
    prompts, completions = pairs.lengths[:, 0], pairs.lengths[:, 1:].max(1).values
    lengths = prompts * (completions.max() + 1) + completions
    batches: list[Tensor] = []
    for stretch in torch.split(shuffled, batch_size * BUCKET_BATCHES):
        batches += torch.split(stretch[lengths[stretch].argsort(stable=True)], batch_size)
    return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def make_batch(pairs: PairSet, indices: Tensor, *, packed: bool) -> Batch:
    return _pack(pairs, indices) if packed else _stack(pairs, indices)


def _pack(pairs: PairSet, indices: Tensor) -> Batch:
    lengths = pairs.lengths[indices]
    prompt_width, chosen_width, rejected_width = lengths.max(0).values.tolist()
    prompt_length, chosen_length, rejected_length = lengths[:, :, None].unbind(1)  # (B, 1) each
    chosen, rejected = pairs.chosen[indices, :chosen_width], pairs.rejected[indices, :rejected_width]
    # A completion's last token predicts nothing that is scored, so it is not encoded.
    ids = torch.cat([pairs.prompts[indices, -prompt_width:], chosen[:, :-1], rejected[:, :-1]], 1)
    prompt_at, chosen_at, rejected_at = (torch.arange(n) for n in (prompt_width, chosen_width, rejected_width))
    pad = prompt_width - prompt_length
    real = [prompt_at >= pad, chosen_at[1:] < chosen_length, rejected_at[1:] < rejected_length]
    positions = [(prompt_at - pad).clamp(min=0), prompt_length + chosen_at[:-1], prompt_length + rejected_at[:-1]]
    width = ids.shape[1]
    rejected_from = width - rejected_width + 1
    visible = torch.ones(width, width, dtype=torch.bool).tril()
    visible[rejected_from:, prompt_width:rejected_from] = False
    # The prompt's last column predicts the first token of both completions.
    mask = torch.cat(real, 1)[:, None, :] & visible
    read = torch.cat(real, 1)
    read[:, : prompt_width - 1] = False
    order = (read.flatten().cumsum(0) - 1).view(read.shape)[:, prompt_width - 1 :]  # of each place among those read
    in_chosen, in_rejected = chosen_at < chosen_length, rejected_at < rejected_length
    rejected_order = torch.cat([order[:, :1], order[:, chosen_width:]], 1)
    completion = torch.arange(2 * len(indices))[:, None]
    return Batch(
        indices=indices,
        ids=ids,
        position_ids=torch.cat(positions, 1),
        mask=mask,
        read=read.flatten().nonzero()[:, 0],
        scored=torch.cat([order[:, :chosen_width][in_chosen], rejected_order[in_rejected]]),
        targets=torch.cat([chosen[in_chosen], rejected[in_rejected]]),
        completions=torch.cat(
            [
                completion[: len(indices)].expand_as(in_chosen)[in_chosen],
                completion[len(indices) :].expand_as(in_rejected)[in_rejected],
            ]
        ),
    )


def _stack(pairs: PairSet, indices: Tensor) -> Batch:
    lengths = pairs.lengths[indices]
    prompt_length = lengths[:, 0].repeat(2)[:, None]
    completion_length = torch.cat([lengths[:, 1], lengths[:, 2]])[:, None]
    # The last token is not encoded here either.
    total = prompt_length + completion_length - 1
    width = int(total.max())
    at = torch.arange(width + 1)
    rows = len(total)
    ids = torch.zeros(rows, width + 1, dtype=torch.long)
    in_prompt = at < prompt_length
    in_completion = (at >= prompt_length) & (at <= total)
    prompts = pairs.prompts[indices].repeat(2, 1)
    prompt_at = torch.arange(prompts.shape[1])
    ids[in_prompt] = prompts[prompt_at >= prompts.shape[1] - prompt_length]
    completions = [
        matrix[indices][torch.arange(matrix.shape[1]) < lengths[:, i : i + 1]]
        for i, matrix in ((1, pairs.chosen), (2, pairs.rejected))
    ]
    ids[in_completion] = torch.cat(completions)
    before = in_completion[:, 1:]  # where the logits that predict the completions stand
    return Batch(
        indices=indices,
        ids=ids[:, :width],
        position_ids=at[:width].expand(rows, -1),
        mask=(at[:width] < total)[:, None, :] & torch.ones(width, width, dtype=torch.bool).tril(),
        read=before.flatten().nonzero()[:, 0],
        scored=torch.arange(int(before.sum())),
        targets=ids[in_completion],
        completions=torch.arange(rows)[:, None].expand_as(before)[before],
    )
