"""How pairs lie in memory: one row of tokens without padding, a pair's two sequences sharing their beginning.

A pair is two token sequences, prompt with chosen and prompt with rejected answer. What both begin with is encoded once;
attention alone sees them as two sequences (attention.py). A sequence's last token predicts nothing that is scored, so
it is not encoded at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

GROUP_WASTE = 0.85  # sequences are padded together when the shortest is at least this share of the longest


class Pair(Protocol):
    """What is needed of a tokenised pair (data/tokenise.py has it)."""

    @property
    def prompt_ids(self) -> tuple[int, ...]: ...
    @property
    def chosen_ids(self) -> tuple[int, ...]: ...
    @property
    def rejected_ids(self) -> tuple[int, ...]: ...
    @property
    def rejected_prompt_ids(self) -> tuple[int, ...] | None: ...


@dataclass(frozen=True)
class AttentionGroup:
    """Some sequences of similar length, padded on the right to R rows of W."""

    gather: Tensor  # (R * W,) the token at each place; padding repeats the first
    rows: int
    width: int


@dataclass(frozen=True)
class Layout:
    """B pairs as N tokens in one row, and where everything is."""

    ids: Tensor  # (N,)
    position_ids: Tensor  # (N,)
    groups: tuple[AttentionGroup, ...]
    scatter: Tensor  # (N,) each token's place in the groups' places, put end to end
    read: Tensor  # (M,) the token whose hidden state predicts a scored token
    targets: Tensor  # (M,) the scored tokens
    completions: Tensor  # (M,) theirs: 0..B-1 chosen, B..2B-1 rejected
    pairs: int
    longest: int  # tokens of the longest sequence

    def to(self, device: torch.device) -> Layout:
        if device.type == "cpu":
            return self
        move = {name: getattr(self, name).to(device, non_blocking=True) for name in _TENSORS}
        groups = tuple(AttentionGroup(g.gather.to(device, non_blocking=True), g.rows, g.width) for g in self.groups)
        return Layout(groups=groups, pairs=self.pairs, longest=self.longest, **move)


_TENSORS = ("ids", "position_ids", "scatter", "read", "targets", "completions")


@dataclass(frozen=True)
class Padded:
    """B pairs as 2B rows, chosen then rejected, padded on the right: the plain way, for any architecture."""

    ids: Tensor  # (2B, W)
    attention_mask: Tensor  # (2B, W), 1 where there is a token
    read: Tensor  # (M,) places, counted row by row
    targets: Tensor  # (M,)
    completions: Tensor  # (M,)
    pairs: int

    def to(self, device: torch.device) -> Padded:
        tensors = (self.ids, self.attention_mask, self.read, self.targets, self.completions)
        ids, mask, read, targets, completions = (tensor.to(device) for tensor in tensors)
        return Padded(ids, mask, read, targets, completions, self.pairs)


def sequences(pair: Pair) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    """Both token sequences of a pair, and how many tokens of each are prompt."""
    rejected_prompt = pair.prompt_ids if pair.rejected_prompt_ids is None else pair.rejected_prompt_ids
    return (
        pair.prompt_ids + pair.chosen_ids,
        rejected_prompt + pair.rejected_ids,
        len(pair.prompt_ids),
        len(rejected_prompt),
    )


def token_count(pair: Pair) -> int:
    """Tokens of both sequences, counted as a plain trainer encodes them."""
    chosen, rejected, _, _ = sequences(pair)
    return len(chosen) + len(rejected)


def lay_out(pairs: Sequence[Pair]) -> Layout:
    """Pairs side by side without padding."""
    ids: list[int] = []
    positions: list[Tensor] = []
    rows: list[Tensor] = [torch.empty(0)] * (2 * len(pairs))  # of each sequence: its tokens
    reads: list[Tensor] = [torch.empty(0)] * (2 * len(pairs))
    targets: list[tuple[int, ...]] = [()] * (2 * len(pairs))
    owners: list[tuple[int, int, int]] = []  # of each stretch of tokens: sequence, first place in it, length
    for i, pair in enumerate(pairs):
        chosen, rejected, chosen_prompt, rejected_prompt = sequences(pair)
        shared = _common(chosen[:-1], rejected[:-1])
        start = len(ids)
        ids += chosen[:-1]
        owners.append((i, 0, len(chosen) - 1))
        positions.append(torch.arange(len(chosen) - 1))
        rest = len(ids)
        ids += rejected[shared:-1]
        owners.append((len(pairs) + i, shared, len(rejected) - 1 - shared))
        positions.append(torch.arange(shared, len(rejected) - 1))
        chosen_row = torch.arange(start, rest)
        rejected_row = torch.cat([chosen_row[:shared], torch.arange(rest, len(ids))])
        for row, where, sequence, prompt in (
            (i, chosen_row, chosen, chosen_prompt),
            (len(pairs) + i, rejected_row, rejected, rejected_prompt),
        ):
            first = max(prompt, 1)  # nothing comes before a sequence's first token to predict it
            rows[row], reads[row], targets[row] = where, where[first - 1 :], sequence[first:]
    groups, begins = _groups(rows)
    scatter = [torch.arange(begins[row] + first, begins[row] + first + count) for row, first, count in owners]
    lengths = torch.tensor([len(read) for read in reads])
    return Layout(
        ids=torch.tensor(ids),
        position_ids=torch.cat(positions),
        groups=groups,
        scatter=torch.cat(scatter),
        read=torch.cat(reads),
        targets=torch.tensor([token for tokens in targets for token in tokens]),
        completions=torch.arange(2 * len(pairs)).repeat_interleave(lengths),
        pairs=len(pairs),
        longest=max(map(len, rows)),
    )


def pad(pairs: Sequence[Pair]) -> Padded:
    """Pairs as rows padded on the right."""
    parts = [sequences(pair) for pair in pairs]
    rows = [(part[0], part[2]) for part in parts] + [(part[1], part[3]) for part in parts]
    width = max(len(tokens) for tokens, _ in rows) - 1
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    reads: list[Tensor] = []
    targets: list[int] = []
    completions: list[Tensor] = []
    for i, (tokens, prompt) in enumerate(rows):
        ids[i, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        mask[i, : len(tokens) - 1] = 1
        first = max(prompt, 1)
        reads.append(torch.arange(i * width + first - 1, i * width + len(tokens) - 1))
        targets += tokens[first:]
        completions.append(torch.full((len(tokens) - first,), i))
    return Padded(ids, mask, torch.cat(reads), torch.tensor(targets), torch.cat(completions), len(pairs))


def _groups(rows: Sequence[Tensor]) -> tuple[tuple[AttentionGroup, ...], list[int]]:
    """The sequences in groups, and where each begins among the groups' places."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]), reverse=True)
    groups: list[AttentionGroup] = []
    begins = [0] * len(rows)
    offset = start = 0
    while start < len(order):
        width = max(1, len(rows[order[start]]))
        end = start
        while end < len(order) and len(rows[order[end]]) >= GROUP_WASTE * width:
            end += 1
        end = max(end, start + 1)
        gather = torch.zeros(end - start, width, dtype=torch.long)
        for k, i in enumerate(order[start:end]):
            gather[k, : len(rows[i])] = rows[i]
            begins[i] = offset + k * width
        groups.append(AttentionGroup(gather.flatten(), end - start, width))
        offset += (end - start) * width
        start = end
    return tuple(groups), begins


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))
